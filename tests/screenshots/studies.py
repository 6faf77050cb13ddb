"""What is dropped for the pictures: synthetic studies whose names and numbers never change."""

import math
import struct
from functools import cache
from pathlib import Path
from typing import Any

from tests.dicoms import STUDY_UID, dicom_bytes, dicomdir, report, truncated

Files = list[tuple[str, bytes]]
MEGABYTE = 1_000_000
PICTURE, SMALL = 96, 48  # pixels wide and high
DISCS = 10  # different pictures in a series of many images
CT_SERIES = ("Scout", "Chest 1.0 mm lung", "Chest 3.0 mm soft tissue")


def ct(number: int, images: int, size: int = SMALL) -> Files:
    """A CT of three series, the first with one image."""
    return [
        (f"CT{number:02d}/SER{series}/IM{image:04d}", slice_of(number, series, image, size))
        for series in range(1, len(CT_SERIES) + 1)
        for image in range(1, (images if series > 1 else 1) + 1)
    ]


def slice_of(
    number: int, series: int, image: int, size: int = SMALL, **overrides: Any
) -> bytes:  # Any: DICOM values
    """One slice: the same numbers give the same bytes."""
    uid = f"{STUDY_UID}.{number}"
    values: dict[str, Any] = {  # Any: DICOM values
        "StudyInstanceUID": uid,
        "SeriesInstanceUID": f"{uid}.{series}",
        "SOPInstanceUID": f"{uid}.{series}.{image}",
        "SeriesDescription": CT_SERIES[series - 1],
        **overrides,
    }
    return dicom_bytes(rows=size, columns=size, pixels=disc(1 + image % DISCS, DISCS, size), **values)


def head_ct(patient: str, name: str, images: int, **overrides: Any) -> Files:  # Any: DICOM values
    """A CT of the head with pictures to see: the scout, the plain series and the one with contrast."""
    values = {"PatientID": patient, "PatientName": name, "StudyDescription": "CT head", **overrides}
    series = [("Scout", 1), ("HEAD 5mm", images), ("HEAD 5mm contrast", images)]
    return [
        (f"{patient}/{text.replace(' ', '_')}/IM{image:04d}", head_slice(number, text, image, count, values))
        for number, (text, count) in enumerate(series, start=1)
        for image in range(1, count + 1)
    ]


def head_slice(
    series: int, description: str, image: int, count: int, values: dict[str, Any]
) -> bytes:  # Any: DICOM values
    """One slice of a head."""
    uid = f"{STUDY_UID}.{values['PatientID'][1:]}"
    return dicom_bytes(
        rows=PICTURE,
        columns=PICTURE,
        pixels=disc(image, count, PICTURE),
        StudyInstanceUID=uid,
        SeriesInstanceUID=f"{uid}.{series}",
        SOPInstanceUID=f"{uid}.{series}.{image}",
        SeriesNumber=series,
        InstanceNumber=image,
        SeriesDescription=description,
        WindowCenter=40,
        WindowWidth=80,
        **values,
    )


@cache
def disc(image: int, count: int, size: int) -> bytes:
    """The pixels of a slice through a ball: bone around, something soft within."""
    radius = size * (0.2 + 0.25 * math.sin(math.pi * image / (count + 1)))
    middle = (size - 1) / 2
    distances = [math.hypot(x - middle, 1.15 * (y - middle)) for y in range(size) for x in range(size)]
    values = [density(distance / radius, at) for at, distance in enumerate(distances)]
    return struct.pack(f"<{len(values)}h", *values)


def density(share: float, at: int) -> int:
    """Hounsfield units at a share of the radius."""
    if share > 1:
        return -1000
    if share > 0.9:
        return 900
    return 15 if share < 0.25 else 36 + at * 7919 % 9


def cd(number: int) -> Files:
    """A CD as hospitals burn them: two series, and what else lies there, some of it broken."""
    uid = f"{STUDY_UID}.{number}"
    broken: dict[str, Any] = {  # Any: DICOM values
        "StudyInstanceUID": uid,
        "SeriesInstanceUID": f"{uid}.2",
        "SeriesDescription": CT_SERIES[1],
    }
    files = ct(number, images=8)
    return [
        ("CD/DICOMDIR", dicomdir()),
        ("CD/autorun.inf", b"[autorun]"),
        ("CD/VIEWER/viewer.exe", b"MZ" + bytes(400)),
        ("CD/VIEWER/README.TXT", b"read me"),
        *((f"CD/{path}", content) for path, content in files),
        ("CD/CT/SER2/IM0025", truncated(SOPInstanceUID=f"{uid}.2.25", **broken)),
        ("CD/CT/SER2/IM0026", truncated(SOPInstanceUID=f"{uid}.2.26", **broken)),
        ("CD/CT/SER2/IM0027", b""),
        ("CD/CT/SER2/IM0028", slice_of(number, 2, 1, SeriesDescription="Other content")),
        ("CD/CT/SER2/IM0029", with_program(SOPInstanceUID=f"{uid}.2.29", **broken)),
        ("CD/COPY/IM0001", slice_of(number, 2, 2)),
        (
            "CD/REPORT/SR0001",
            report(StudyInstanceUID=uid, SeriesInstanceUID=f"{uid}.9", SeriesDescription="Dose report"),
        ),
    ]


def with_program(**overrides: Any) -> bytes:  # Any: DICOM values
    """A slice that hides a program before the image."""
    return dicom_bytes(preamble=b"MZ" + bytes(126), **overrides)


def written(files: Files, folder: Path) -> Path:
    """The files on the disk; answer their first folder."""
    for name, content in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder / files[0][0].split("/")[0]


def with_huge_file(folder: Path) -> Path:
    """Put a file into the folder that is too large for Qure."""
    with (folder / "VIDEO01").open("wb") as file:
        file.truncate(180 * MEGABYTE)
    return folder
