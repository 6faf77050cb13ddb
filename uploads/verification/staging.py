"""6: staged bytes exist for everything not yet accepted, unmixed, and for nothing past its retention."""

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final, cast
from uuid import UUID

from django.conf import settings
from django.core.files.storage import default_storage
from django.db.models import Exists, OuterRef
from django.utils.timezone import now

from uploads.models import Extent, File, Job, Parcel, Picture, Series, StateChange, extents_of_all
from uploads.pipeline.purging import DROPPED, needing, rested_before
from uploads.staged import StagedBytesGone, StagedReader, chunks
from uploads.states import FileStatus, ParcelStatus
from uploads.verification.pieces import PIECE, Violations, keys, pieces

PURGE_GRACE: Final = timedelta(hours=1)  # how late the bytes may go
WRITING: Final = timedelta(days=1)  # a writer that has been at it longer is dead


def staged_bytes_are_kept_as_long_as_needed() -> Violations:
    """6. The objects of what is not yet accepted are there, whole; others are gone when they should be."""
    kept = Parcel.objects.exclude(status=ParcelStatus.PURGED)
    needed = kept.filter(Exists(needing())).order_by("pk")
    for parcel in needed.only("object_name", "size").iterator(PIECE):
        try:
            size = default_storage.size(parcel.object_name)
        except FileNotFoundError:
            yield f"6: the object of parcel {parcel.pk} is gone"
            continue
        if size != parcel.size:
            yield f"6: the object of parcel {parcel.pk} has another size"
    over = rested_before(_retention_start(), "job")
    # what moved just now may have needed them
    moved = StateChange.objects.filter(job=OuterRef("job"), at__gt=now() - PURGE_GRACE)
    for pk in keys(kept.filter(over, ~Exists(needing()), ~Exists(moved))):
        yield f"6: parcel {pk} is past its retention"


def staged_bytes_are_unchanged() -> Violations:
    """6. The staged bytes of what is yet to be sent are those that arrived."""
    unsent = File.objects.filter(~DROPPED, status__in=(FileStatus.VALID, FileStatus.SENT))
    files = unsent.order_by("parcel", "number")
    with StagedReader() as reader:
        for piece in pieces(files.only("number", "size", "sha256", "parcel").iterator(PIECE)):
            extents = extents_of_all(piece)
            for file in piece:
                yield from _compare(file, extents[file.pk], reader)


def slices_are_of_their_file() -> Violations:
    """6. What was joined of slices is the file that each of them was cut from."""
    slices = Parcel.objects.filter(slice_of__parcel=None).exclude(slice_of__sha256="").order_by("pk")
    for parcel in slices.exclude(slice_of=None).select_related("slice_of").iterator(PIECE):
        file = cast(File, parcel.slice_of)
        if parcel.cut_from not in ("", file.sha256):
            yield f"6: file {file.pk} is not the file that one of its slices was cut from"


def staging_holds_nothing_else() -> Violations:
    """6. Each object is a parcel or a picture; what dead writers left goes with its job."""
    for piece in pieces(_objects()):
        statuses = dict(Parcel.objects.filter(object_name__in=piece).values_list("object_name", "status"))
        for name in piece:
            if statuses.get(name) == ParcelStatus.PURGED:
                yield f"6: the object {name} was to be removed"
            elif name not in statuses and _is_forgotten(name) and not _is_picture(name):
                yield f"6: the object {name} belongs to no parcel"


def _retention_start() -> datetime:
    return now() - timedelta(hours=settings.STAGING_RETENTION_HOURS) - PURGE_GRACE


def _compare(file: File, extents: list[Extent], reader: StagedReader) -> Violations:
    digest = hashlib.sha256()
    try:
        for chunk in chunks(reader.open(extents)):
            digest.update(chunk)
    except StagedBytesGone:
        yield f"6: the bytes of file {file.pk} are gone"
        return
    if digest.hexdigest() != file.sha256:
        yield f"6: the bytes of file {file.pk} have changed"


def _objects(folder: str = "") -> Iterator[str]:
    """The names of all staged objects, unfinished ones too."""
    try:
        folders, names = default_storage.listdir(folder)
    except FileNotFoundError:  # nothing was ever staged
        return
    for name in names:
        yield f"{folder}{name}"
    for inner in folders:
        yield from _objects(f"{folder}{inner}/")


def _is_picture(name: str) -> bool:
    """It is the picture of a series that has one."""
    series_key = name.partition("/")[2].rpartition("-")[0]
    series = Series.objects.select_related("job").filter(key__in=_key_in(series_key), picture=Picture.MADE)
    return any(row.picture_name == name for row in series)


def _is_forgotten(name: str) -> bool:
    """Nobody writes it any more, and its job, if there is one, has been cleared away."""
    try:
        is_old = default_storage.get_modified_time(name) < now() - WRITING
    except FileNotFoundError:
        return False
    waiting = Job.objects.exclude(rested_before(_retention_start()))
    return is_old and not waiting.filter(key__in=_key_in(name.partition("/")[0])).exists()


def _key_in(text: str) -> list[UUID]:
    """The key that a part of a name is, if it is one."""
    try:
        return [UUID(text)]
    except ValueError:
        return []
