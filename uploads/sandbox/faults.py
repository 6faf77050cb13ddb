"""Faults that a test scripts for the next requests: what may be asked for, and which request gets which."""

import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from uploads.sandbox.answers import Answer, bad_token, no_dicom, refusal

KINDS = {
    "503": "answers 503 and stores nothing; retry_after is sent when given",
    "429": "answers 429 and stores nothing; retry_after is sent when given",
    "401": "gives the documented answer to a bad token, and stores nothing",
    "403": "answers 403 and stores nothing",
    "400": "gives the documented answer 'No DICOM files were uploaded!', and stores nothing",
    "404": "answers 404 and stores nothing",
    "413": "answers 413 and stores nothing",
    "500": "answers 500 with a page, and stores nothing",
    "redirect": "answers 3xx (status, 302 when not given) to location, and stores nothing",
    "slow": "pauses for seconds: after after_bytes of the body when given, else before the answer",
    "drip": "stores, and sends the answer byte by byte over seconds",
    "drop_before": "closes without storing: after the body, or after after_bytes of it",
    "drop_after": "stores, and closes without an answer",
    "garbage": "stores, and answers 200 with JSON that breaks off",
    "html": "stores, and answers 200 with a sign-in page",
    "other_json": "stores, and answers 200 with JSON of another kind",
    "fewer": "loses the last fewer_by instances of the request, and counts without them",
    "more": "stores, and counts fewer_by too many in the first series",
    "missing_series": "stores, and leaves the last series out of the answer",
    "unknown_series": "stores, and names one series that was not sent",
    "silent": "stores, and never answers: the connection stays open for seconds (600 when not given)",
    "license_expired": "stores, and says in a rich answer that the license is expired",
    "gzip_bomb": "stores, and answers 200 with 1 MB of gzip that inflates to 1 GiB",
}
REFUSING = frozenset({"503", "429", "401", "403", "400", "404", "413", "500", "redirect"})


@dataclass(frozen=True)
class Fault:
    """One scripted fault. ``times`` 0 = until cleared; ``only_sop_uid`` = only a request that holds it."""

    kind: str
    times: int = 1
    retry_after: str = ""
    location: str = ""
    status: int = 302
    seconds: float = 0.0
    fewer_by: int = 1
    after_bytes: int = -1
    only_sop_uid: str = ""


class Faults:
    """The faults that still wait, shared by all connections.

    A request takes the first fault without ``only_sop_uid``; if there is none, it takes, once its parts are
    known, the first whose ``only_sop_uid`` it holds. So a fault for one instance holds up no other.
    """

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, faults: list[Fault]) -> None:
        """Put faults behind those that wait."""
        with self._lock:
            self._waiting.extend(faults)

    def clear(self) -> None:
        """Forget all that wait."""
        with self._lock:
            self._waiting.clear()

    def waiting(self) -> list[dict[str, object]]:
        """List what waits; ``times`` is what is left."""
        with self._lock:
            return [asdict(fault) for fault in self._waiting]

    def take(self) -> Fault | None:
        """Take the next fault that suits any request."""
        return self._take(lambda fault: not fault.only_sop_uid)

    def take_for(self, sop_uids: frozenset[str]) -> Fault | None:
        """Take the next fault that is meant for one of these instances."""
        return self._take(lambda fault: fault.only_sop_uid in sop_uids)

    def _take(self, suits: Callable[[Fault], bool]) -> Fault | None:
        with self._lock:
            for index, fault in enumerate(self._waiting):
                if suits(fault):
                    self._use(index, fault)
                    return fault
        return None

    def _use(self, index: int, fault: Fault) -> None:
        if fault.times == 1:
            del self._waiting[index]
        elif fault.times > 1:
            self._waiting[index] = replace(fault, times=fault.times - 1)


def parse(value: object) -> list[Fault]:
    """Read faults from parsed JSON, one or a list; raise ``ValueError`` with a sentence on what is wrong."""
    if not isinstance(value, list):
        value = [value]
    return [_fault(item) for item in value]


def _fault(item: object) -> Fault:
    if not isinstance(item, dict):
        raise ValueError("a fault is a JSON object")
    known = {field.name: field.type for field in fields(Fault)}
    unknown = set(item) - set(known)
    if unknown:
        raise ValueError(f"a fault has no field {sorted(unknown)[0]}; it has {', '.join(known)}")
    if str(item.get("kind")) not in KINDS:
        raise ValueError(f"a fault's kind is one of {', '.join(KINDS)}")
    casts: dict[object, Callable[[str], Any]] = {int: int, float: float, str: str}  # Any: one of the three
    return Fault(**{name: casts[known[name]](str(given)) for name, given in item.items()})


def refusing_answer(fault: Fault) -> Answer:
    """Build the answer of a fault whose kind is in ``REFUSING``."""
    if fault.kind == "redirect":
        return refusal(fault.status, "Moved.", ("Location", fault.location or "/accounts/login/"))
    if fault.kind == "401":
        return bad_token()
    if fault.kind == "400":
        return no_dicom()
    if fault.kind == "500":
        return Answer(500, b"<h1>Server Error (500)</h1>\n", "text/html; charset=utf-8")
    headers = [("Retry-After", fault.retry_after)] if fault.retry_after else []
    return refusal(int(fault.kind), f"This is a scripted {fault.kind}.", *headers)
