"""One outcome for every file: the rows of what is found in the wild."""

import struct
import zipfile
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import dicoms
from uploads.dicom.findings import Finding, Flag, Kind, Outcome
from uploads.dicom.inspect import inspect
from uploads.dicom.source import BytesSource
from uploads.reasons import Reason

UNCOMPRESSED = [dicoms.IMPLICIT, dicoms.EXPLICIT, dicoms.BIG_ENDIAN, dicoms.DEFLATED]


def look(content: bytes) -> Finding:
    return inspect(BytesSource(content))


def verdict(content: bytes) -> tuple[Outcome, Reason | None]:
    finding = look(content)
    return finding.outcome, finding.reason


def with_value(keyword: str, value: str | None) -> bytes:
    overrides: dict[str, Any] = {keyword: value}
    return dicoms.dicom_bytes(**overrides)


def a_zip() -> bytes:
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("IM0001", dicoms.dicom_bytes())
    return stream.getvalue()


@pytest.mark.parametrize("syntax", UNCOMPRESSED)
def test_a_sound_file_is_valid_in_every_uncompressed_syntax(syntax: str) -> None:
    finding = look(dicoms.dicom_bytes(syntax=syntax))

    assert (finding.outcome, finding.reason, finding.wrapper) == (Outcome.VALID, None, b"")
    assert finding.identity
    assert finding.identity.transfer_syntax_uid == syntax


def test_the_identity_is_what_the_header_says() -> None:
    finding = look(dicoms.dicom_bytes(SeriesDescription=" Thorax  1.0 ", StudyDate="1997.04.24"))

    identity = finding.identity
    assert identity
    assert identity.study_uid == dicoms.STUDY_UID
    assert identity.series_uid == dicoms.SERIES_UID
    assert identity.sop_uid == dicoms.SOP_UID
    assert identity.sop_class_uid == dicoms.CT_IMAGE
    assert (identity.modality, identity.series_description) == ("CT", "Thorax  1.0")
    assert (identity.study_date, identity.kind) == ("19970424", Kind.IMAGE)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (dicoms.dicom_bytes(SOPClassUID=dicoms.SECONDARY_CAPTURE), Kind.SECONDARY),
        (dicoms.report(), Kind.REPORT),
        (dicoms.encapsulated_pdf(), Kind.DOCUMENT),
        (dicoms.document(SOPClassUID="1.2.840.10008.5.1.4.1.1.66"), Kind.OTHER),
        (dicoms.dicom_bytes(SOPClassUID="1.3.46.670589.11.0.0.12.2"), Kind.OTHER),
    ],
)
def test_each_sort_of_object_is_valid_and_told_apart(content: bytes, kind: Kind) -> None:
    finding = look(content)

    assert finding.outcome is Outcome.VALID
    assert finding.identity
    assert finding.identity.kind is kind


def test_an_empty_file_is_rejected_as_empty() -> None:
    assert verdict(b"") == (Outcome.REJECTED, Reason.EMPTY)


@pytest.mark.parametrize(
    "content",
    [
        b"MZ\x90\x00" + bytes(1000),
        b"\xff\xd8\xff\xe0" + bytes(range(256)) * 4,
        a_zip(),
        b"<html><body>Viewer of a CD</body></html>" * 20,
        b"read me: DICOM 1.2.840.10008.1.2",
        bytes(5000),
        b"x",
        b"DICM",
        b"\x08\x00",
        b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 100",
        b"\x02\x00\x00\x00UL\x04\x00\x00\x00\x00\x00",
    ],
)
def test_what_is_not_dicom_is_ignored(content: bytes) -> None:
    assert verdict(content) == (Outcome.IGNORED, Reason.NOT_DICOM)


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=3000))
def test_random_bytes_are_never_dicom(content: bytes) -> None:
    assert look(content).outcome is not Outcome.VALID


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=600))
def test_random_elements_behind_a_file_header_are_never_valid_and_never_raise(content: bytes) -> None:
    assert look(bytes(128) + b"DICM" + content).outcome is Outcome.REJECTED


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(UNCOMPRESSED), st.integers(0, 10_000), st.integers(0, 255))
def test_a_changed_byte_never_raises(syntax: str, position: int, byte: int) -> None:
    content = bytearray(dicoms.dicom_bytes(syntax=syntax))

    content[position % len(content)] = byte

    assert look(bytes(content)).outcome in Outcome


