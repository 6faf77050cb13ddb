"""Reading a file's header with pydicom: the few elements that decide, as bytes, and where the pixels begin.

pydicom's element generator does the reading. Its Dataset is not built: making and converting two
hundred elements costs more than finding the fifteen that matter.
"""

import io
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO, Final, cast

from pydicom.dataelem import RawDataElement
from pydicom.filereader import data_element_generator
from pydicom.tag import BaseTag
from pydicom.valuerep import VR

from uploads.dicom.layout import Encoding, encoding_at
from uploads.dicom.source import InflatedSource, Source, TooComplex, Window, inflate

# pydicom logs the values it does not like, and these are a patient's.
logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)

HEAD_BYTES: Final = 64 * 1024
UNDEFINED: Final = 0xFFFFFFFF
SHORTEST_ELEMENT: Final = 8  # bytes: a tag and a length
META_ENCODING: Final = Encoding(is_implicit=False, is_little_endian=True)
KNOWN_VRS: Final = frozenset({None, *(str(vr) for vr in VR)})
LONG_VR_HEADER: Final = frozenset({"OB", "OW", "OF", "OD", "OL", "OV", "UN"})

# Syntaxes whose data set is deflated after the file meta information (PS3.5 A.5, A.6).
DEFLATED: Final = frozenset({"1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205"})

MEDIA_STORAGE_SOP_CLASS: Final = 0x00020002
TRANSFER_SYNTAX: Final = 0x00020010
DIRECTORY_RECORDS: Final = 0x00041220
CHARACTER_SET: Final = 0x00080005
IMAGE_TYPE: Final = 0x00080008
SOP_CLASS: Final = 0x00080016
SOP_INSTANCE: Final = 0x00080018
STUDY_DATE: Final = 0x00080020
ACCESSION_NUMBER: Final = 0x00080050
MODALITY: Final = 0x00080060
STUDY_DESCRIPTION: Final = 0x00081030
SERIES_DESCRIPTION: Final = 0x0008103E
PATIENT_NAME: Final = 0x00100010
PATIENT_ID: Final = 0x00100020
BIRTH_DATE: Final = 0x00100030
SEX: Final = 0x00100040
BODY_PART: Final = 0x00180015
PROTOCOL_NAME: Final = 0x00181030
STUDY: Final = 0x0020000D
SERIES: Final = 0x0020000E
SERIES_NUMBER: Final = 0x00200011
SAMPLES_PER_PIXEL: Final = 0x00280002
PHOTOMETRIC_INTERPRETATION: Final = 0x00280004
NUMBER_OF_FRAMES: Final = 0x00280008
ROWS: Final = 0x00280010
COLUMNS: Final = 0x00280011
BITS_ALLOCATED: Final = 0x00280100
PIXEL_DATA_PROVIDER_URL: Final = 0x00287FE0
FLOAT_PIXELS: Final = 0x7FE00008
DOUBLE_PIXELS: Final = 0x7FE00009
PIXELS: Final = 0x7FE00010

PIXEL_TAGS: Final = frozenset({FLOAT_PIXELS, DOUBLE_PIXELS, PIXELS})
WANTED: Final = frozenset(
    {MEDIA_STORAGE_SOP_CLASS, TRANSFER_SYNTAX, DIRECTORY_RECORDS, CHARACTER_SET, SOP_CLASS, SOP_INSTANCE}
    | {STUDY_DATE, MODALITY, SERIES_DESCRIPTION, STUDY, SERIES, SAMPLES_PER_PIXEL, PHOTOMETRIC_INTERPRETATION}
    | {IMAGE_TYPE, ACCESSION_NUMBER, STUDY_DESCRIPTION, BODY_PART, PROTOCOL_NAME, SERIES_NUMBER}
    | {PATIENT_NAME, PATIENT_ID, BIRTH_DATE, SEX}
    | {NUMBER_OF_FRAMES, ROWS, COLUMNS, BITS_ALLOCATED, PIXEL_DATA_PROVIDER_URL}
)

StopTest = Callable[[BaseTag, str | None, int], bool]


class Unreadable(Exception):
    """The bytes are no sound data elements, or end within one."""


@dataclass(frozen=True)
class PixelElement:
    """Where the pixels are: ``length`` bytes, or UNDEFINED, from ``offset`` in the data set's source."""

    tag: int
    offset: int
    length: int


@dataclass(frozen=True)
class Header:
    """The wanted elements of a file, and the source in which its pixel element lies."""

    values: dict[int, bytes]
    encoding: Encoding
    transfer_syntax_uid: str
    source: Source
    pixels: PixelElement | None
    end: int

    def text(self, tag: int) -> str:
        """The value without its padding, as ASCII; "" when missing."""
        return self.values.get(tag, b"").decode("ascii", "replace").rstrip("\0 ").lstrip(" ")

    def number(self, tag: int) -> int | None:
        """The value of an unsigned short (US); None when missing."""
        value = self.values.get(tag, b"")
        order = "little" if self.encoding.is_little_endian else "big"
        return int.from_bytes(value[:2], order) if len(value) >= 2 else None  # type: ignore[arg-type]


