"""What was found in a file: one outcome, its reason, and who the file says it is.

Imports no pydicom: the processes that start the checker import this module and stay small.
"""

import base64
import binascii
import json
from dataclasses import astuple, dataclass
from enum import StrEnum

from uploads.dicom.process import MalformedAnswer
from uploads.reasons import Reason


class Outcome(StrEnum):
    """What becomes of a file after it was looked at."""

    VALID = "valid"
    REJECTED = "rejected"
    IGNORED = "ignored"
    QUARANTINED = "quarantined"


class Kind(StrEnum):
    """What sort of object a file holds, by its SOP class (PS3.4 B.5)."""

    IMAGE = "image"
    SECONDARY = "secondary"
    REPORT = "report"
    DOCUMENT = "document"
    OTHER = "other"


class Use(StrEnum):
    """What an image is good for, from the most useful to the AI to the least."""

    HEAD_CT = "head_ct"
    CHEST_XRAY = "chest_xray"
    IMAGE = "image"
    SCOUT = "scout"
    OTHER = "other"
    SECONDARY = "secondary"
    REPORT = "report"
    DOCUMENT = "document"


class Flag(StrEnum):
    """Something a person may want to know about a file that is fine otherwise."""

    UNDECODABLE_TEXT = "undecodable_text"


class MalformedFinding(MalformedAnswer):
    """A line that is not a finding came through the pipe."""


@dataclass(frozen=True)
class Identity:
    """Who the file says it is. UIDs are valid (PS3.5 9.1); texts are cleaned and at most 64 characters.

    ``patient_name`` may hold up to three writings, in 200 characters. ``match_key`` is made of the patient's
    texts as they came (``uploads.dicom.patients``).
    """

    study_uid: str
    series_uid: str
    sop_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    modality: str
    series_description: str
    series_number: str
    body_part: str
    study_date: str
    study_description: str
    accession_number: str
    match_key: str
    patient_id: str
    patient_name: str
    birth_date: str
    sex: str
    kind: Kind
    use: Use


@dataclass(frozen=True)
class Finding:
    """The one outcome of a file. ``reason`` is None for a valid file, and only for that.

    ``wrapper`` goes in front of the file's bytes on the wire when the file came without a
    DICOM file header (PS3.10 7.1); it is the same for the same file, and empty for all others.
    """

    outcome: Outcome
    reason: Reason | None
    identity: Identity | None = None
    wrapper: bytes = b""
    flags: tuple[Flag, ...] = ()


def to_json(finding: Finding) -> str:
    """Write the finding as one line without a line break."""
    identity = None if finding.identity is None else astuple(finding.identity)
    wrapper = base64.b64encode(finding.wrapper).decode("ascii")
    return json.dumps([finding.outcome, finding.reason, identity, wrapper, finding.flags])


def from_json(line: str | bytes) -> Finding:
    """Read what ``to_json`` wrote. Raise MalformedFinding for anything else, without quoting it."""
    try:
        outcome, reason, identity, wrapper, flags = json.loads(line)
        return Finding(
            Outcome(outcome),
            None if reason is None else Reason(reason),
            None if identity is None else _identity(identity),
            base64.b64decode(wrapper, validate=True),
            tuple(Flag(flag) for flag in flags),
        )
    except (ValueError, TypeError, RecursionError, binascii.Error):
        raise MalformedFinding("the checker's answer is not a finding") from None


def _identity(fields: list[str]) -> Identity:
    if not all(isinstance(text, str) for text in fields):
        raise TypeError("an identity is made of texts")
    *texts, kind, use = fields
    return Identity(*texts, Kind(kind), Use(use))  # type: ignore[call-arg, arg-type]  # too few or many raise
