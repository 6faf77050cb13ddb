"""Whether all pixels are there."""

import struct
from typing import Any

import pytest

from tests import dicoms
from uploads.dicom.findings import Finding, Outcome
from uploads.dicom.inspect import inspect
from uploads.dicom.source import BytesSource
from uploads.reasons import Reason

DELIMITER = struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)


def look(content: bytes) -> Finding:
    return inspect(BytesSource(content))


@pytest.mark.parametrize("missing", [1, 2, 100, 512])
@pytest.mark.parametrize("syntax", [dicoms.IMPLICIT, dicoms.EXPLICIT, dicoms.BIG_ENDIAN])
def test_a_file_that_ends_within_its_pixels_is_truncated(syntax: str, missing: int) -> None:
    finding = look(dicoms.truncated(missing, syntax=syntax))

    assert (finding.outcome, finding.reason) == (Outcome.REJECTED, Reason.TRUNCATED_PIXELS)
    assert finding.identity


@pytest.mark.parametrize(
    ("size", "overrides", "is_whole"),
    [
        (512, {}, True),
        (510, {}, False),
        (514, {}, True),
        (1024, {"NumberOfFrames": "2"}, True),
        (1022, {"NumberOfFrames": "2"}, False),
        (512, {"NumberOfFrames": ""}, True),
        (768, {"SamplesPerPixel": 3, "BitsAllocated": 8, "PhotometricInterpretation": "RGB"}, True),
        (766, {"SamplesPerPixel": 3, "BitsAllocated": 8, "PhotometricInterpretation": "RGB"}, False),
        (512, {"SamplesPerPixel": 3, "BitsAllocated": 8, "PhotometricInterpretation": "YBR_FULL_422"}, True),
        (510, {"SamplesPerPixel": 3, "BitsAllocated": 8, "PhotometricInterpretation": "YBR_FULL_422"}, False),
        (32, {"BitsAllocated": 1}, True),
        (30, {"BitsAllocated": 1}, False),
    ],
)
def test_the_pixels_must_be_as_long_as_the_header_says(
    size: int, overrides: dict[str, Any], is_whole: bool
) -> None:
    finding = look(dicoms.dicom_bytes(pixels=bytes(size), **overrides))

    assert finding.reason is (None if is_whole else Reason.TRUNCATED_PIXELS)


def test_an_odd_number_of_pixels_may_be_padded_or_not() -> None:
    odd: dict[str, Any] = {"rows": 3, "columns": 3, "BitsAllocated": 8}

    assert look(dicoms.dicom_bytes(pixels=bytes(9), **odd)).outcome is Outcome.VALID
    assert look(dicoms.dicom_bytes(pixels=bytes(10), **odd)).outcome is Outcome.VALID
    assert look(dicoms.dicom_bytes(pixels=bytes(8), **odd)).reason is Reason.TRUNCATED_PIXELS


@pytest.mark.parametrize(("tag", "vr", "width"), [(0x0008, b"OF", 4), (0x0009, b"OD", 8)])
def test_float_pixels_are_counted_by_their_own_width(tag: int, vr: bytes, width: int) -> None:
    size = 256 * width
    start = dicoms.dicom_bytes(pixels=None, BitsAllocated=None) + struct.pack(
        "<HH2sHL", 0x7FE0, tag, vr, 0, size
    )

    assert look(start + bytes(size)).outcome is Outcome.VALID
    assert look(start + bytes(size - 1)).reason is Reason.TRUNCATED_PIXELS


def test_an_image_without_pixels_is_truncated() -> None:
    assert look(dicoms.dicom_bytes(pixels=None)).reason is Reason.TRUNCATED_PIXELS


def test_an_image_whose_pixels_are_elsewhere_is_valid() -> None:
    content = dicoms.dicom_bytes(pixels=None, PixelDataProviderURL="https://example.invalid/pixels")

    assert look(content).outcome is Outcome.VALID


@pytest.mark.parametrize("ending", [DELIMITER, DELIMITER + bytes(1), DELIMITER + bytes(5000)])
@pytest.mark.parametrize("syntax", [dicoms.JPEG_BASELINE, dicoms.JPEG_2000])
def test_compressed_pixels_are_whole_up_to_the_delimiter_and_what_follows_does_not_matter(
    syntax: str, ending: bytes
) -> None:
    fragments = [b"\xff\xd8" + bytes(200_000), bytes(10), bytes(100)]

    assert look(dicoms.encapsulated(fragments, ending=ending, syntax=syntax)).outcome is Outcome.VALID


def test_compressed_pixels_cut_anywhere_are_truncated() -> None:
    content = dicoms.encapsulated([bytes(20), bytes(30)])
    start = content.index(struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OB", 0, dicoms.UNDEFINED)) + 12

    reasons = {look(content[:end]).reason for end in range(start, len(content))}

    assert reasons == {Reason.TRUNCATED_PIXELS}


def test_a_delimiter_within_a_fragment_does_not_count() -> None:
    content = dicoms.encapsulated([DELIMITER * 4])

    assert look(content).outcome is Outcome.VALID
    assert look(content[:-8]).reason is Reason.TRUNCATED_PIXELS


def test_compressed_pixels_without_a_fragment_are_truncated() -> None:
    assert look(dicoms.encapsulated([])).reason is Reason.TRUNCATED_PIXELS


def test_a_deflated_file_that_ends_early_is_truncated() -> None:
    content = dicoms.dicom_bytes(syntax=dicoms.DEFLATED, pixels=bytes(range(256)) * 2)

    assert look(content[:-3]).reason is Reason.TRUNCATED_PIXELS


def test_pixels_are_not_read() -> None:
    asked: list[tuple[int, int]] = []
    content = dicoms.dicom_bytes(rows=1000, columns=1000)

    class Watched(BytesSource):
        def pread(self, offset: int, length: int) -> bytes:
            asked.append((offset, length))
            return super().pread(offset, length)

    finding = inspect(Watched(content))

    assert finding.outcome is Outcome.VALID
    assert sum(length for _, length in asked) <= 64 * 1024
