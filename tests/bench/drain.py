"""``python -m tests.bench.drain FOLDER``: a receiver in a process of its own that keeps nothing.

Prints its ports and the authority to trust, which it makes in FOLDER, and lives until its input ends. The
first two ports drain. The third also counts what it was sent, as a receipt must, and does no more for it than
it has to: on the same cores the sandbox, which keeps and reads everything, would be slower than the portal.
The fourth answers late; it counts a request once, and knows it again when it comes again.
"""

import json
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench.processes import cpu_seconds
from tests.qure.certificates import make_authority
from tests.qure.servers import Behavior, drains, raw_answer, serve
from tests.qure.wire import Request, Wire

LATE_SECONDS: Final = 0.1
BEGINNING: Final = 1024  # bytes of a body, with the first part's name in it
NAME: Final = re.compile(rb'name="[^"]*"')
SERIES: Final = b"\x20\x00\x0e\x00UI"  # (0020,000E) in little endian with its VR


@dataclass(frozen=True)
class Drain:
    """A running receiver."""

    pid: int
    urls: dict[str, str]  # by "http" and "TLS"
    counting_url: str
    late_url: str
    bundle: str

    def cpu_seconds(self) -> float:
        """What it has used of a core so far."""
        return cpu_seconds(self.pid)


@contextmanager
def running_drain(folder: Path) -> Iterator[Drain]:
    """Start a receiver; end it afterwards."""
    folder.mkdir()
    command = [sys.executable, "-m", "tests.bench.drain", str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            plain, secure, counting, late, bundle = process.stdout.readline().split()
            urls = {"http": f"http://127.0.0.1:{plain}/", "TLS": f"https://127.0.0.1:{secure}/"}
            counting_url, late_url = (f"http://127.0.0.1:{port}/" for port in (counting, late))
            yield Drain(process.pid, urls, counting_url, late_url, bundle)
        finally:
            process.kill()


def main(folder: Path) -> None:
    """Serve until nobody wants it any more."""
    authority = make_authority(folder)
    tls = authority.server_context()
    with (
        serve(drains) as plain,
        serve(drains, tls=tls) as secure,
        serve(counts) as counting,
        serve(knows_again()) as late,
    ):
        sys.stdout.write(f"{plain.port} {secure.port} {counting.port} {late.port} {authority.bundle}\n")
        sys.stdout.flush()
        sys.stdin.read()


def counts(wire: Wire) -> bool:
    """Take a request and answer how many instances of each series it held."""
    request = wire.read_head()
    if request is None or not wire.read_body(request):
        return False
    answer = _receipt(request)
    request.body = bytearray()
    wire.sock.sendall(raw_answer(200, answer))
    return True


def knows_again() -> Behavior:
    """Take a request and answer late how many instances it held; the second time without looking at it."""
    receipts: dict[tuple[int, bytes], bytes] = {}

    def behave(wire: Wire) -> bool:
        request = wire.read_head()
        if request is None or not wire.read_body(request, BEGINNING):
            return False
        name = NAME.search(request.body)
        key = (request.length, name[0] if name else b"")
        if key in receipts:
            _drop_rest(wire, request)
        else:
            wire.read_body(request)
            receipts[key] = _receipt(request)
        request.body = bytearray()
        time.sleep(LATE_SECONDS)
        wire.sock.sendall(raw_answer(200, receipts[key]))
        return True

    return behave


def _drop_rest(wire: Wire, request: Request) -> None:
    left, buffer = request.length - len(request.body), bytearray(1 << 20)
    while left and (count := wire.sock.recv_into(buffer)):
        left -= count


def _receipt(request: Request) -> bytes:
    series: Counter[str] = Counter()
    at = request.body.find(SERIES)
    while at >= 0:
        start = at + len(SERIES) + 2
        end = start + int.from_bytes(request.body[start - 2 : start], "little")
        series[request.body[start:end].rstrip(b"\0").decode("ascii")] += 1
        at = request.body.find(SERIES, end)
    lines = [
        {"SeriesInstanceUID": uid, "NumberOfSeriesRelatedInstances": count} for uid, count in series.items()
    ]
    answer: dict[str, object] = {
        "message": "Success",
        "series_instance_uids": list(series),
        "detailed_info": lines,
    }
    # What Orthanc reads of the answer of a DICOMweb server (PS3.18, I.2.2): one item an instance.
    answer["00081199"] = {"vr": "SQ", "Value": [{}] * series.total()}
    return json.dumps(answer).encode()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
