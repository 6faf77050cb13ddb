"""Nothing leaves for a server that can't be trusted."""

import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.qure.certificates import Authority, make_authority, self_signed_context
from tests.qure.parts import account_at, parts_of
from tests.qure.servers import (
    Behavior,
    answers,
    interrupts,
    interrupts_and_drains,
    interrupts_and_stalls,
    raw_answer,
    receipt,
    resets,
    serve,
    stops_reading,
)
from uploads.qure.body import MultipartBody
from uploads.qure.client import Client
from uploads.qure.errors import QureFault, QureMisconfigured, QureNoAnswer, QureNotReached, QureTooLarge
from uploads.qure.sending import Outgoing
from uploads.qure.transport import Line

LARGE = [b"\0" * 1_000_000] * 30


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """A private authority."""
    return make_authority(tmp_path)


def test_a_private_authority_is_trusted_when_it_is_set(authority: Authority) -> None:
    with (
        serve(answers(), tls=authority.server_context()) as server,
        Client(account_at(server.base_url, ca_bundle=authority.bundle)) as client,
    ):
        client.send(parts_of(*LARGE))
        client.send(parts_of(b"content"))

    assert [request.is_complete for request in server.requests] == [True, True]
    assert server.handshake_count == 1


@pytest.mark.parametrize(
    "context_of",
    [
        lambda authority: authority.server_context("qure.example"),
        lambda authority: authority.server_context("127.0.0.2"),
        lambda authority: authority.server_context(days=-2),
        lambda authority: make_authority(authority.folder / "..").server_context("127.0.0.1", days=2),
        lambda authority: self_signed_context(authority.folder),
    ],
    ids=["another name", "another number", "expired", "another authority", "self-signed"],
)
def test_a_certificate_that_cannot_be_trusted_stops_the_request(
    authority: Authority, context_of: Callable[[Authority], ssl.SSLContext]
) -> None:
    bundle = authority.bundle

    with (
        serve(answers(), tls=context_of(authority)) as server,
        Client(account_at(server.base_url, ca_bundle=bundle)) as client,
        pytest.raises(QureMisconfigured, match="certificate") as caught,
    ):
        client.send(parts_of(b"content"))

    assert not caught.value.attempted
    assert server.requests == []


def test_without_a_setting_the_public_authorities_are_trusted_and_no_other(authority: Authority) -> None:
    with (
        serve(answers(), tls=authority.server_context()) as server,
        Client(account_at(server.base_url)) as client,
        pytest.raises(QureMisconfigured),
    ):
        client.send(parts_of(b"content"))

    assert server.requests == []


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_a_bundle_that_cannot_be_read_is_a_setting_to_mend(
    tmp_path: Path, authority: Authority, content: str | None
) -> None:
    bundle = tmp_path / "bundle.pem"
    if content is not None:
        bundle.write_text(content, encoding="ascii")

    with (
        serve(answers(), tls=authority.server_context()) as server,
        Client(account_at(server.base_url, ca_bundle=str(bundle))) as client,
        pytest.raises(QureMisconfigured),
    ):
        client.send(parts_of(b"content"))

    assert server.requests == []


def test_a_server_without_tls_is_a_setting_to_mend() -> None:
    def talks_plainly(wire: object) -> bool:
        wire.sock.recv(100)  # type: ignore[attr-defined]  # a Wire
        wire.sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")  # type: ignore[attr-defined]  # a Wire
        return False

    with serve(talks_plainly) as server:
        base_url = server.base_url.replace("http:", "https:")
        with Client(account_at(base_url)) as client, pytest.raises(QureMisconfigured) as caught:
            client.send(parts_of(b"content"))

    assert not caught.value.attempted


@pytest.mark.parametrize("action", ["close", "reset", "stay"])
def test_a_handshake_that_breaks_off_is_tried_again_later(action: str) -> None:
    def breaks_off(wire: object) -> bool:
        sock = wire.sock  # type: ignore[attr-defined]  # a Wire
        sock.recv(100)
        if action == "reset":
            wire.reset()  # type: ignore[attr-defined]  # a Wire
        if action == "stay":
            wire.wait_for_the_end()  # type: ignore[attr-defined]  # a Wire
        return False

    with serve(breaks_off) as server:
        account = account_at(server.base_url.replace("http:", "https:"), connect_timeout=0.4)
        with Client(account) as client, pytest.raises(QureNotReached) as caught:
            client.send(parts_of(b"content"))

    assert not caught.value.attempted
    assert server.connection_count == 1


@pytest.mark.parametrize(
    ("behavior", "kind"),
    [
        (interrupts_and_drains(raw_answer(413, b""), 100_000), QureTooLarge),
        (interrupts_and_stalls(raw_answer(413, b""), 100_000), QureTooLarge),
        (interrupts(raw_answer(200, receipt()), 100_000), QureNoAnswer),
        (resets(100_000), QureNoAnswer),
        (stops_reading, QureNoAnswer),
    ],
    ids=["early 413", "early 413 and stall", "early receipt", "reset", "stall"],
)
def test_a_request_that_breaks_off_ends_as_without_tls(
    authority: Authority, behavior: Behavior, kind: type[QureFault]
) -> None:
    with serve(behavior, tls=authority.server_context()) as server:
        account = account_at(server.base_url, ca_bundle=authority.bundle, stall_timeout=0.4)
        with Client(account) as client, pytest.raises(kind) as caught:
            client.send(parts_of(*LARGE))

    assert type(caught.value) is kind
    assert len(server.requests) == server.connection_count == 1


def test_a_block_may_take_longer_than_a_stall_while_bytes_move_under_tls(authority: Authority) -> None:
    outgoing = Outgoing(MultipartBody(parts_of(b"\0" * 1_000_000)))
    line = Line(stall_timeout=0.6, answer_timeout=1)
    line.outgoing = outgoing
    near, far = socket.socketpair()
    near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
    theirs, ours = authority.server_context(), ssl.create_default_context(cafile=authority.bundle)

    def read_slowly() -> None:
        with theirs.wrap_socket(far, server_side=True, suppress_ragged_eofs=True) as sock:
            while sock.recv(65536):  # a record of TLS: 16 KiB
                time.sleep(0.02)

    reader = threading.Thread(target=read_slowly)
    reader.start()
    with ours.wrap_socket(near, server_hostname="127.0.0.1") as sock:
        start = time.monotonic()
        line.push(sock, outgoing.read(1 << 20))
        elapsed = time.monotonic() - start
    reader.join()
    outgoing.close()

    assert elapsed > 0.6
    assert outgoing.is_complete
