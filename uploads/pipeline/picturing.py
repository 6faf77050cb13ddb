"""A small picture of each series, for the people who look at the upload. Nothing waits for it.

A picture becomes due once everything of the job is checked or, in a long upload, once images of its series
are about to be sent. Whatever goes wrong ends as "no picture" after some tries; it is never sent anywhere.
"""

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import BinaryIO, Final, cast

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db.models import Q, QuerySet
from django.utils.timezone import now

from uploads import failpoints
from uploads.dicom.pictures import Drawer
from uploads.dicom.reader import ReaderBroken
from uploads.failpoints import Point
from uploads.models import File, Job, Kind, Picture, Series, due_after, extents_of_all
from uploads.staged import StagedBytesGone, StagedReader, chunks
from uploads.states import FileStatus, JobStatus
from uploads.storage import STORAGE_TROUBLE

LEASE: Final = timedelta(minutes=10)  # a worker that draws for longer is dead
FIRST_WAIT: Final = 30.0  # seconds
MOST_TRIES: Final = 10
# Of these the portal has the bytes, and they are what they seem.
SHOWN: Final = (
    FileStatus.VALID,
    FileStatus.SENT,
    FileStatus.ACCEPTED,
    FileStatus.REFUSED,
    FileStatus.QUARANTINED,
)
IMAGES: Final = (Kind.IMAGE, Kind.SECONDARY, Kind.OTHER)

logger: Final = logging.getLogger(__name__)
drawer: Final = Drawer()


def ask_for(job_id: int) -> list[int]:
    """Say that pictures of this job are due that were not before; answer the series'."""
    waiting = Series.objects.filter(job=job_id, picture=Picture.WAITING, picture_due_at=None)
    waiting = waiting.exclude(job__status=JobStatus.CANCELLED)
    if _is_arriving(job_id):
        waiting = waiting.filter(
            Q(pk__in=File.objects.filter(job=job_id).exclude(batch=None).values("series"))
        )
    keys = list(waiting.values_list("pk", flat=True))
    Series.objects.filter(pk__in=keys, picture_due_at=None).update(picture_due_at=now())
    return keys


def _is_arriving(job_id: int) -> bool:
    unchecked = File.objects.filter(job=job_id, status=FileStatus.RECEIVED)
    return unchecked.exists() or Job.objects.filter(pk=job_id, status=JobStatus.UPLOADING).exists()


def due() -> list[int]:
    """Series whose picture could be made now, of STAT jobs first."""
    waiting = Series.objects.filter(picture_due_at__lte=now())
    return list(waiting.order_by("-job__is_stat", "picture_due_at", "pk").values_list("pk", flat=True))


def make(series_id: int) -> None:
    """Make the picture of a series, if it is due and nobody else is at it."""
    series = Series.objects.select_related("job").filter(pk=series_id, picture_due_at__lte=now()).first()
    if series is None or not _claim(series):
        return
    failpoints.reach(Point.PICTURE_CLAIMED)
    try:
        png = _draw(series)
        if png is not None:
            default_storage.save(series.picture_name, ContentFile(png))
            failpoints.reach(Point.PICTURE_STORED)
    except (ReaderBroken, *STORAGE_TROUBLE):
        logger.warning("the picture of series %s can't be made now", series.pk, exc_info=True)
        _postpone(series)
        return
    except StagedBytesGone:
        png = None
    is_ours = _end(series, Picture.NONE if png is None else Picture.MADE)
    if png is not None and not is_ours:
        default_storage.delete(series.picture_name)
    failpoints.reach(Point.PICTURE_WRITTEN)


def _claim(series: Series) -> bool:
    """Take the series for as long as the lease lasts. Each claim counts: a try that dies is one too."""
    same = Series.objects.filter(pk=series.pk, picture_due_at=series.picture_due_at)
    if series.picture_tries >= MOST_TRIES:
        same.update(picture=Picture.NONE, picture_due_at=None)
        return False
    series.picture_due_at = now() + LEASE
    series.picture_tries += 1
    return same.update(picture_due_at=series.picture_due_at, picture_tries=series.picture_tries) == 1


def _end(series: Series, picture: Picture) -> bool:
    return _held(series).update(picture=picture, picture_due_at=None) == 1


def _postpone(series: Series) -> None:
    _held(series).update(picture_due_at=due_after(series.picture_tries, FIRST_WAIT))


def _held(series: Series) -> QuerySet[Series]:
    """The series, if nobody has taken it since."""
    return Series.objects.filter(pk=series.pk, picture_tries=series.picture_tries).exclude(
        picture_due_at=None
    )


def _draw(series: Series) -> bytes | None:
    """Draw the middle one of the images that the portal has. Their order is that of the upload."""
    images = File.objects.filter(series=series, status__in=SHOWN, kind__in=IMAGES).order_by("number")
    keys = list(images.values_list("pk", flat=True))
    if not keys:
        return None
    file = File.objects.get(pk=keys[(len(keys) - 1) // 2])
    with _bytes_of(file) as (stream, size):
        return drawer.draw(stream, size)


@contextmanager
def _bytes_of(file: File) -> Iterator[tuple[BinaryIO, int]]:
    """The file alone on the disk: its parcel or its parts may lie in a bucket, and it may lack a header."""
    prefix = bytes(file.wrapper or b"")
    with StagedReader() as reader, tempfile.TemporaryFile() as alone:
        stream = reader.open(extents_of_all([file])[file.pk], prefix)
        for chunk in chunks(stream):
            alone.write(chunk)
        alone.flush()
        yield cast(BinaryIO, alone), file.wire_size
