"""A generated study of a body made of ellipses: for demonstrations, tests and benchmarks. No patient.

Writes its own bytes (PS3.5 7.1.2), so that three thousand images take seconds.
"""

import math
import struct
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Final

from uploads.dicom.layout import EXPLICIT_LITTLE_ENDIAN
from uploads.dicom.wrapping import element, file_header

Values = Mapping[int, tuple[str, str | int]]  # tag -> VR and value

SOP_CLASSES: Final = {
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "DX": "1.2.840.10008.5.1.4.1.1.1.1",
}
AIR: Final = -1000  # Hounsfield units
HALF_TURN: Final = math.pi

# Center x and y, half width, half height in shares of the image, and the density in Hounsfield units.
ELLIPSES: Final = (
    (0.50, 0.50, 0.42, 0.34, 40),  # the body
    (0.32, 0.46, 0.13, 0.21, -780),  # two lungs
    (0.68, 0.46, 0.13, 0.21, -780),
    (0.54, 0.50, 0.10, 0.12, 55),  # the heart
    (0.50, 0.74, 0.06, 0.06, 620),  # the spine
)

COMMON: Final[Values] = {
    0x00080005: ("CS", "ISO_IR 192"),
    0x00080008: ("CS", "DERIVED\\PRIMARY\\AXIAL"),
    0x00080030: ("TM", "120000"),
    0x00080031: ("TM", "120000"),
    0x00080032: ("TM", "120000"),
    0x00080033: ("TM", "120000"),
    0x00080050: ("SH", ""),
    0x00080070: ("LO", "Generated phantom"),
    0x00080080: ("LO", "No hospital"),
    0x00080090: ("PN", ""),
    0x00081010: ("SH", "PHANTOM"),
    0x00081030: ("LO", "Generated phantom"),
    0x00081090: ("LO", "Ellipses"),
    0x00100010: ("PN", "PHANTOM^TEST"),
    0x00100020: ("LO", "PHANTOM"),
    0x00100030: ("DA", ""),
    0x00100040: ("CS", "O"),
    0x00101010: ("AS", "030Y"),
    0x00180015: ("CS", "CHEST"),
    0x00180050: ("DS", "2.5"),
    0x00180060: ("DS", "120"),
    0x00180090: ("DS", "500"),
    0x00181020: ("LO", "1"),
    0x00181030: ("LO", "Phantom"),
    0x00181100: ("DS", "360"),
    0x00181110: ("DS", "1085.6"),
    0x00181111: ("DS", "595"),
    0x00181120: ("DS", "0"),
    0x00181130: ("DS", "160"),
    0x00181140: ("CS", "CW"),
    0x00181150: ("IS", "800"),
    0x00181151: ("IS", "250"),
    0x00181152: ("IS", "200"),
    0x00181160: ("SH", "BODY FILTER"),
    0x00181190: ("DS", "0.7"),
    0x00181210: ("SH", "STANDARD"),
    0x00185100: ("CS", "FFS"),
    0x00200010: ("SH", "1"),
    0x00200012: ("IS", "1"),
    0x00200037: ("DS", "1\\0\\0\\0\\1\\0"),
    0x00200060: ("CS", ""),
    0x00201040: ("LO", ""),
    0x00280002: ("US", 1),
    0x00280004: ("CS", "MONOCHROME2"),
    0x00280030: ("DS", "0.7\\0.7"),
    0x00280100: ("US", 16),
    0x00280101: ("US", 16),
    0x00280102: ("US", 15),
    0x00280103: ("US", 1),
    0x00281050: ("DS", "40"),
    0x00281051: ("DS", "400"),
    0x00281052: ("DS", "0"),
    0x00281053: ("DS", "1"),
    0x00281054: ("LO", "HU"),
}
# Scanners fill half a header with elements of their own; a header without them would be too quick to read.
PRIVATE: Final[Values] = {
    0x00190010: ("LO", "PHANTOM_01"),
    **{0x00191000 + number: ("DS", f"{number}.250000") for number in range(60)},
    0x00430010: ("LO", "PHANTOM_02"),
    **{0x00431000 + number: ("LO", f"setting {number}") for number in range(40)},
}


@dataclass(frozen=True)
class PhantomFile:
    """A generated DICOM file: its path within the study's folder, and its bytes."""

    path: str
    content: bytes


