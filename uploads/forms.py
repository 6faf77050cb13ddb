"""What comes in from outside, read strictly: a value of the right type, or a refusal with a sentence."""

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from django import forms
from django.conf import settings
from django.http import HttpRequest
from django.utils.formats import number_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from uploads.dicom.patients import match_key
from uploads.dicom.text import clean_text
from uploads.http import Refusal
from uploads.models import NoticeSettings, Team
from uploads.reasons import LEFT_OUT, Caution, Reason

MOST_ENTRIES: Final = 2000
LONGEST_PATH: Final = 4096  # characters
LARGEST_SIZE: Final = 2**46  # bytes; as many as one upload may hold still add up in 64 bits
LONGEST_LENGTH: Final = 18  # digits that fit in 64 bits
LONGEST_NOTE: Final = 200  # characters
LONGEST_TEXT: Final = 1024  # characters of what a header says of a patient, as the browser has read it
MOST_DETAILS: Final = 10_000  # patients, warnings, studies or left-out files in one request
MOST_UNLISTED: Final = 2**31 - 1  # as the column holds
DIGEST: Final = re.compile(r"[0-9a-f]{64}")
UID: Final = re.compile(r"[0-9.]{1,64}")

Value = TypeVar("Value")


@dataclass(frozen=True)
class Entry:
    """One file that was chosen: its path as the browser gives it, and its size in bytes."""

    path: str
    size: int


@dataclass(frozen=True)
class LeftOut:
    """One file that was chosen, but stays where it is."""

    path: str
    size: int
    reason: Reason


@dataclass(frozen=True)
class NewJob:
    """What an upload begins with."""

    request: uuid.UUID
    team: uuid.UUID | None
    note: str
    is_stat: bool


@dataclass(frozen=True)
class Warned:
    """One warning that the person was shown: of what, about which series or study, with which number."""

    code: Caution
    uid: str
    number: int | None


@dataclass(frozen=True)
class Chosen:
    """How many files of a series were chosen, with those that are here already."""

    study_uid: str
    series_uid: str
    count: int


@dataclass(frozen=True)
class Manifest:
    """What is to come, and what the person has said about it."""

    entries: list[Entry]
    is_last: bool
    confirmed: list[str]  # match keys of patients (uploads.dicom.patients)
    warned: list[Warned]
    study_uids: list[str]
    series: list[Chosen]
    left_out: list[LeftOut]
    unlisted: int  # files that are left out without being named


def read_uuid(value: object) -> uuid.UUID:
    """A UUID from text."""
    try:
        return uuid.UUID(value if isinstance(value, str) else "")
    except ValueError:
        raise Refusal(400, "bad_key", gettext("The request names no valid key.")) from None


def read_job(data: Any) -> NewJob:  # Any: decoded JSON
    """The request that begins an upload."""
    if not isinstance(data, dict):
        raise Refusal(400, "bad_json", gettext("The request could not be read."))
    note, is_stat = data.get("note", ""), data.get("stat", False)
    if not isinstance(note, str) or len(note) > LONGEST_NOTE:
        raise Refusal(
            400,
            "bad_note",
            gettext("A note may hold at most %(count)s characters.") % {"count": LONGEST_NOTE},
        )
    if not isinstance(is_stat, bool):
        raise Refusal(400, "bad_stat", gettext("An upload is STAT or it is not."))
    team = data.get("team")
    return NewJob(
        request=read_uuid(data.get("request")),
        team=None if team is None else read_uuid(team),
        note=clean_text(" ".join(note.split()), LONGEST_NOTE),
        is_stat=is_stat,
    )


def read_manifest(data: Any) -> Manifest:  # Any: decoded JSON
    """A part of the manifest, with what goes along with it."""
    files = data.get("files") if isinstance(data, dict) else None
    if not isinstance(files, list) or len(files) > MOST_ENTRIES:
        raise Refusal(400, "bad_manifest", _too_long(MOST_ENTRIES))
    return Manifest(
        entries=[_read_entry(entry) for entry in files],
        is_last=data.get("last") is True,
        confirmed=_read_list(data, "confirmed", _read_patient),
        warned=[warned for warned in _read_list(data, "warnings", _read_warning) if warned],
        study_uids=_read_list(data, "studies", _read_uid),
        series=_read_list(data, "series", _read_chosen),
        left_out=_read_list(data, "left_out", _read_left_out),
        unlisted=_read_unlisted(data),
    )


def read_numbers(data: Any) -> list[int]:  # Any: decoded JSON
    """File numbers that a manifest may have, each once."""
    numbers = data.get("numbers") if isinstance(data, dict) else None
    if not isinstance(numbers, list) or not all(_is_count(number) for number in numbers):
        raise Refusal(400, "bad_numbers", gettext("Send a list of file numbers."))
    return sorted({number for number in numbers if number < settings.UPLOAD_JOB_MAX_FILES})


def read_addition(data: Any) -> int:  # Any: decoded JSON
    """The number under which files are added."""
    addition = data.get("addition") if isinstance(data, dict) else None
    if not isinstance(addition, int) or not _is_count(addition):
        raise Refusal(400, "bad_addition", gettext("Say which addition to stop."))
    return addition


