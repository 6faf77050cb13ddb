"""The answers of ``POST /studies``: the three documented ones, the richer one, and plain refusals."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

JSON = "application/json"


@dataclass(frozen=True)
class Answer:
    """One HTTP answer, ready to be written."""

    status: int
    body: bytes
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class SeriesCount:
    """How many instances of one series: in this request and so far, distinct and with repeats."""

    series_uid: str
    in_request: int
    parts_in_request: int
    held: int
    received: int


@dataclass(frozen=True)
class PartNote:
    """What became of one part: ``created`` is None when it was no DICOM, False when it was held before."""

    created: bool | None
    study_uid: str = ""
    series_uid: str = ""
    sop_uid: str = ""


@dataclass(frozen=True)
class Wording:
    """The choices that the documents leave open, as this answer makes them."""

    counts: str
    repeats: str
    numbers: str
    is_rich: bool
    license_expired: bool


def json_answer(status: int, value: object, *headers: tuple[str, str]) -> Answer:
    """Any value as a JSON answer."""
    return Answer(status, json.dumps(value).encode() + b"\n", headers=headers)


def refusal(status: int, message: str, *headers: tuple[str, str]) -> Answer:
    """A refusal with one sentence; the documents show ``message`` and nothing else."""
    return json_answer(status, {"message": message}, *headers)


def bad_token() -> Answer:
    """The documented answer to a wrong or missing token."""
    return json_answer(
        401,
        {
            "message": "Invalid token header. No credentials provided.",
            "next": "/accounts/login/",
            "authenticated": False,
        },
    )


def no_dicom() -> Answer:
    """The documented answer to a request without a single DICOM file."""
    return refusal(400, "No DICOM files were uploaded!")


def number_of(count: SeriesCount, wording: Wording) -> int:
    """Return ``NumberOfSeriesRelatedInstances`` in the chosen way of counting."""
    return {
        ("request", "once"): count.in_request,
        ("request", "again"): count.parts_in_request,
        ("series", "once"): count.held,
        ("series", "again"): count.received,
    }[wording.counts, wording.repeats]


def success(numbers: Sequence[tuple[str, int]], notes: Sequence[PartNote], wording: Wording) -> Answer:
    """Build the documented 200: each series once, in the order of its first part, with its number."""
    value: dict[str, object] = {
        "message": "Success",
        "series_instance_uids": [series_uid for series_uid, _ in numbers],
        "detailed_info": [
            {
                "SeriesInstanceUID": series_uid,
                "NumberOfSeriesRelatedInstances": str(number) if wording.numbers == "string" else number,
            }
            for series_uid, number in numbers
        ],
    }
    if wording.is_rich:
        value["status"] = "success"
        value["messages"] = {
            f"file{index}": _message(note, wording.license_expired) for index, note in enumerate(notes)
        }
    return json_answer(200, value)


def _message(note: PartNote, license_expired: bool) -> dict[str, object]:
    messages = {None: "Not a DICOM file", True: "Created", False: "Already exists"}
    metadata = {
        "StudyInstanceUID": note.study_uid,
        "SeriesInstanceUID": note.series_uid,
        "SOPInstanceUID": note.sop_uid,
    }
    return {
        "message": messages[note.created],
        "created": note.created,
        "license_expired": license_expired,
        "metadata": {} if note.created is None else metadata,
    }
