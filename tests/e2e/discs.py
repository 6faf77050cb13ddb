"""What lies on CDs and in archives, written to the disk."""

import struct
import zipfile
from collections.abc import Sequence
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from tests.dicoms import DICOMDIR, EXPLICIT, SOP_UID, data_set_bytes, dicom_bytes, phantom_study
from uploads.dicom.phantom import new_uid
from uploads.dicom.wrapping import file_header

Files = Sequence[tuple[str, bytes]]


def write_files(folder: Path, files: Files) -> int:
    """Write files under a folder; answer how many."""
    for name, content in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return len(files)


def write_study(folder: Path, series: int = 2, instances: int = 5) -> int:
    """Write a generated study; answer how many files it has."""
    return write_files(folder, phantom_study(series=series, instances=instances))


def write_slices(folder: Path, count: int, first: int = 10_000) -> None:
    """Write many small slices of one series, quickly."""
    folder.mkdir(parents=True, exist_ok=True)
    study = new_uid()
    series = f"{study}.1"
    uid = f"{series}.{first}"
    content = dicom_bytes(StudyInstanceUID=study, SeriesInstanceUID=series, SOPInstanceUID=uid)
    for number in range(first, first + count):
        other = content.replace(uid.encode(), f"{series}.{number}".encode())
        (folder / f"IM{number:05d}").write_bytes(other)


def write_large_slice(path: Path, size: int, study: str = "") -> None:
    """Write a slice with ``size`` bytes of empty pixels."""
    study = study or new_uid()
    head = dicom_bytes(
        pixels=None,
        StudyInstanceUID=study,
        SeriesInstanceUID=f"{study}.1",
        SOPInstanceUID=new_uid(),
    )
    head += struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OW", 0, size)
    with path.open("wb") as file:
        file.write(head)
        file.truncate(len(head) + size)


def write_zip(path: Path, files: Files) -> None:
    """Write an archive."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(name, content)


def listing(names: Sequence[str]) -> bytes:
    """A DICOMDIR that lists images by their paths."""
    ds = Dataset()
    ds.FileSetID = "PHANTOM"
    ds.DirectoryRecordSequence = Items([_record(name) for name in names])
    return file_header(DICOMDIR, SOP_UID, EXPLICIT) + data_set_bytes(ds, EXPLICIT)


def _record(name: str) -> Dataset:
    record = Dataset()
    record.DirectoryRecordType = "IMAGE"
    record.ReferencedFileID = name.split("/")
    return record