@dataclass
class _Elements:
    """What one pass over data elements gathers."""

    values: dict[int, bytes] = field(default_factory=dict)
    pixels: PixelElement | None = None
    end: int = 0


def is_overload(error: BaseException | None) -> bool:
    """Say whether memory, depth or our patience ran out; pydicom hides that behind errors of its own."""
    while error is not None:
        if isinstance(error, MemoryError | RecursionError | TooComplex):
            return True
        error = error.__context__
    return False


def read_header(source: Source, head: bytes, meta_at: int | None) -> Header:
    """Read up to the pixels. ``head`` is how the source begins, ``meta_at`` where its group 0002 is, if any.

    Raises Unreadable, TooComplex, MemoryError, RecursionError or any exception of pydicom.
    """
    if meta_at is None:
        return _read_data_set(source, head, 0, _Elements())
    meta = _read_elements(source, head, meta_at, _meta_encoding(head, meta_at), _read_group_2)
    syntax = _text(meta.values.get(TRANSFER_SYNTAX, b""))
    if syntax in DEFLATED:
        inflated = inflate(source, meta.end)
        return _read_data_set(inflated, inflated.head[:HEAD_BYTES], 0, meta)
    return _read_data_set(source, head, meta.end, meta)


def _read_data_set(source: Source, head: bytes, at: int, meta: _Elements) -> Header:
    syntax = _text(meta.values.get(TRANSFER_SYNTAX, b""))
    first = head[at : at + SHORTEST_ELEMENT] or source.pread(at, SHORTEST_ELEMENT)
    encoding = encoding_at(first, syntax)
    found = _read_elements(source, head, at, encoding, _read_to_pixels)
    values = meta.values | found.values
    return Header(values, encoding, syntax, source, found.pixels, found.end)


def _meta_encoding(head: bytes, meta_at: int) -> Encoding:
    """File meta information is explicit little endian, but for some writers' who did not know."""
    first = encoding_at(head[meta_at : meta_at + SHORTEST_ELEMENT], "")
    return Encoding(first.is_implicit, is_little_endian=True)


Pass = Callable[[BinaryIO, int, Encoding], _Elements]


def _read_elements(source: Source, head: bytes, at: int, encoding: Encoding, read: Pass) -> _Elements:
    """Read from the head alone, and from the whole source where that was too short."""
    if at < len(head):
        try:
            return read(_opened(head, at), len(head), encoding)
        except Exception as e:
            if len(head) >= source.size or is_overload(e):
                raise
    window = Window(source)
    window.seek(at)
    return read(cast(BinaryIO, window), source.size, encoding)


def _opened(head: bytes, at: int) -> BinaryIO:
    stream = io.BytesIO(head)
    stream.seek(at)
    return stream


def _read_group_2(stream: BinaryIO, size: int, encoding: Encoding) -> _Elements:
    found = _gather(stream, size, encoding, _is_behind_meta)
    found.end = stream.tell()
    return found


def _is_behind_meta(tag: BaseTag, vr: str | None, length: int) -> bool:
    return tag >> 16 != 2


def _read_to_pixels(stream: BinaryIO, size: int, encoding: Encoding) -> _Elements:
    pixels: list[PixelElement] = []

    def is_at_pixels(tag: BaseTag, vr: str | None, length: int) -> bool:
        if tag not in PIXEL_TAGS:
            return False
        pixels.append(PixelElement(int(tag), stream.tell(), length))
        return True

    found = _gather(stream, size, encoding, is_at_pixels)
    found.end = stream.tell()
    if pixels:
        found.pixels = pixels[0]
    elif size - found.end >= SHORTEST_ELEMENT:
        raise Unreadable("the data elements end before the file")
    return found


def _gather(stream: BinaryIO, size: int, encoding: Encoding, stop: StopTest) -> _Elements:
    found = _Elements()
    reading = data_element_generator(stream, encoding.is_implicit, encoding.is_little_endian, stop)
    for element in reading:
        if not isinstance(element, RawDataElement):
            if element.tag in WANTED:
                found.values[int(element.tag)] = b"\0"  # a sequence: that it is there is all we ask
            continue
        if element.length != UNDEFINED and element.value_tell + element.length > size:
            raise Unreadable("an element is longer than the file")
        if element.VR not in KNOWN_VRS:
            raise Unreadable("an element has an unknown VR")
        if element.tag in WANTED:
            found.values[int(element.tag)] = element.value or b""
    return found


def _text(value: bytes) -> str:
    return value.decode("ascii", "replace").strip("\0 ")


def is_incomplete(source: Source) -> bool:
    """Say whether a deflated data set ended early."""
    return isinstance(source, InflatedSource) and not source.is_whole
