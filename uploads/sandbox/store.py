"""The bytes that arrived: one file an instance, named by its digest, and the UIDs in it."""

import hashlib
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

import pydicom
from pydicom import config

from uploads.sandbox.ledger import Arrival
from uploads.sandbox.multipart import READ_BYTES, Part

UIDS = ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"]
DIGEST = re.compile(r"[0-9a-f]{64}")

# What is odd in a file is no reason to refuse it here, and a warning would put its values into the log.
config.settings.reading_validation_mode = config.IGNORE


@dataclass(frozen=True)
class Landed:
    """A part copied into a file of its own, and what it turned out to be."""

    arrival: Arrival
    path: Path


class Store:
    """``instances/`` holds what was accepted, ``incoming/`` what is not decided yet."""

    def __init__(self, data: Path) -> None:
        self._instances = data / "instances"
        self._incoming = data / "incoming"
        for folder in (self._instances, self._incoming):
            folder.mkdir(parents=True, exist_ok=True)
        for leftover in self._incoming.iterdir():
            leftover.unlink()

    def spool(self) -> BinaryIO:
        """Open a nameless file for a request's body; the system removes it, also after a crash."""
        return tempfile.TemporaryFile(dir=self._incoming)

    def land(self, body: BinaryIO, part: Part) -> Landed:
        """Copy one part out of the body, byte for byte, and read who it is."""
        path = self._incoming / uuid4().hex
        with path.open("xb+") as file:
            sha256 = _copy(body, part, file)
            file.seek(0)
            uids = _uids(file)
        return Landed(Arrival(part.name, part.filename, part.size, sha256, *uids), path)

    def keep(self, landed: Landed) -> None:
        """Publish a part under its digest."""
        landed.path.replace(self._instances / landed.arrival.sha256)

    def discard(self, landed: Landed) -> None:
        """Remove a part that is not kept; one that is kept already has another name."""
        landed.path.unlink(missing_ok=True)

    def path_of(self, sha256: str) -> Path | None:
        """Return where the bytes with this digest lie, if they are held."""
        path = self._instances / sha256
        return path if DIGEST.fullmatch(sha256) and path.is_file() else None

    def forget(self) -> None:
        """Remove every instance."""
        for path in self._instances.iterdir():
            path.unlink()


def _copy(body: BinaryIO, part: Part, target: BinaryIO) -> str:
    digest = hashlib.sha256()
    position = part.start
    end = part.start + part.size
    while chunk := os.pread(body.fileno(), min(READ_BYTES, end - position), position):
        digest.update(chunk)
        target.write(chunk)
        position += len(chunk)
    return digest.hexdigest()


def _uids(file: BinaryIO) -> tuple[str, str, str]:
    """Read the study, series and SOP instance UID; three empty texts when it is no DICOM file."""
    try:
        ds = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=UIDS)
        study_uid, series_uid, sop_uid = (str(ds.get(keyword) or "") for keyword in UIDS)
    except Exception:  # pydicom raises eight kinds for a damaged file; for each, this is no DICOM
        return "", "", ""
    return study_uid, series_uid, sop_uid
