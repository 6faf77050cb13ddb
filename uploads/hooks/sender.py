"""One POST over one connection. No redirect is followed, no proxy asked, no cookie kept."""

import http.client
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from socket import SHUT_RDWR
from typing import Final
from urllib.parse import urlsplit

import certifi

CONNECT_SECONDS: Final = 5
WHOLE_SECONDS: Final = 20  # for all of it, however the answer drips


class HookUnreachable(Exception):
    """No answer came. The text is a sentence of ours, without the address."""


def post(url: str, body: bytes, headers: Mapping[str, str], ca_bundle: str = "") -> int:
    """Send the body and answer the HTTP status; the rest of the answer is not read.

    Raises :class:`HookUnreachable`.
    """
    try:
        connection = _connection(url, ca_bundle)
    except (ValueError, OSError):
        raise HookUnreachable("The address or the file of certificates can't be used.") from None
    clock = threading.Timer(WHOLE_SECONDS, _cut, [connection])
    clock.daemon = True
    try:
        clock.start()
        return _exchange(connection, url, body, headers)
    except ssl.SSLCertVerificationError:
        raise HookUnreachable("The receiver's certificate can't be trusted.") from None
    except (OSError, http.client.HTTPException, ValueError) as e:
        raise HookUnreachable(f"No answer came ({type(e).__name__}).") from None
    finally:
        clock.cancel()
        connection.close()


def _connection(url: str, ca_bundle: str) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    if parts.scheme == "https":
        context = ssl.create_default_context(cafile=ca_bundle or certifi.where())
        return http.client.HTTPSConnection(host, port, timeout=CONNECT_SECONDS, context=context)
    return http.client.HTTPConnection(host, port, timeout=CONNECT_SECONDS)


def _exchange(
    connection: http.client.HTTPConnection, url: str, body: bytes, headers: Mapping[str, str]
) -> int:
    parts = urlsplit(url)
    path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    connection.connect()
    connection.sock.settimeout(WHOLE_SECONDS)
    connection.request("POST", path, body, {**headers, "Connection": "close"})
    return connection.getresponse().status


def _cut(connection: http.client.HTTPConnection) -> None:
    """End a call that takes too long. Who waits for its socket is woken."""
    sock = connection.sock
    if sock is not None:
        with suppress(OSError):
            sock.shutdown(SHUT_RDWR)