@pytest.mark.parametrize("syntax", UNCOMPRESSED)
def test_a_file_cut_anywhere_is_never_valid(syntax: str) -> None:
    content = dicoms.dicom_bytes(syntax=syntax, rows=8, columns=8)

    assert [end for end in range(len(content)) if look(content[:end]).outcome is Outcome.VALID] == []


def test_a_cut_header_is_unreadable_or_lacks_a_uid() -> None:
    content = dicoms.dicom_bytes()
    header_end = content.index(struct.pack("<HH2s", 0x7FE0, 0x0010, b"OW"))

    reasons = {look(content[:end]).reason for end in range(132, header_end)}

    assert Reason.UNREADABLE_HEADER in reasons
    assert reasons <= {
        Reason.UNREADABLE_HEADER,
        Reason.MISSING_UID,
        Reason.INVALID_UID,
        Reason.TRUNCATED_PIXELS,  # cut between two elements: an image without its pixels
    }


def test_a_directory_of_a_cd_is_ignored_as_such() -> None:
    assert verdict(dicoms.dicomdir()) == (Outcome.IGNORED, Reason.DICOMDIR)


@pytest.mark.parametrize(
    "keyword", ["SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"]
)
@pytest.mark.parametrize("value", [None, "", " "])
def test_a_missing_or_empty_uid_is_a_reason(keyword: str, value: str | None) -> None:
    assert verdict(with_value(keyword, value)) == (Outcome.REJECTED, Reason.MISSING_UID)


@pytest.mark.parametrize(
    "keyword", ["SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"]
)
@pytest.mark.parametrize(
    "value", ["../../../etc", "1.2.826.", "1..2", "1.02.3", "1." + "2" * 63, "1.2\\1.3", "x"]
)
def test_an_invalid_uid_is_a_reason(keyword: str, value: str) -> None:
    finding = look(with_value(keyword, value))

    assert (finding.outcome, finding.reason) == (Outcome.REJECTED, Reason.INVALID_UID)
    assert finding.identity is None


def test_a_uid_of_64_characters_is_valid() -> None:
    assert look(dicoms.dicom_bytes(SeriesInstanceUID="1." + "2" * 62)).outcome is Outcome.VALID


@pytest.mark.parametrize(
    "magic",
    [
        b"MZ",
        b"\x7fELF",
        b"\xfe\xed\xfa\xce",
        b"\xfe\xed\xfa\xcf",
        b"\xce\xfa\xed\xfe",
        b"\xcf\xfa\xed\xfe",
        b"\xca\xfe\xba\xbe",
        b"#!/bin/sh\n",
        b"PK\x03\x04",
    ],
)
def test_a_program_in_the_preamble_is_quarantined(magic: bytes) -> None:
    finding = look(dicoms.dicom_bytes(preamble=magic.ljust(128, b"\0")))

    assert (finding.outcome, finding.reason) == (Outcome.QUARANTINED, Reason.EXECUTABLE_PREAMBLE)
    assert finding.identity


def test_a_program_in_the_preamble_of_a_broken_file_is_quarantined() -> None:
    content = b"MZ".ljust(128, b"\0") + b"DICM" + b"not an element"

    assert verdict(content) == (Outcome.QUARANTINED, Reason.EXECUTABLE_PREAMBLE)


@pytest.mark.parametrize("magic", [b"", b"II*\x00", b"MM\x00*", b"vendor's own", b"PKI"])
def test_any_other_preamble_passes(magic: bytes) -> None:
    assert look(dicoms.dicom_bytes(preamble=magic.ljust(128, b"\0"))).outcome is Outcome.VALID


