"""Staged bytes go when they are delivered and the retention is over; so do old notices and calls."""

import logging
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.core.files.storage import default_storage
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.timezone import now

from uploads import failpoints
from uploads.failpoints import Point
from uploads.models import Delivery, File, Job, Notice, Parcel, Picture, Series, StateChange
from uploads.reasons import Reason
from uploads.room import Free
from uploads.states import JOB_AT_REST, FileStatus, JobStatus, ParcelStatus
from uploads.storage import STORAGE_TROUBLE

BY: Final = "task:purge"
# These may be needed again: to be sent, resent, or decided about.
NEEDS_BYTES: Final = (
    FileStatus.DECLARED,
    FileStatus.RECEIVED,
    FileStatus.VALID,
    FileStatus.SENT,
    FileStatus.REFUSED,
    FileStatus.QUARANTINED,
)
# It is never sent, and nobody can decide otherwise: its name and its reason are all that is to be kept.
HIDES_A_PROGRAM: Final = Q(status=FileStatus.QUARANTINED, reason=Reason.EXECUTABLE_PREAMBLE)
# Nothing of a cancelled job is sent again, but a request may still be under way.
DROPPED: Final = Q(job__status=JobStatus.CANCELLED) & ~Q(status=FileStatus.VALID)
# It is sent instead, should the bytes of the other be lost.
STANDS_BY: Final = Q(status=FileStatus.DUPLICATE, duplicate_of__status__in=NEEDS_BYTES)
NEEDED: Final = ~DROPPED & (Q(status__in=NEEDS_BYTES) & ~HIDES_A_PROGRAM | STANDS_BY)
LOOKED_AT: Final = (JobStatus.ACCEPTED, JobStatus.ATTENTION)  # at rest, and somebody may come back to it

AT_ONCE: Final = 1000  # rows of a table; the next sweep takes the rest

logger: Final = logging.getLogger(__name__)


def purgeable() -> list[Parcel]:
    """Parcels of resting jobs whose files have all ended, past the retention.

    Where the disk gets full they go sooner: those bytes only were convenient.
    """
    is_short = _is_disk_short()
    over = Q(job__status__in=JOB_AT_REST) if is_short else rested_before(_retention_start(), "job")
    rests = Parcel.objects.filter(over, status=ParcelStatus.CHECKED)
    return list(rests.filter(~Exists(needing())))


def needing() -> QuerySet[File]:
    """Files that need the outer query's parcel."""
    here = Q(parcel=OuterRef("pk")) | Q(pk=OuterRef("slice_of"))
    return File.objects.filter(here, NEEDED)


def rested_before(moment: datetime, job: str = "") -> Q:
    """Whether a job got its last bytes, and came to rest, before then; after an outage that is much later.

    ``job`` leads from the rows that are asked for to their job. Nobody waits for what is cancelled: that it
    came to rest does not count.
    """
    at = f"{job}__" if job else ""
    came = StateChange.objects.filter(kind="job", job=OuterRef(job or "pk"), at__gte=moment)
    rested = came.filter(from_status=JobStatus.PROCESSING, to_status__in=LOOKED_AT)
    rests = Q(**{f"{at}status__in": JOB_AT_REST, f"{at}last_arrival_at__lt": moment})
    return rests & (Q(**{f"{at}status": JobStatus.CANCELLED}) | ~Q(Exists(rested)))


def purge(parcel: Parcel) -> None:
    """Remove the bytes, then say so: to die in between costs nothing but to do it again."""
    try:
        default_storage.delete(parcel.object_name)
    except STORAGE_TROUBLE:
        logger.warning("parcel %s can't be removed now", parcel.pk, exc_info=True)
        return
    failpoints.reach(Point.PURGE_DELETED)
    parcel.advance(ParcelStatus.PURGED, BY)
    failpoints.reach(Point.PURGE_WRITTEN)


def uncleared() -> list[Job]:
    """Resting jobs past the retention that have no parcel left."""
    rest = Job.objects.filter(rested_before(_retention_start()), purged_at=None)
    left = Parcel.objects.filter(job=OuterRef("pk")).exclude(status=ParcelStatus.PURGED)
    return list(rest.filter(~Exists(left)))


def clear_folder(job: Job) -> None:
    """Remove the pictures, and what lies in the job's folder though no row names it: its writer died."""
    Series.objects.filter(job=job).update(picture=Picture.NONE, picture_due_at=None)
    try:
        for name in _objects_of(job):
            default_storage.delete(f"{job.key}/{name}")
        default_storage.delete(str(job.key))
    except STORAGE_TROUBLE:
        logger.warning("the folder of job %s can't be removed now", job.pk, exc_info=True)
        return
    failpoints.reach(Point.PURGE_EMPTIED)
    Job.objects.filter(pk=job.pk).update(purged_at=now())


def forget_what_was_told() -> None:
    """Remove the oldest notices and calls of webhooks past their retention; what is on its way stays."""
    start = now() - timedelta(days=settings.NOTICE_RETENTION_DAYS)
    # the oldest rows by their keys: there is no index over all notices' times, and none is worth its writes
    notices = Notice.objects.filter(pk__in=_oldest(Notice.objects.all()), mail_due_at=None)
    notices.filter(created_at__lt=start).delete()
    deliveries = Delivery.objects.filter(pk__in=_oldest(Delivery.objects.all()), due_at=None)
    deliveries.filter(created_at__lt=start).delete()


def _oldest(rows: QuerySet[Any]) -> list[int]:  # Any: rows of two tables
    return list(rows.order_by("pk").values_list("pk", flat=True)[:AT_ONCE])


def _objects_of(job: Job) -> list[str]:
    try:
        return list(default_storage.listdir(str(job.key))[1])
    except FileNotFoundError:
        return []


def _is_disk_short() -> bool:
    try:
        return Free.now().is_short
    except STORAGE_TROUBLE:
        return False


def _retention_start() -> datetime:
    return now() - timedelta(hours=settings.STAGING_RETENTION_HOURS)