def phantom_study(
    series_count: int, instances_per_series: int, rows: int, columns: int, modality: str = "CT"
) -> Iterator[PhantomFile]:
    """Generate a study with new UIDs. ``modality`` is CT, MR or DX; a pixel takes two bytes."""
    study = {
        **COMMON,
        **PRIVATE,
        **_dates(),
        0x00080016: ("UI", SOP_CLASSES[modality]),
        0x00080060: ("CS", modality),
        0x0020000D: ("UI", new_uid()),
        0x00200052: ("UI", new_uid()),
        0x00280010: ("US", rows),
        0x00280011: ("US", columns),
    }
    for number in range(1, series_count + 1):
        series: Values = {
            **study,
            0x0008103E: ("LO", f"Phantom series {number}"),
            0x0020000E: ("UI", new_uid()),
            0x00200011: ("IS", str(number)),
        }
        yield from _series(series, number, instances_per_series)


def ct_study() -> Iterator[PhantomFile]:
    """The benchmarks' CT: 600 images of 0.53 MB in 3 series."""
    return phantom_study(3, 200, 512, 512)


def mr_study() -> Iterator[PhantomFile]:
    """The benchmarks' MR: 3,000 images of 65 KB in 20 series."""
    return phantom_study(20, 150, 176, 176, "MR")


def dx_study() -> Iterator[PhantomFile]:
    """The benchmarks' DX: 4 images of 18 MB."""
    return phantom_study(1, 4, 3000, 3000, "DX")


def new_uid() -> str:
    """A UID that nobody else has (PS3.5 B.2)."""
    return f"2.25.{uuid.uuid4().int}"


def phantom_pixels(rows: int, columns: int, position: float) -> bytes:
    """Draw the slice at ``position``, 0 to 1 along the body, in Hounsfield units as signed 16 bit."""
    swelling = 0.75 + 0.25 * math.sin(HALF_TURN * position)
    image = bytearray(struct.pack("<h", AIR) * (rows * columns))
    for center_x, center_y, half_width, half_height, density in ELLIPSES:
        shade = struct.pack("<h", density + round(20 * position)) * columns
        height = half_height * swelling
        top, bottom = math.ceil((center_y - height) * rows), math.floor((center_y + height) * rows)
        for row in range(top, bottom + 1):
            share = math.sqrt(max(0.0, 1 - ((row / rows - center_y) / height) ** 2))
            left = round((center_x - half_width * swelling * share) * columns)
            right = round((center_x + half_width * swelling * share) * columns)
            start = 2 * (row * columns + left)
            image[start : start + 2 * (right - left)] = shade[: 2 * (right - left)]
    return bytes(image)


def _series(series: Values, number: int, instance_count: int) -> Iterator[PhantomFile]:
    written = {tag: _written(tag, *value) for tag, value in series.items()}
    rows, columns = int(series[0x00280010][1]), int(series[0x00280011][1])
    sop_class_uid = str(series[0x00080016][1])
    for instance in range(1, instance_count + 1):
        uid = new_uid()
        elements = written | _own_elements(uid, instance)
        elements[0x7FE00010] = element(
            0x7FE00010, "OW", phantom_pixels(rows, columns, instance / instance_count)
        )
        header = file_header(sop_class_uid, uid, EXPLICIT_LITTLE_ENDIAN)
        content = b"".join((header, *(elements[tag] for tag in sorted(elements))))
        yield PhantomFile(f"PHANTOM/SE{number:06d}/IM{instance:06d}", content)


def _own_elements(uid: str, instance: int) -> dict[int, bytes]:
    own: Values = {
        0x00080018: ("UI", uid),
        0x00200013: ("IS", str(instance)),
        0x00200032: ("DS", f"-180\\-180\\{2.5 * instance}"),
        0x00201041: ("DS", f"{2.5 * instance}"),
    }
    return {tag: _written(tag, *value) for tag, value in own.items()}


def _dates() -> Values:
    today = datetime.now(UTC).strftime("%Y%m%d")
    return dict.fromkeys((0x00080020, 0x00080021, 0x00080022, 0x00080023), ("DA", today))


def _written(tag: int, vr: str, value: str | int) -> bytes:
    encoded = struct.pack("<H", value) if isinstance(value, int) else value.encode("utf-8")
    return element(tag, vr, encoded)


def one_slice(rows: int = 16, columns: int = 16) -> PhantomFile:
    """One small CT image of a study of its own."""
    return next(islice(phantom_study(1, 1, rows, columns), 1))
