"""What one sandbox is told at its start: the command line, and what it means."""

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

LIMIT_BYTES = 100_000_000  # "the payload size of each request does not exceed 100 MB", for the whole body

DESCRIPTION = """A stand-in for the Qure server: it keeps the published promises of POST /studies, holds what
it was sent byte for byte, shows it at /_sandbox/ and plays faults that are scripted there."""

EPILOG = """environment: SANDBOX_TOKEN is the token when neither --token nor --token-file is given.

inspection and control (from this machine only, unless --open):
  GET    /_sandbox/                     a page with what is held and the last requests
  GET    /_sandbox/instances            JSON: every instance held; /_sandbox/instances/<sha256> its bytes
  DELETE /_sandbox/instances            forget all instances and requests
  GET    /_sandbox/requests             JSON: every request to studies
  POST   /_sandbox/faults               JSON list of faults for the next requests; GET shows, DELETE clears
  POST   /_sandbox/token                {"token": "..."}: accept this one from now on

example:
  python -m uploads.sandbox --port 9010 --data /tmp/sandbox --token demo
  curl -X POST -d '[{"kind": "429", "retry_after": "5", "times": 2}]' http://127.0.0.1:9010/_sandbox/faults
"""


@dataclass(frozen=True)
class Options:
    """One sandbox's promises and quirks; each field is the command line option of its name."""

    data: Path
    token: str
    host: str = "127.0.0.1"
    port: int = 9010
    port_file: Path | None = None
    source: str = ""
    limit_bytes: int = LIMIT_BYTES
    counts: str = "request"
    repeats: str = "once"
    numbers: str = "int"
    answer: str = "plain"
    bad_part: str = "skip"
    refused_sop_uids: frozenset[str] = frozenset()
    slash: str = "strict"
    scheme: str = "token"
    media: str = "related"
    license_expired: bool = False
    delay_seconds: float = 0.0
    is_open: bool = False


def parse(arguments: Sequence[str]) -> Options:
    """Read the command line; a wrong one ends the program with a plain sentence (``SystemExit``)."""
    parser = _parser()
    found = parser.parse_args(arguments)
    try:
        token = found.token or _text(found.token_file) or os.environ.get("SANDBOX_TOKEN", "")
        refused = frozenset(_text(found.refuse_sop_file).split())
    except OSError as e:
        parser.error(f"cannot read a file that was named: {e.strerror}")
    if not token:
        parser.error("no token: give --token, --token-file or the environment variable SANDBOX_TOKEN")
    return Options(
        **{name: value for name, value in vars(found).items() if name in SIMPLE},
        token=token,
        refused_sop_uids=refused,
        delay_seconds=found.delay_ms / 1000,
    )


SIMPLE = frozenset(Options.__dataclass_fields__) - {"token", "refused_sop_uids", "delay_seconds"}


def _text(path: Path | None) -> str:
    return path.read_text(encoding="utf-8").strip() if path else ""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m uploads.sandbox",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_place(parser)
    _add_admission(parser)
    _add_answers(parser)
    return parser


def _add_place(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("place")
    group.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    group.add_argument("--port", type=int, default=9010, help="port, 0 = any free one (%(default)s)")
    group.add_argument("--port-file", type=Path, metavar="FILE", help="write the port here when ready")
    group.add_argument("--data", type=Path, required=True, metavar="DIR", help="where everything is kept")
    group.add_argument(
        "--open", dest="is_open", action="store_true", help="answer /_sandbox/ to other machines too"
    )


def _add_admission(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what is let in")
    group.add_argument("--token", default="", help="the token to accept")
    group.add_argument("--token-file", type=Path, metavar="FILE", help="read the token from a file")
    group.add_argument("--scheme", choices=["token", "any"], default="token", help="any: also 'Bearer'")
    group.add_argument("--source", default="", help="require the header 'Source' with this value")
    group.add_argument(
        "--slash", choices=["strict", "tolerant"], default="strict", help="tolerant: /studies/ too"
    )
    group.add_argument(
        "--media", choices=["related", "any"], default="related", help="any: also multipart/form-data"
    )
    group.add_argument(
        "--limit-bytes", type=int, default=LIMIT_BYTES, metavar="N", help="largest body (%(default)s)"
    )
    group.add_argument(
        "--bad-part",
        choices=["skip", "refuse"],
        default="skip",
        help="a part that is no DICOM: skip it and keep the rest, or refuse the whole request",
    )
    group.add_argument(
        "--refuse-sop-file",
        type=Path,
        metavar="FILE",
        help="refuse each request that holds a SOP instance UID listed in this file",
    )


def _add_answers(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("how it answers")
    group.add_argument(
        "--counts",
        choices=["request", "series"],
        default="request",
        help="what NumberOfSeriesRelatedInstances counts: this request, or the series so far",
    )
    group.add_argument(
        "--repeats", choices=["once", "again"], default="once", help="how an instance sent twice is counted"
    )
    group.add_argument("--numbers", choices=["int", "string"], default="int", help="the type of that number")
    group.add_argument(
        "--answer", choices=["plain", "rich"], default="plain", help="rich: add 'status' and 'messages'"
    )
    group.add_argument("--license-expired", action="store_true", help="say so in rich answers")
    group.add_argument("--delay-ms", type=int, default=0, metavar="N", help="wait before each answer")
