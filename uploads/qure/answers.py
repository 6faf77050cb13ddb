"""What Qure answers, read as far as it can be read."""

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from uploads.qure.errors import QureNoAnswer, QureNothingUsable, QureUnauthorized

NOTHING_USABLE: Final = "no dicom files were uploaded"
MOST_INSTANCES: Final = 10_000_000
DIGITS: Final = re.compile(r"[0-9]{1,20}")


@dataclass(frozen=True)
class Answer:
    """An answer that names series.

    ``counts`` is NumberOfSeriesRelatedInstances by series; None where it is absent, no number, or several.
    """

    status: int
    text: str  # the body, whole
    message: str
    counts: dict[str, int | None]
    series_uids: tuple[str, ...]
    license_expired: bool
    already_held: int  # instances that Qure says it had before


def parse(status: int, text: str) -> Answer:
    """Read the body of a 2xx answer.

    Raises :class:`QureNoAnswer` for what is no answer, :class:`QureNothingUsable` and
    :class:`QureUnauthorized` for what says no in spite of its status.
    """
    data = _json_object(status, text)
    message = _text(data.get("message"))
    if data.get("authenticated") is False:
        raise QureUnauthorized("Qure does not accept the token.", status, text)
    if NOTHING_USABLE in message.lower():
        raise QureNothingUsable("Qure found no usable DICOM file in the request.", status, text)
    uids = _list(data.get("series_instance_uids"))
    series = tuple(_uid(uid) for uid in uids if isinstance(uid, str) and _uid(uid))
    if not series:
        raise QureNoAnswer("Qure's answer names no series.", status, text)
    notes = [note for note in _values(data.get("messages")) if isinstance(note, dict)]
    return Answer(
        status=status,
        text=text,
        message=message,
        counts=_counts(data.get("detailed_info")),
        series_uids=series,
        license_expired=any(note.get("license_expired") is True for note in notes),
        already_held=sum(note.get("created") is False for note in notes),
    )


def says_unauthorized(text: str) -> bool:
    """The documented answer to a bad token, whatever its status."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(data, dict) and data.get("authenticated") is False


def _json_object(status: int, text: str) -> dict[str, Any]:  # Any: decoded JSON
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise QureNoAnswer("Qure's answer can't be read.", status, text)
    return data


def _counts(details: object) -> dict[str, int | None]:
    """A series that is counted twice with different numbers is not counted."""
    found: dict[str, set[int | None]] = {}
    for detail in _list(details):
        uid = detail.get("SeriesInstanceUID") if isinstance(detail, dict) else None
        if isinstance(uid, str):
            count = _count(detail.get("NumberOfSeriesRelatedInstances"))
            found.setdefault(_uid(uid), set()).add(count)
    return {uid: counts.pop() if len(counts) == 1 else None for uid, counts in found.items()}


def _uid(text: str) -> str:
    """DICOM pads UIDs to an even length (PS3.5, 9.1); a server may hand the padding on."""
    return text.strip(" \0")


def _count(value: object) -> int | None:
    """The number is documented once as a string, once as an integer."""
    if isinstance(value, str) and DIGITS.fullmatch(value.strip()):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_INSTANCES:
        return None
    return value


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _list(value: object) -> list[Any]:  # Any: decoded JSON
    return value if isinstance(value, list) else []


def _values(value: object) -> list[Any]:  # Any: decoded JSON
    return list(value.values()) if isinstance(value, dict) else []
