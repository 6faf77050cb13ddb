"""From staged bytes to what was found in each file."""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final, cast

from django.db.models import QuerySet

from uploads.dicom.checker import Checker, Span
from uploads.dicom.findings import Finding
from uploads.models import File, Parcel, extents_of_all
from uploads.seals import Digests
from uploads.staged import StagedBytesGone, StagedReader, chunks
from uploads.states import FileStatus

checker: Final = Checker()


@dataclass(frozen=True)
class Checked:
    """A file with what was found in it."""

    file: File
    finding: Finding
    sha256: str
    wire_sha256: str
    wire_seal: str


def inspect(parcel: Parcel, at_once: int) -> Iterator[list[Checked]]:
    """Look into the parcel's files that wait for it, so many at a time."""
    whole = list(waiting_whole(parcel))
    with StagedReader() as reader:
        for start in range(0, len(whole), at_once):
            yield list(_inspect_whole(parcel, whole[start : start + at_once], reader))
        for file in waiting_sliced(parcel):
            yield [_inspect_sliced(file, reader)]


def waiting_whole(parcel: Parcel) -> QuerySet[File]:
    """Files that lie in the parcel and are not checked, in the order in which they are."""
    return File.objects.filter(parcel=parcel, status=FileStatus.RECEIVED).order_by("number")


def waiting_sliced(parcel: Parcel) -> QuerySet[File]:
    """The file that the parcel is a slice of, if it is complete and not checked."""
    return File.objects.filter(slices=parcel, status=FileStatus.RECEIVED)


def _inspect_whole(parcel: Parcel, files: Sequence[File], reader: StagedReader) -> Iterator[Checked]:
    rows = {row[0]: row for row in parcel.layout}
    stored = _with_descriptor(cast(BinaryIO, reader.parcel(parcel).file))
    spans = [Span(rows[file.number][2], file.size, file.path) for file in files]
    for file, finding in zip(files, checker.check(stored, spans), strict=True):
        sha256, seal = rows[file.number][4:]
        extents = [(parcel, rows[file.number][2], file.size)]
        wire = _wire_digests(finding, reader.open(extents)) if finding.wrapper else (sha256, seal)
        yield Checked(file, finding, sha256, *wire)


def _inspect_sliced(file: File, reader: StagedReader) -> Checked:
    """Join the slices of a big file on the disk and look at the whole.

    Raises ``StagedBytesGone`` when that is not the file that they say they were cut from.
    """
    extents = extents_of_all([file])[file.pk]
    with tempfile.TemporaryFile() as joined:
        digests = Digests()
        for chunk in chunks(reader.open(extents)):
            digests.update(chunk)
            joined.write(chunk)
        joined.flush()
        whole = digests.hexdigests()
        if any(parcel.cut_from not in ("", whole[0]) for parcel, _, _ in extents):
            raise StagedBytesGone(f"The slices of file {file.pk} are not the file that was chosen.")
        finding = checker.check(joined, [Span(0, file.size, file.path)])[0]
        joined.seek(0)
        wire = _wire_digests(finding, cast(BinaryIO, joined)) if finding.wrapper else whole
    return Checked(file, finding, whole[0], *wire)


def _with_descriptor(stored: BinaryIO) -> BinaryIO:
    """The object as a real file: S3's are, once they are larger than what is kept in memory."""
    if isinstance(stored, tempfile.SpooledTemporaryFile):
        stored.rollover()
    stored.fileno()
    return stored


def _wire_digests(finding: Finding, stream: BinaryIO) -> tuple[str, str]:
    """SHA-256 and seal of the file as it is sent."""
    digests = Digests(finding.wrapper)
    for chunk in chunks(stream):
        digests.update(chunk)
    return digests.hexdigests()