def read_digest(request: HttpRequest) -> str:
    """The parcel's digest, as 64 lower-case hexadecimal digits."""
    digest = request.headers.get("X-Parcel-Digest", "")
    if not DIGEST.fullmatch(digest):
        raise Refusal(400, "bad_digest", gettext("The upload came without a valid digest."))
    return digest


def read_file_digest(request: HttpRequest) -> str:
    """SHA-256 of the file that the parcel is a slice of, written like its own digest; empty if not named."""
    digest = request.headers.get("X-File-Digest", "")
    if digest and not DIGEST.fullmatch(digest):
        raise Refusal(400, "bad_digest", gettext("The upload came without a valid digest."))
    return digest


def read_length(request: HttpRequest, most: int) -> int:
    """The body's length in bytes."""
    text = request.headers.get("Content-Length", "")
    if not text.isdecimal():
        raise Refusal(411, "length_required", gettext("The upload came without its length."))
    if len(text) > LONGEST_LENGTH or int(text) > most:
        raise Refusal(
            413,
            "too_large",
            gettext("One request may hold at most %(count)s bytes.")
            % {"count": number_format(most, force_grouping=True)},
        )
    return int(text)


def _too_long(most: int) -> str:
    return gettext("Send a list of at most %(count)s lines.") % {
        "count": number_format(most, force_grouping=True)
    }


def _read_entry(entry: Any) -> Entry:  # Any: decoded JSON
    path = entry.get("path") if isinstance(entry, dict) else None
    size = entry.get("size") if isinstance(entry, dict) else None
    if not isinstance(path, str) or not 0 < len(path) <= LONGEST_PATH or size is None or not _is_count(size):
        raise Refusal(400, "bad_manifest", gettext("A file in the list has no valid name or size."))
    return Entry(path, size)


def _read_left_out(value: Any) -> LeftOut:  # Any: decoded JSON
    entry = _read_entry(value)
    code = value.get("reason")
    reason = Reason(code) if isinstance(code, str) and code in LEFT_OUT else Reason.OTHER
    return LeftOut(entry.path, entry.size, reason)


def _read_unlisted(data: dict[str, Any]) -> int:  # Any: decoded JSON
    count = data.get("unlisted", 0)
    if not _is_count(count) or count > MOST_UNLISTED:
        raise Refusal(400, "bad_manifest", "The number of files that are not named is not valid.")
    return int(count)


def _read_list(data: dict[str, Any], name: str, read: Callable[[Any], Value]) -> list[Value]:  # Any: JSON
    values = data.get(name, [])
    if not isinstance(values, list) or len(values) > MOST_DETAILS:
        raise Refusal(400, "bad_manifest", _too_long(MOST_DETAILS))
    return list(dict.fromkeys(read(value) for value in values))


def _read_patient(value: Any) -> str:  # Any: decoded JSON
    texts = [value.get(name) for name in ("id", "birth_date", "name")] if isinstance(value, dict) else []
    match texts:
        case [str(patient_id), str(born), str(name)]:
            if max(len(patient_id), len(born), len(name)) <= LONGEST_TEXT:
                return match_key(patient_id, born, name)
    raise Refusal(400, "bad_manifest", gettext("A confirmed patient has no valid ID, birth date or name."))


def _read_warning(value: Any) -> Warned | None:  # Any: decoded JSON
    """The warning, or None for one that this server has no words for."""
    if not isinstance(value, dict) or not isinstance(value.get("code"), str):
        raise Refusal(400, "bad_manifest", gettext("A warning has no valid code."))
    if value["code"] not in set(Caution):
        return None
    number = value.get("count", value.get("years"))
    if number is not None and not _is_count(number):
        raise Refusal(400, "bad_manifest", gettext("A warning has no valid number."))
    uid = value.get("series_uid", value.get("study_uid"))
    return Warned(Caution(value["code"]), "" if uid is None else _read_uid(uid), number)


def _read_chosen(value: Any) -> Chosen:  # Any: decoded JSON
    if (
        not isinstance(value, dict)
        or not _is_count(value.get("count"))
        or value["count"] > settings.UPLOAD_JOB_MAX_FILES
    ):
        raise Refusal(400, "bad_manifest", gettext("A series has no valid number of files."))
    return Chosen(_read_uid(value.get("study_uid")), _read_uid(value.get("series_uid")), value["count"])


def _read_uid(value: Any) -> str:  # Any: decoded JSON
    if not isinstance(value, str) or not UID.fullmatch(value):
        raise Refusal(400, "bad_manifest", gettext("A study or series has no valid number (UID)."))
    return value


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST_SIZE


class NoticeSettingsForm(forms.ModelForm[NoticeSettings]):
    """Of what a person wants a mail."""

    class Meta:
        model = NoticeSettings
        fields = ["mails_decision", "mails_failed", "mails_accepted"]


class TokenForm(forms.Form):
    """A new token for scripts: what it is for, and which team it sends for."""

    name = forms.CharField(max_length=100, label=_("What is it for?"))
    team = forms.ModelChoiceField(queryset=Team.objects.none(), to_field_name="key", label=_("Team"))

    def __init__(self, *args: Any, teams: Any, **kwargs: Any) -> None:  # Any: Django's signature
        super().__init__(*args, **kwargs)
        self.fields["team"].queryset = teams  # type: ignore[attr-defined]  # a ModelChoiceField
        self.fields["team"].initial = teams.first()
