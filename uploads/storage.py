"""Staging storage: an object appears whole, synced and under its final name, or not at all.

Django's own backends leave a cut-off object under its final name when the disk fills or the writer fails.
A bucket's side is ``uploads.bucket``: loading boto3 takes a tenth of a second, and a disk needs none of it.
"""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, Final, Protocol

from botocore.exceptions import BotoCoreError, ClientError
from django.core.files.base import File
from django.core.files.storage import FileSystemStorage

from uploads import failpoints
from uploads.failpoints import Point

COPY_BYTES: Final = 1024 * 1024
# What a disk and a bucket raise; Django's Storage API has no name for it.
STORAGE_TROUBLE: Final = (OSError, BotoCoreError, ClientError)


class Staging(Protocol):
    """What both staging storages have besides Django's Storage API."""

    def free_bytes(self) -> int | None:
        """Bytes that are free, or None where that is not known."""
        ...

    def make_ready(self) -> None:
        """Make what objects lie in, unless it is there."""


class StagingFiles(FileSystemStorage):
    """Objects on a local or shared disk."""

    def _save(self, name: str, content: File[Any]) -> str:  # Any: bytes, in Django's generic
        final = Path(self.path(name))
        final.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(prefix=".arriving-", dir=final.parent)
        try:
            with os.fdopen(descriptor, "wb", buffering=0) as out:
                for chunk in content.chunks(COPY_BYTES):
                    _write_all(out.fileno(), chunk)
                os.fsync(out.fileno())
            failpoints.reach(Point.STORAGE_WRITING)
            Path(temporary).replace(final)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        failpoints.reach(Point.STORAGE_RENAMED)
        _sync_folder(final.parent)
        return name

    def free_bytes(self) -> int | None:
        """Bytes that are free on the disk."""
        self.make_ready()
        return shutil.disk_usage(self.base_location).free

    def make_ready(self) -> None:
        """Make the folder, unless it is there."""
        Path(self.base_location).mkdir(parents=True, exist_ok=True)


def _write_all(descriptor: int, chunk: bytes | memoryview) -> None:
    view = memoryview(chunk)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
