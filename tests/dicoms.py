"""DICOM files as tests need them: small, synthetic, and broken in known ways."""

import struct
import zlib
from collections.abc import Sequence
from typing import Any, Final

from pydicom import config
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from uploads.dicom import phantom
from uploads.dicom.wrapping import element, file_header

IMPLICIT: Final = "1.2.840.10008.1.2"
EXPLICIT: Final = "1.2.840.10008.1.2.1"
BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"
DEFLATED: Final = "1.2.840.10008.1.2.1.99"
JPEG_BASELINE: Final = "1.2.840.10008.1.2.4.50"
JPEG_2000: Final = "1.2.840.10008.1.2.4.90"

CT_IMAGE: Final = "1.2.840.10008.5.1.4.1.1.2"
SECONDARY_CAPTURE: Final = "1.2.840.10008.5.1.4.1.1.7"
TEXT_REPORT: Final = "1.2.840.10008.5.1.4.1.1.88.11"
ENCAPSULATED_PDF: Final = "1.2.840.10008.5.1.4.1.1.104.1"
DICOMDIR: Final = "1.2.840.10008.1.3.10"

STUDY_UID: Final = "2.25.1000"
SERIES_UID: Final = "2.25.1000.1"
SOP_UID: Final = "2.25.1000.1.1"

PIXEL_DATA: Final = 0x7FE00010
UNDEFINED: Final = 0xFFFFFFFF
MEBIBYTE: Final = 1024 * 1024


def dicom_bytes(
    *,
    syntax: str = EXPLICIT,
    rows: int = 16,
    columns: int = 16,
    preamble: bytes = bytes(128),
    pixels: bytes | None = b"",
    **overrides: Any,  # whatever pydicom takes as the value of the keyword
) -> bytes:
    """A small CT slice as a DICOM file.

    ``overrides`` are DICOM keywords with other values; None leaves the element out. ``pixels`` are other
    bytes for the pixel data, None leaves the element out. Values are not checked: any may be wrong.
    """
    ds = small_ct(rows, columns, **overrides)
    values = data_set_bytes(ds, syntax)
    if pixels is not None:
        values += pixel_element(pixels or bytes(2 * rows * columns), syntax)
    if syntax == DEFLATED:
        values = deflated(values)
    return preamble + file_meta(ds, syntax)[128:] + values


def headerless(*, syntax: str = EXPLICIT, rows: int = 16, columns: int = 16, **overrides: Any) -> bytes:
    """The same without preamble, prefix and file meta information."""
    ds = small_ct(rows, columns, **overrides)
    return data_set_bytes(ds, syntax) + pixel_element(bytes(2 * rows * columns), syntax)


def truncated(missing: int = 100, **overrides: Any) -> bytes:
    """A slice whose last ``missing`` bytes of pixels are gone."""
    return dicom_bytes(**overrides)[:-missing]


def encapsulated(
    fragments: Sequence[bytes] = (b"\xff\xd8 not really a JPEG \xff\xd9",),
    *,
    ending: bytes = struct.pack("<HHL", 0xFFFE, 0xE0DD, 0),
    syntax: str = JPEG_BASELINE,
    **overrides: Any,
) -> bytes:
    """A slice with compressed pixels: an empty offset table, the fragments, and ``ending``."""
    items = [b"", *fragments]
    body = b"".join(struct.pack("<HHL", 0xFFFE, 0xE000, len(item)) + item for item in items)
    head = struct.pack("<HH2sHL", PIXEL_DATA >> 16, PIXEL_DATA & 0xFFFF, b"OB", 0, UNDEFINED)
    return dicom_bytes(syntax=syntax, pixels=None, **overrides) + head + body + ending


def report(**overrides: Any) -> bytes:
    """A text report, without pixels."""
    return document(SOPClassUID=TEXT_REPORT, Modality="SR", **overrides)


def encapsulated_pdf(**overrides: Any) -> bytes:
    """A PDF in DICOM."""
    return document(
        SOPClassUID=ENCAPSULATED_PDF,
        Modality="DOC",
        MIMETypeOfEncapsulatedDocument="application/pdf",
        EncapsulatedDocument=b"%PDF-1.4 nothing ",
        **overrides,
    )


def document(**overrides: Any) -> bytes:
    """Something without pixels."""
    nothing = dict.fromkeys(("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit"), None)
    return dicom_bytes(pixels=None, **{**nothing, **overrides})


def dicomdir() -> bytes:
    """A CD's table of contents, with nothing in it."""
    header = file_header(DICOMDIR, SOP_UID, EXPLICIT)
    return header + element(0x00041130, "CS", b"PHANTOM") + element(0x00041220, "SQ", b"")


