"""What is seen from outside: the environment, open files, memory. Each runs in a process of its own."""

import gzip
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.qure.certificates import make_authority
from tests.qure.parts import TOKEN
from tests.qure.servers import Server, answers, drains, raw_answer, says, serve

PROJECT = Path(__file__).resolve().parent.parent.parent

SEND = """
import io, sys
from uploads.qure.account import Account
from uploads.qure.body import Part
from uploads.qure.client import Client
from uploads.qure.errors import QureFault
try:
    with Client(Account(sys.argv[1], sys.argv[2], answer_timeout=20)) as client:
        client.send([Part("1.dcm", 7, lambda: io.BytesIO(b"content"))])
except QureFault as e:
    print(type(e).__name__)
else:
    print("receipt")
"""

MANY_FILES = """
import functools, pathlib, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
from uploads.qure.account import Account
from uploads.qure.body import Part
from uploads.qure.client import Client
path = pathlib.Path(sys.argv[3])
parts = [Part(f"{n:06d}.dcm", path.stat().st_size, functools.partial(path.open, "rb")) for n in range(2000)]
with Client(Account(sys.argv[1], sys.argv[2])) as client:
    client.send(parts)
print("receipt")
"""

MUCH = """
import io, resource, sys
from uploads.qure.account import Account
from uploads.qure.body import Part
from uploads.qure.client import Client

class Zeros(io.RawIOBase):
    def __init__(self, size):
        self.left = size
    def readinto(self, target):
        count = min(len(target), self.left)
        self.left -= count
        return count

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

SIZE = 10_000_000
def parts(count):
    return [Part(f"{n:06d}.dcm", SIZE, lambda: Zeros(SIZE)) for n in range(count)]

with Client(Account(sys.argv[1], sys.argv[2], answer_timeout=60)) as client:
    base = peak()
    client.send(parts(100))
    print((peak() - base) * 1024)
"""


BOMB = """
import io, resource, sys
from uploads.qure.account import Account
from uploads.qure.body import Part
from uploads.qure.client import Client
from uploads.qure.errors import QureNoAnswer

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

def send(client):
    client.send([Part("1.dcm", 7, lambda: io.BytesIO(b"content"))])

with Client(Account(sys.argv[1], sys.argv[2], answer_timeout=20)) as client:
    send(client)
    base = peak()
    try:
        send(client)
    except QureNoAnswer:
        print((peak() - base) * 1024)
"""


def run(code: str, server: Server, *arguments: str, **environment: str) -> str:
    """The output of a process that runs this against the server."""
    command = [sys.executable, "-W", "error", "-c", code, server.base_url, TOKEN, *arguments]
    whole = {**os.environ, **environment}
    done = subprocess.run(
        command, cwd=PROJECT, env=whole, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_environment_has_no_say(tmp_path: Path) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login thief password secret\n", encoding="ascii")
    netrc.chmod(0o600)
    proxies = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")

    with serve(answers()) as server, serve(answers()) as proxy:
        places = dict.fromkeys(proxies, proxy.base_url) | {"HOME": str(tmp_path), "NETRC": str(netrc)}
        outcome = run(SEND, server, NO_PROXY="", no_proxy="", **places)

    assert outcome == "receipt"
    assert server.requests[0].headers["authorization"] == f"Token {TOKEN}"
    assert proxy.connection_count == 0


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_the_environment_does_not_say_whom_to_trust(tmp_path: Path, name: str) -> None:
    authority = make_authority(tmp_path)

    with serve(answers(), tls=authority.server_context()) as server:
        outcome = run(SEND, server, **{name: authority.bundle})

    assert outcome == "QureMisconfigured"
    assert server.requests == []


def test_two_thousand_files_need_few_handles(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 1000)

    with serve(answers()) as server:
        outcome = run(MANY_FILES, server, str(path))

    assert outcome == "receipt"
    assert server.requests[0].body.count(b"\r\n\r\n" + b"x" * 1000 + b"\r\n--") == 2000


def test_memory_does_not_grow_with_the_request() -> None:
    with serve(drains) as server:
        growth_bytes = int(run(MUCH, server))

    assert growth_bytes < 10_000_000
    assert server.requests[0].length > 1_000_000_000


@pytest.mark.parametrize("coding", ["gzip", "gzip, gzip"])
def test_memory_does_not_grow_with_what_a_bomb_would_inflate_to(coding: str) -> None:
    bomb = gzip.compress(b" " * (128 << 20), compresslevel=1)
    if "," in coding:
        bomb = gzip.compress(bomb)

    with serve(answers(), says(raw_answer(200, bomb, {"Content-Encoding": coding}))) as server:
        growth_bytes = int(run(BOMB, server))

    assert growth_bytes < 10_000_000
