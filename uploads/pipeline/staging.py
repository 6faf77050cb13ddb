"""Parcels into staging storage: durable under their final name before they are acknowledged."""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

from django.core.files.base import File as Content
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction
from django.utils.timezone import now

from uploads import failpoints
from uploads.failpoints import Point
from uploads.models import File, Job, Parcel, advance_each, record_birth, staged_bytes, take_turn
from uploads.parcel_format import BadParcel, Member
from uploads.room import NO_ROOM, Free, StorageFull
from uploads.states import FileStatus, JobStatus


class UploadClosed(Exception):
    """The upload takes no more bytes."""


class KeyReused(Exception):
    """Other bytes were stored under this key."""


class ContentUnnamed(BadParcel):
    """A slice came that does not say which content it was cut from: two CDs hold the same names and sizes."""


class Arriving(Protocol):
    """A parcel on its way in. Its members are known when its chunks have been read."""

    length: int  # bytes
    digest: str
    file_sha256: str  # of the file that it is a slice of, where it is one
    members: list[Member]

    def chunks(self, chunk_size: int = ..., /) -> Iterator[bytes]:
        """Yield the bytes; raise if they are not those that were sent."""
        ...


@dataclass(frozen=True)
class Stored:
    """An acknowledged parcel."""

    parcel_id: int
    numbers: list[int]
    is_repeated: bool


def find_parcel(job: Job, key: uuid.UUID, digest: str) -> Stored | None:
    """The parcel, if it was stored before. Raises :class:`KeyReused` if that was another."""
    parcel = Parcel.objects.filter(job=job, key=key).first()
    if parcel is None:
        return None
    if parcel.digest != digest:
        raise KeyReused
    return Stored(parcel.pk, _numbers(parcel), is_repeated=True)


def store_parcel(job: Job, key: uuid.UUID, arriving: Arriving, by: str) -> Stored:
    """Store a parcel whole, then note what arrived with it.

    Raises :class:`UploadClosed`, :class:`KeyReused`, :class:`StorageFull`, ``BadParcel`` and
    ``DigestMismatch``; after each of them nothing of the parcel is kept. After a failure of the database the
    object stays, since nobody knows whether the row is there: purging finds what no row names.
    """
    if job.status != JobStatus.UPLOADING:
        raise UploadClosed
    name = publish(job, arriving)
    failpoints.reach(Point.PARCEL_STORED)
    try:
        parcel = _note_arrival(job.pk, key, name, arriving, by)
    except IntegrityError:  # the same parcel came twice at once, and the other was first
        default_storage.delete(name)
        return cast(Stored, find_parcel(job, key, arriving.digest))
    except (UploadClosed, BadParcel):
        default_storage.delete(name)
        raise
    return Stored(parcel.pk, _numbers(parcel), is_repeated=False)


def publish(job: Job, content: Arriving) -> str:
    """Save the content under a new name made of ids only; answer the name."""
    if not Free.now().holds(content.length):
        raise StorageFull
    try:
        return default_storage.save(f"{job.key}/{uuid.uuid4()}", cast(Content[bytes], content))
    except OSError as e:
        if e.errno in NO_ROOM:
            raise StorageFull from e
        raise


def _note_arrival(job_id: int, key: uuid.UUID, name: str, arriving: Arriving, by: str) -> Parcel:
    with transaction.atomic():
        job = take_turn(job_id)
        if job.status != JobStatus.UPLOADING:
            raise UploadClosed
        files = _declared_files(job, arriving.members)
        parcel = Parcel(
            job=job,
            key=key,
            object_name=name,
            size=arriving.length,
            digest=arriving.digest,
            layout=[member.row() for member in arriving.members],
            slice_of=_sliced(job, files, arriving),
        )
        if parcel.slice_of is not None:
            parcel.layout[0].append(arriving.file_sha256)
        parcel.save(force_insert=True)
        record_birth(parcel, by)
        if parcel.slice_of is None:
            awaited = [file.pk for file in files.values() if file.status == FileStatus.DECLARED]
            arrival = (FileStatus.DECLARED, FileStatus.RECEIVED)
            advance_each(File, awaited, arrival, by, job.pk, parcel=parcel)
        else:
            _settle(parcel, parcel.slice_of, by)
        Job.objects.filter(pk=job.pk).update(last_arrival_at=now())
        failpoints.reach(Point.PARCEL_WRITING)
    failpoints.reach(Point.PARCEL_WRITTEN)
    return parcel


def _settle(parcel: Parcel, file: File, by: str) -> None:
    """Receive a big file with the last of its slices: when that is checked, the file is too.

    What came of another content is no part of the file any more.
    """
    if staged_bytes(file) < file.size:
        return
    file.advance(FileStatus.RECEIVED, by)
    others = [other.pk for other in file.slices.all() if other.cut_from != parcel.cut_from]
    Parcel.objects.filter(pk__in=others).update(slice_of=None)


@dataclass(frozen=True)
class _Declared:
    """What of a file's row is needed to take it in: parcels may hold a thousand."""

    pk: int
    size: int
    status: str


def _declared_files(job: Job, members: Sequence[Member]) -> dict[int, _Declared]:
    """The files of the members, by number. Raises ``BadParcel`` for one that the manifest does not know."""
    rows = File.objects.filter(job=job, number__in=[member.number for member in members])
    columns = rows.values_list("number", "pk", "size", "status")
    files = {number: _Declared(pk, size, status) for number, pk, size, status in columns}
    for member in members:
        file = files.get(member.number)
        if file is None or member.file_offset + member.length > file.size:
            raise BadParcel("The parcel holds bytes that the list of files does not know.")
    return files


def _sliced(job: Job, files: dict[int, _Declared], arriving: Arriving) -> File | None:
    """The big file that the parcel is a slice of, if it is one and its file is still to come."""
    parts = [member for member in arriving.members if member.length != files[member.number].size]
    if not parts:
        return None
    if len(arriving.members) > 1:
        raise BadParcel("A slice of a file must be alone in its parcel.")
    if not arriving.file_sha256:
        raise ContentUnnamed("A slice must say which file it was cut from.")
    file = File.objects.get(job=job, pk=files[parts[0].number].pk)
    return file if file.status == FileStatus.DECLARED else None


def _numbers(parcel: Parcel) -> list[int]:
    return sorted({row[0] for row in parcel.layout})