def deflated_bomb(inflated_bytes: int = 1024 * MEBIBYTE, **overrides: Any) -> bytes:
    """About a thousandth of ``inflated_bytes`` (whole MiB), which inflates to all of them."""
    ds = small_ct(16, 16, **overrides)
    start = data_set_bytes(ds, DEFLATED) + struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OW", 0, inflated_bytes)
    compressor = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    head = compressor.compress(start) + compressor.flush(zlib.Z_FULL_FLUSH)
    block = compressor.compress(bytes(MEBIBYTE)) + compressor.flush(zlib.Z_FULL_FLUSH)
    blocks = block * (inflated_bytes // MEBIBYTE)  # blocks after a full flush stand alone
    return file_meta(ds, DEFLATED) + head + blocks + compressor.flush()


def nesting_bomb(depth: int = 5_000) -> bytes:
    """Sequences within sequences, as deep as no reader goes."""
    start = struct.pack("<HH2sHL", 0x0040, 0xA730, b"SQ", 0, UNDEFINED)
    item = struct.pack("<HHL", 0xFFFE, 0xE000, UNDEFINED)
    return report() + (start + item) * depth


def memory_bomb(items: int = 60_000) -> bytes:
    """A sequence of empty items: 8 bytes each in the file, a hundred times that in a reader's memory."""
    start = struct.pack("<HH2sHL", 0x0040, 0xA730, b"SQ", 0, UNDEFINED)
    end = struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)
    return report() + start + struct.pack("<HHL", 0xFFFE, 0xE000, 0) * items + end


def claiming_4_gib() -> bytes:
    """An element that says it is 4 GiB long, in a file of a few hundred bytes."""
    return report() + struct.pack("<HH2sHL", 0x0042, 0x0011, b"OB", 0, UNDEFINED - 1) + b"short"


def with_unknown_vr() -> bytes:
    """An element with a VR that does not exist."""
    return report() + struct.pack("<HH2sH", 0x0042, 0x0010, b"ZZ", 4) + b"text"


def phantom_study(series: int = 2, instances: int = 5, size: int = 16) -> list[tuple[str, bytes]]:
    """Paths and contents of a generated CT study with UIDs of its own."""
    return [(file.path, file.content) for file in phantom.phantom_study(series, instances, size, size)]


def small_ct(rows: int, columns: int, **overrides: Any) -> Dataset:
    """The elements of a small CT slice, without its pixels."""
    values: dict[str, Any] = {
        "SpecificCharacterSet": "ISO_IR 100",
        "SOPClassUID": CT_IMAGE,
        "SOPInstanceUID": SOP_UID,
        "StudyDate": "20240229",
        "Modality": "CT",
        "SeriesDescription": "Synthetic",
        "PatientName": "PHANTOM^TEST",
        "PatientID": "PHANTOM",
        "StudyInstanceUID": STUDY_UID,
        "SeriesInstanceUID": SERIES_UID,
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": rows,
        "Columns": columns,
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
        "PixelRepresentation": 1,
        **overrides,
    }
    ds = Dataset()
    with config.disable_value_validation():
        for keyword, value in values.items():
            if value is not None:
                setattr(ds, keyword, value)
    return ds


def data_set_bytes(ds: Dataset, syntax: str) -> bytes:
    """Encode the data set as the syntax demands, not deflated yet."""
    stream = DicomBytesIO()
    stream.is_implicit_VR = syntax == IMPLICIT
    stream.is_little_endian = syntax != BIG_ENDIAN
    with config.disable_value_validation():
        write_dataset(stream, ds)
    return stream.getvalue()


def pixel_element(pixels: bytes, syntax: str) -> bytes:
    """Encode the pixel data as the syntax demands."""
    if syntax == IMPLICIT:
        return struct.pack("<HHL", 0x7FE0, 0x0010, len(pixels)) + pixels
    order = ">" if syntax == BIG_ENDIAN else "<"
    return struct.pack(f"{order}HH2sHL", 0x7FE0, 0x0010, b"OW", 0, len(pixels)) + pixels


def file_meta(ds: Dataset, syntax: str) -> bytes:
    """Preamble, prefix and file meta information of the data set."""
    return file_header(str(ds.get("SOPClassUID", "")), str(ds.get("SOPInstanceUID", "")), syntax)


def deflated(values: bytes) -> bytes:
    """Deflate a data set without a zlib header (PS3.5 A.5)."""
    compressor = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    return compressor.compress(values) + compressor.flush()
