"""What is due, as the database says: found again after a lost message, a dead worker, a flushed broker."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db.models import QuerySet
from django.utils.timezone import now

from uploads import clocks, departures
from uploads.batches import to_plan
from uploads.models import (
    MOVES_BY_ITSELF,
    Batch,
    File,
    Job,
    Parcel,
    Series,
    StateChange,
    update_each,
)
from uploads.states import (
    BatchStatus,
    FileStatus,
    JobStatus,
    ParcelStatus,
    SeriesStatus,
)

BY: Final = "task:sweep"
STEPS: Final = ("check_parcel", "plan_batches", "send_batch", "close_job")
NEWEST: Final = 1000  # moves that are looked through for a sign of life


@dataclass(frozen=True)
class Due:
    """Primary keys of what waits to be done, by the task that does it."""

    parcels: list[int]
    plans: list[int]
    batches: list[int]
    closings: list[int]


def due() -> Due:
    """Everything that could be done now, of STAT jobs first."""
    parcels = Parcel.objects.filter(status=ParcelStatus.STORED, due_at__lte=now())
    closings = {*_arrived_jobs(), *_resting_jobs(), *_cancelled_jobs_with_a_rest()}
    return Due(
        parcels=_keys(parcels, "-job__is_stat"),
        plans=_keys(to_plan(), "-is_stat"),
        batches=departures.departing(),
        closings=_keys(Job.objects.filter(pk__in=closings), "-is_stat"),
    )


def expired_parcels() -> list[Parcel]:
    """Parcels whose worker is gone."""
    moment = clocks.database_time()
    return list(Parcel.objects.filter(status=ParcelStatus.CHECKING, lease_until__lt=moment))


def expired_batches() -> list[Batch]:
    """Batches whose sender is gone."""
    moment = clocks.database_time()
    return list(Batch.objects.filter(status=BatchStatus.SENDING, lease_until__lt=moment))


def abandoned_jobs() -> list[int]:
    """Uploads that nobody has continued for so long that nobody will."""
    silent_since = now() - timedelta(hours=settings.STAGING_RETENTION_HOURS)
    return _keys(Job.objects.filter(status=JobStatus.UPLOADING, last_arrival_at__lt=silent_since))


def idle_steps(moment: datetime) -> set[str]:
    """Steps that nobody has taken since then, and that nobody is at."""
    newest = StateChange.objects.order_by("-pk").values_list("by", "at")[:NEWEST]
    lively = {by.removeprefix("task:") for by, at in newest if moment <= at <= now()}
    held = {"lease_until__gt": clocks.database_time()}
    if Parcel.objects.filter(status=ParcelStatus.CHECKING, **held).exists():
        lively.add("check_parcel")
    if Batch.objects.filter(status=BatchStatus.SENDING, **held).exists():
        lively.add("send_batch")
    return set(STEPS) - lively


def is_held(step: str, is_stat: bool) -> bool:
    """Whether somebody is at such a step of a STAT job, or of another one."""
    holding: dict[str, QuerySet[Any]] = {  # Any: each model in turn
        "check_parcel": Parcel.objects.filter(status=ParcelStatus.CHECKING),
        "send_batch": Batch.objects.filter(status=BatchStatus.SENDING),
    }
    if step not in holding:
        return False
    return holding[step].filter(lease_until__gt=clocks.database_time(), job__is_stat=is_stat).exists()


def mend_times() -> None:
    """Let nothing wait for a time that a wrong clock has written."""
    for ahead in clocks.too_far_ahead():
        update_each(ahead.rows, **{ahead.column: ahead.instead})


def _keys(rows: QuerySet[Any], *first: str) -> list[int]:  # Any: each model in turn
    return list(rows.order_by(*first, "pk").values_list("pk", flat=True))


def _arrived_jobs() -> list[int]:
    """Uploads of which everything has arrived."""
    uploading = Job.objects.filter(status=JobStatus.UPLOADING, manifest_closed_at__isnull=False)
    to_come = File.objects.filter(status=FileStatus.DECLARED, job__status=JobStatus.UPLOADING)
    return _keys(uploading.exclude(pk__in=to_come.values("job")))


def _resting_jobs() -> list[int]:
    """Jobs of which nothing moves any more, and that have not been told so."""
    moving = File.objects.filter(MOVES_BY_ITSELF, job__status=JobStatus.PROCESSING)
    return _keys(Job.objects.filter(status=JobStatus.PROCESSING).exclude(pk__in=moving.values("job")))


def _cancelled_jobs_with_a_rest() -> list[int]:
    """Cancelled jobs whose last request, under way at the time, has ended since."""
    batches = Batch.objects.filter(
        job__status=JobStatus.CANCELLED, status__in=(BatchStatus.READY, BatchStatus.STUCK)
    )
    answered = (FileStatus.ACCEPTED, FileStatus.REFUSED)
    series = Series.objects.filter(
        job__status=JobStatus.CANCELLED, status=SeriesStatus.OPEN, files__status__in=answered
    ).exclude(job__batches__status=BatchStatus.SENDING)
    return [*batches.values_list("job", flat=True), *series.values_list("job", flat=True)]
