"""DICOM without a file header is DICOM, and gets the header that it lacks."""

from io import BytesIO

import pytest
from pydicom import dcmread

from tests import dicoms
from uploads.dicom.findings import Finding, Outcome
from uploads.dicom.inspect import inspect
from uploads.dicom.source import BytesSource
from uploads.reasons import Reason


def look(content: bytes) -> Finding:
    return inspect(BytesSource(content))


@pytest.mark.parametrize("syntax", [dicoms.IMPLICIT, dicoms.EXPLICIT, dicoms.BIG_ENDIAN])
def test_a_headerless_file_is_valid_and_reads_strictly_once_it_is_wrapped(syntax: str) -> None:
    content = dicoms.headerless(syntax=syntax)

    finding = look(content)

    assert (finding.outcome, finding.reason) == (Outcome.VALID, None)
    ds = dcmread(BytesIO(finding.wrapper + content))
    assert ds.file_meta.TransferSyntaxUID == syntax
    assert ds.file_meta.MediaStorageSOPInstanceUID == ds.SOPInstanceUID == dicoms.SOP_UID
    assert (ds.Rows, len(ds.PixelData)) == (16, 512)


@pytest.mark.parametrize("missing", [128, 132])
def test_a_file_that_lost_its_preamble_gets_it_back(missing: int) -> None:
    whole = dicoms.dicom_bytes()

    finding = look(whole[missing:])

    assert finding.outcome is Outcome.VALID
    assert finding.wrapper + whole[missing:] == whole


def test_a_wrapped_file_is_valid_as_it_stands() -> None:
    content = dicoms.headerless()

    again = look(look(content).wrapper + content)

    assert (again.outcome, again.wrapper) == (Outcome.VALID, b"")


def test_the_wrapper_is_the_same_each_time() -> None:
    content = dicoms.headerless()

    assert look(content).wrapper == look(content).wrapper != b""


@pytest.mark.parametrize(
    ("value", "reason"),
    [("", Reason.MISSING_UID), (None, Reason.MISSING_UID), ("1.2.826.", Reason.INVALID_UID)],
)
def test_a_headerless_file_that_names_its_class_is_told_what_is_wrong(value: str, reason: Reason) -> None:
    finding = look(dicoms.headerless(SeriesInstanceUID=value))

    assert (finding.outcome, finding.reason, finding.wrapper) == (Outcome.REJECTED, reason, b"")


def test_a_headerless_file_without_a_class_is_not_dicom() -> None:
    finding = look(dicoms.headerless(SOPClassUID=None))

    assert (finding.outcome, finding.reason) == (Outcome.IGNORED, Reason.NOT_DICOM)


def test_a_headerless_file_with_pixels_cut_off_is_rejected() -> None:
    assert look(dicoms.headerless()[:-1]).reason is Reason.TRUNCATED_PIXELS


def test_a_headerless_file_with_a_header_cut_off_is_rejected() -> None:
    assert look(dicoms.headerless()[:180]).reason is Reason.UNREADABLE_HEADER


def test_compressed_pixels_without_a_file_header_are_rejected_as_their_syntax_is_unknown() -> None:
    whole = dicoms.encapsulated()
    data_set = whole[whole.index(b"\x08\x00\x05\x00CS") :]

    assert look(data_set).reason is Reason.UNREADABLE_HEADER