def test_sequences_nested_too_deep_are_too_complex() -> None:
    assert verdict(dicoms.nesting_bomb()) == (Outcome.REJECTED, Reason.TOO_COMPLEX)


def test_an_unknown_vr_is_an_unreadable_header() -> None:
    assert verdict(dicoms.with_unknown_vr()) == (Outcome.REJECTED, Reason.UNREADABLE_HEADER)


def test_an_element_claiming_4_gib_is_an_unreadable_header() -> None:
    assert verdict(dicoms.claiming_4_gib()) == (Outcome.REJECTED, Reason.UNREADABLE_HEADER)


def test_a_deflated_bomb_is_too_complex() -> None:
    content = dicoms.deflated_bomb()

    assert len(content) < 1_100_000
    assert verdict(content) == (Outcome.REJECTED, Reason.TOO_COMPLEX)


def test_a_deflated_file_within_the_limit_is_valid() -> None:
    bytes_inflated = 64 * dicoms.MEBIBYTE

    content = dicoms.deflated_bomb(bytes_inflated, Rows=4096, Columns=8192)

    assert verdict(content) == (Outcome.VALID, None)


def test_text_is_decoded_by_the_file_s_character_set() -> None:
    japanese = "\u5c71\u7530"  # the characters of a common surname

    finding = look(
        dicoms.dicom_bytes(SpecificCharacterSet=["", "ISO 2022 IR 87"], SeriesDescription=japanese)
    )

    assert finding.identity
    assert (finding.identity.series_description, finding.flags) == (japanese, ())


def test_text_that_its_character_set_lacks_is_flagged_and_the_file_is_valid() -> None:
    content = dicoms.dicom_bytes(SpecificCharacterSet="ISO_IR 192", SeriesDescription="Synthetic")

    finding = look(content.replace(b"Synthetic", b"Synth\xe4tic"))

    assert (finding.outcome, finding.flags) == (Outcome.VALID, (Flag.UNDECODABLE_TEXT,))


def test_an_unknown_character_set_does_not_matter() -> None:
    content = (
        dicoms.dicom_bytes().replace(b"ISO_IR 100", b"NO_SUCH_SE").replace(b"Synthetic", b"Synth\xe4tic")
    )

    assert look(content).outcome is Outcome.VALID


def test_controls_and_bidi_marks_do_not_get_into_the_identity() -> None:
    content = dicoms.dicom_bytes(SpecificCharacterSet="ISO_IR 192", SeriesDescription="a\u202eb\x07c\x00d")

    finding = look(content)

    assert finding.identity
    assert finding.identity.series_description == "abcd"


def test_a_header_longer_than_the_first_look_is_read_to_its_end() -> None:
    content = dicoms.dicom_bytes(ImageComments="long " * 2000, RedPaletteColorLookupTableData=bytes(60_000))

    assert verdict(content) == (Outcome.VALID, None)
    assert verdict(content[:-10]) == (Outcome.REJECTED, Reason.TRUNCATED_PIXELS)


def test_a_long_document_is_valid_and_its_truncation_is_seen() -> None:
    content = dicoms.document(
        SOPClassUID=dicoms.ENCAPSULATED_PDF, EncapsulatedDocument=bytes(3 * dicoms.MEBIBYTE)
    )

    assert verdict(content) == (Outcome.VALID, None)
    assert verdict(content[:-2]) == (Outcome.REJECTED, Reason.UNREADABLE_HEADER)


def test_long_nested_sequences_are_read_beyond_the_first_look() -> None:
    item = dicoms.small_ct(16, 16, RequestedProcedureDescription="x" * 64)
    content = dicoms.report(ReferencedSeriesSequence=[item] * 500)

    assert len(content) > 100_000
    assert verdict(content) == (Outcome.VALID, None)
    assert verdict(content[:-300]) == (Outcome.REJECTED, Reason.UNREADABLE_HEADER)
