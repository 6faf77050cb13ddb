"""``/_sandbox/``: look at what is held, script faults, change the token. No part of the Qure API."""

import ipaddress
import json
from collections.abc import Callable
from email.message import Message

from uploads.sandbox import faults, page
from uploads.sandbox.answers import Answer, json_answer, refusal
from uploads.sandbox.state import Sandbox

PREFIX = "/_sandbox/"
BODY_MAX_BYTES = 1 << 20
LOCAL_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})
PAGE_HEADERS = (
    ("Content-Security-Policy", "default-src 'none'; style-src 'self'; frame-ancestors 'none'"),
    ("Cache-Control", "no-store"),
)


def is_allowed(peer: str, headers: Message, sandbox: Sandbox) -> bool:
    """Whether this peer may look inside: this machine only, unless the sandbox is open.

    A web page that a browser on this machine shows is a stranger too: it betrays itself by ``Origin``, or by
    a ``Host`` that only its own name server points here.
    """
    if "Origin" in headers:
        return False
    host = headers.get("Host", "").rpartition(":")[0] or headers.get("Host", "")
    is_here = ipaddress.ip_address(peer.partition("%")[0]).is_loopback and host in LOCAL_HOSTS
    return sandbox.options.is_open or is_here


def answer(method: str, target: str, body: bytes, sandbox: Sandbox) -> Answer:
    """Answer one request below ``/_sandbox/``."""
    path, _, query = target.removeprefix(PREFIX).partition("?")
    if method == "GET" and path.startswith("instances/"):
        return _instance(path.removeprefix("instances/"), sandbox)
    if method == "GET" and path == "":
        return Answer(200, page.render(sandbox, query == "still"), "text/html; charset=utf-8", PAGE_HEADERS)
    action = ACTIONS.get((method, path))
    if action is None:
        return refusal(404, "Not found.")
    try:
        return action(body, sandbox)
    except ValueError as e:
        return refusal(400, str(e))


def _instance(sha256: str, sandbox: Sandbox) -> Answer:
    path = sandbox.store.path_of(sha256)
    return Answer(200, path.read_bytes(), "application/dicom") if path else refusal(404, "Not held.")


def _style(_body: bytes, _sandbox: Sandbox) -> Answer:
    return Answer(200, page.STYLE.encode(), "text/css; charset=utf-8")


def _instances(_body: bytes, sandbox: Sandbox) -> Answer:
    return json_answer(200, sandbox.ledger.instances())


def _requests(_body: bytes, sandbox: Sandbox) -> Answer:
    return json_answer(200, sandbox.ledger.requests())


def _forget(_body: bytes, sandbox: Sandbox) -> Answer:
    sandbox.ledger.forget()
    sandbox.store.forget()
    return json_answer(200, [])


def _faults(_body: bytes, sandbox: Sandbox) -> Answer:
    return json_answer(200, sandbox.faults.waiting())


def _add_faults(body: bytes, sandbox: Sandbox) -> Answer:
    sandbox.faults.add(faults.parse(json.loads(body)))
    return _faults(b"", sandbox)


def _clear_faults(_body: bytes, sandbox: Sandbox) -> Answer:
    sandbox.faults.clear()
    return _faults(b"", sandbox)


def _set_token(body: bytes, sandbox: Sandbox) -> Answer:
    value = json.loads(body)
    token = value.get("token") if isinstance(value, dict) else None
    if not isinstance(token, str) or not token:
        raise ValueError('the body is {"token": "..."}')
    sandbox.token = token
    return json_answer(200, {"message": "The token is changed."})


ACTIONS: dict[tuple[str, str], Callable[[bytes, Sandbox], Answer]] = {
    ("GET", "page.css"): _style,
    ("GET", "instances"): _instances,
    ("DELETE", "instances"): _forget,
    ("GET", "requests"): _requests,
    ("GET", "faults"): _faults,
    ("POST", "faults"): _add_faults,
    ("DELETE", "faults"): _clear_faults,
    ("POST", "token"): _set_token,
}
