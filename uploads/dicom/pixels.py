"""Whether all pixels are there, by arithmetic and by the items' headers. No pixel is read."""

import struct
from typing import Final

from uploads.dicom.header import (
    BITS_ALLOCATED,
    COLUMNS,
    DOUBLE_PIXELS,
    FLOAT_PIXELS,
    NUMBER_OF_FRAMES,
    PHOTOMETRIC_INTERPRETATION,
    PIXEL_DATA_PROVIDER_URL,
    ROWS,
    SAMPLES_PER_PIXEL,
    UNDEFINED,
    Header,
    PixelElement,
    is_incomplete,
)
from uploads.dicom.layout import EXPLICIT_BIG_ENDIAN, EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN
from uploads.dicom.source import Source, TooComplex

ITEM: Final = (0xFFFE, 0xE000)
SEQUENCE_DELIMITER: Final = (0xFFFE, 0xE0DD)
ITEM_HEADER: Final = struct.Struct("<HHL")
MAX_ITEMS: Final = 1_000_000
BITS_OF_FLOATS: Final = {FLOAT_PIXELS: 32, DOUBLE_PIXELS: 64}

# Samples per pixel that are stored where color is subsampled (PS3.3 C.7.6.3.1.2), doubled to stay whole.
SUBSAMPLED: Final = {"YBR_FULL_422": 4, "YBR_PARTIAL_422": 4, "YBR_PARTIAL_420": 3}

# Syntaxes that hold pixels uncompressed: PS3.5 A.1 to A.3 and A.5, GE's private one, Papyrus 3.
NATIVE: Final = frozenset(
    {"", IMPLICIT_LITTLE_ENDIAN, EXPLICIT_LITTLE_ENDIAN, EXPLICIT_BIG_ENDIAN}
    | {"1.2.840.10008.1.2.1.99", "1.2.840.113619.5.2", "1.2.840.10008.1.20"}
)


def has_all_pixels(header: Header, is_image: bool) -> bool:
    """Say whether the file holds the pixels that its header promises.

    ``is_image``: its SOP class demands pixels, so that none at all means a file that was cut before them.
    """
    if is_incomplete(header.source):
        return False
    if header.pixels is None:
        return not is_image or PIXEL_DATA_PROVIDER_URL in header.values
    if header.pixels.length == UNDEFINED:
        return has_all_items(header.source, header.pixels.offset)
    if not _fits(header.source, header.pixels):
        return False
    expected = native_bytes(header, header.pixels)
    return header.transfer_syntax_uid not in NATIVE or header.pixels.length >= expected


def native_bytes(header: Header, pixels: PixelElement) -> int:
    """How many bytes uncompressed pixels take by the header (PS3.5 8.1.1); 0 when it does not say."""
    rows, columns = header.number(ROWS) or 0, header.number(COLUMNS) or 0
    bits = BITS_OF_FLOATS.get(pixels.tag) or header.number(BITS_ALLOCATED) or 0
    samples = 2 * (header.number(SAMPLES_PER_PIXEL) or 1)
    subsampled = SUBSAMPLED.get(header.text(PHOTOMETRIC_INTERPRETATION), samples)
    total = rows * columns * min(samples, subsampled) * _frames(header) * bits // 2
    return (total + 7) // 8


def has_all_items(source: Source, offset: int) -> bool:
    """Walk the items of encapsulated pixels (PS3.5 A.4) by their headers, up to the delimiter.

    What follows the delimiter, padding for example, is not looked at.
    """
    has_fragment = False
    for number in range(MAX_ITEMS):
        head = source.pread(offset, ITEM_HEADER.size)
        if len(head) < ITEM_HEADER.size:
            return False
        group, element, length = ITEM_HEADER.unpack(head)
        if (group, element) == SEQUENCE_DELIMITER:
            return has_fragment
        if (group, element) != ITEM or length == UNDEFINED:
            return False
        has_fragment = has_fragment or (number > 0 and length > 0)  # item 0 is the offset table
        offset += ITEM_HEADER.size + length
    raise TooComplex("the pixels are in too many pieces")


def _fits(source: Source, pixels: PixelElement) -> bool:
    missing = pixels.offset + pixels.length - source.size
    return missing <= 0


def _frames(header: Header) -> int:
    """Number of Frames is a text (IS); what can't be read counts as one frame."""
    try:
        return max(1, int(header.text(NUMBER_OF_FRAMES)))
    except ValueError:
        return 1
