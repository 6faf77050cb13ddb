"""When two files belong to the same patient. static/js/reading/identity.js has the same rule.

``tests/identity_cases.json`` holds both to it.
"""

import hashlib
import re
from typing import Final

BLANKS_AROUND: Final = re.compile(r"^[\s\0\ufeff]+|[\s\0\ufeff]+$")
NOT_DIGITS: Final = re.compile(r"[^0-9]")
NAME_DIVIDERS: Final = re.compile(r"[\s\0\ufeff^]+")


def patient_key(patient_id: str, birth_date: str, name: str) -> str:
    """The same key means the same patient: by ID and birth date, not by the spelling of a name.

    Without both, the name decides.
    """
    known, born = BLANKS_AROUND.sub("", patient_id), _known_date(birth_date)
    return f"id|{known}|{born}" if known or born else f"name|{_folded_name(name)}"


def match_key(patient_id: str, birth_date: str, name: str) -> str:
    """The key as a digest: of one length, and without a patient's data where it is kept."""
    key = patient_key(patient_id, birth_date, name)
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def _known_date(text: str) -> str:
    """The digits of a date; one that is all zeros is none."""
    digits = NOT_DIGITS.sub("", text)
    return digits if digits.strip("0") else ""


def _folded_name(name: str) -> str:
    """The first writing of the name ("=" divides them), in capitals, one space for what divides its parts."""
    first = next((writing for writing in name.split("=") if NAME_DIVIDERS.sub("", writing)), "")
    return NAME_DIVIDERS.sub(" ", first).strip().upper()
