"""Who a header says the file is: the four UIDs, and the texts that people read."""

from functools import lru_cache
from typing import Final

from pydicom.charset import convert_encodings, decode_bytes, default_encoding
from pydicom.uid import UID
from pydicom.valuerep import PN_DELIMS, TEXT_VR_DELIMS

from uploads.dicom.findings import Identity
from uploads.dicom.header import (
    ACCESSION_NUMBER,
    BIRTH_DATE,
    BODY_PART,
    CHARACTER_SET,
    IMAGE_TYPE,
    MODALITY,
    PATIENT_ID,
    PATIENT_NAME,
    PROTOCOL_NAME,
    SERIES,
    SERIES_DESCRIPTION,
    SERIES_NUMBER,
    SEX,
    SOP_CLASS,
    SOP_INSTANCE,
    STUDY,
    STUDY_DATE,
    STUDY_DESCRIPTION,
    Header,
)
from uploads.dicom.kinds import kind_of
from uploads.dicom.patients import match_key
from uploads.dicom.text import clean_text
from uploads.dicom.uses import use_of
from uploads.reasons import Reason

IDENTIFYING: Final = (SOP_CLASS, SOP_INSTANCE, STUDY, SERIES)
MAX_TEXT: Final = 64  # characters of a long string (LO, PS3.5 6.2)
MAX_NAME: Final = 200  # characters of a person's name, in up to three writings of 64 (PN, PS3.5 6.2)
DECODED: Final = (PATIENT_NAME, PATIENT_ID, SERIES_DESCRIPTION, STUDY_DESCRIPTION, ACCESSION_NUMBER)
ESCAPE: Final = b"\x1b"
UNDECODED: Final = "\ufffd"


def fault_of_uids(header: Header) -> Reason | None:
    """Name what is wrong with the UIDs, if anything is. None of them is ever made up."""
    uids = [header.text(tag) for tag in IDENTIFYING]
    if not all(uids):
        return Reason.MISSING_UID
    return None if all(UID(uid).is_valid for uid in uids) else Reason.INVALID_UID


def identity_of(header: Header) -> Identity:
    """The identity of a file whose UIDs are sound."""
    sop_class_uid = header.text(SOP_CLASS)
    kind = kind_of(sop_class_uid)
    modality = _short(header.text(MODALITY))
    body_part = _short(header.text(BODY_PART))
    description = _short(text_of(header, SERIES_DESCRIPTION))
    study_description = _short(text_of(header, STUDY_DESCRIPTION))
    words = f"{body_part} {description} {_short(text_of(header, PROTOCOL_NAME))}"
    patient_id, name = text_of(header, PATIENT_ID), name_of(header)
    birth_date = header.text(BIRTH_DATE)
    return Identity(
        study_uid=header.text(STUDY),
        series_uid=header.text(SERIES),
        sop_uid=header.text(SOP_INSTANCE),
        sop_class_uid=sop_class_uid,
        transfer_syntax_uid=_short(header.transfer_syntax_uid or header.encoding.transfer_syntax_uid),
        modality=modality,
        series_description=description,
        series_number=_short(header.text(SERIES_NUMBER)),
        body_part=body_part,
        study_date=_date(header.text(STUDY_DATE)),
        study_description=study_description,
        accession_number=_short(text_of(header, ACCESSION_NUMBER)),
        match_key=match_key(patient_id, birth_date, name),
        patient_id=_short(patient_id),
        patient_name=clean_text(name, MAX_NAME),
        birth_date=_date(birth_date),
        sex=_short(header.text(SEX)),
        kind=kind,
        use=use_of(kind, modality, header.text(IMAGE_TYPE), description, words, study_description),
    )


def text_of(header: Header, tag: int) -> str:
    """A text, decoded by the file's character set (PS3.3 C.12.1.1.2)."""
    return _decoded(header, header.values.get(tag, b""), TEXT_VR_DELIMS)


def name_of(header: Header) -> str:
    """The patient's name in all its writings; "=" divides them and each begins in the first character set."""
    writings = header.values.get(PATIENT_NAME, b"").split(b"=")
    return "=".join(_decoded(header, writing, PN_DELIMS) for writing in writings).rstrip("=")


def has_undecodable_text(header: Header) -> bool:
    """Say whether a text holds what its character set has no character for, or needs a set and names none."""
    for tag in DECODED:
        value = header.values.get(tag, b"")
        if not value.isascii() or ESCAPE in value:
            is_named = ESCAPE in value or _encodings(_character_set(header))[0] != default_encoding
            text = name_of(header) if tag == PATIENT_NAME else text_of(header, tag)
            if not is_named or UNDECODED in text:
                return True
    return False


def _decoded(header: Header, value: bytes, delimiters: set[int]) -> str:
    if value.isascii() and ESCAPE not in value:
        return value.decode("ascii").strip("\0 ")
    encodings = _encodings(_character_set(header))
    if encodings[0] == default_encoding and ESCAPE not in value:
        return _guessed(value).strip("\0 ")
    return decode_bytes(value, encodings, delimiters).strip("\0 ")


def _guessed(value: bytes) -> str:
    """No set is named although one is needed: UTF-8 proves itself, Latin-1 is the likeliest of the others."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _character_set(header: Header) -> bytes:
    return header.values.get(CHARACTER_SET, b"")


@lru_cache(maxsize=64)
def _encodings(character_set: bytes) -> tuple[str, ...]:
    names = [name.strip("\0 ") for name in character_set.decode("ascii", "replace").split("\\")]
    return tuple(convert_encodings(names))


def _short(text: str) -> str:
    return clean_text(text, MAX_TEXT)


def _date(text: str) -> str:
    return _short(text.replace(".", ""))  # 1997.04.24 before 1993
