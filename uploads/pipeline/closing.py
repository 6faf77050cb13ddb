"""The job's last word, and the last word on its series."""

from typing import Final

from django.db import transaction
from django.db.models import Q
from django.utils.timezone import now

from uploads import failpoints, ledger
from uploads.failpoints import Point
from uploads.models import MOVES_BY_ITSELF, Batch, File, Job, Series, advance_all, take_turn
from uploads.reasons import Reason
from uploads.states import FILE_LEFT_OUT, BatchStatus, FileStatus, JobStatus, SeriesStatus

BY: Final = "task:close_job"
# Statuses that leave nothing to look at.
GOOD_ENDS: Final = frozenset({FileStatus.ACCEPTED, FileStatus.IGNORED, FileStatus.DUPLICATE})
# Statuses of files that prove nothing against their series: they were not meant to be sent.
NOT_FOR_QURE: Final = frozenset({*GOOD_ENDS, FileStatus.REJECTED, FileStatus.QUARANTINED})
# Statuses of files that Qure was offered.
OFFERED: Final = frozenset({FileStatus.ACCEPTED, FileStatus.SENT, FileStatus.REFUSED})
# What somebody decided not to send: it is nothing to look at, and nothing against its series.
DECIDED: Final = Q(status=FileStatus.CANCELLED, reason=Reason.DECLINED)
# Statuses that end when the job is cancelled.
CANCELLABLE: Final = (
    FileStatus.DECLARED,
    FileStatus.RECEIVED,
    FileStatus.VALID,
    FileStatus.MISSING,
    FileStatus.QUARANTINED,
)


def close(job_id: int) -> None:
    """Move the job on as far as its files allow: all has arrived, then all has come to rest.

    Of a cancelled job, stop what a request that was under way has left behind.
    """
    with transaction.atomic():
        job = take_turn(job_id)
        if job.status == JobStatus.CANCELLED:
            _stop(job, BY)
        if job.status == JobStatus.UPLOADING and _all_arrived(job):
            job.advance(JobStatus.PROCESSING, BY)
        if job.status == JobStatus.PROCESSING and _all_rest(job):
            _close_series(job)
            job.advance(_last_word(job), BY)


def cancel(job_id: int, by: str) -> bool:
    """Stop what has not been sent. What Qure has can't be taken back; a request under way is finished."""
    with transaction.atomic():
        job = take_turn(job_id)
        if JobStatus.CANCELLED not in job.moves[JobStatus(job.status)]:
            return False
        _stop(job, by)
        job.advance(JobStatus.CANCELLED, by)
    failpoints.reach(Point.CANCEL_WRITTEN)
    return True


def abandon(job_id: int, by: str) -> None:
    """Stop waiting for files that never came: name them, and let the job come to rest."""
    with transaction.atomic():
        job = take_turn(job_id)
        if job.status != JobStatus.UPLOADING:
            return
        waiting = File.objects.filter(job=job)
        pair = (FileStatus.DECLARED, FileStatus.MISSING)
        advance_all(waiting, pair, by, job.pk, reason=Reason.NEVER_ARRIVED)
        # whoever is told of it has time to send the rest before everything is cleared away
        Job.objects.filter(pk=job.pk).update(
            manifest_closed_at=job.manifest_closed_at or now(), last_arrival_at=now()
        )
    failpoints.reach(Point.ABANDON_WRITTEN)


def _stop(job: Job, by: str) -> None:
    waiting = Batch.objects.filter(job=job, status__in=(BatchStatus.READY, BatchStatus.STUCK))
    for batch in waiting.order_by("pk"):  # as `update_each` takes them
        batch.advance(BatchStatus.CANCELLED, by)
    under_way = Batch.objects.filter(job=job, status=BatchStatus.SENDING)
    rows = File.objects.filter(Q(batch=None) | ~Q(batch__in=under_way), job=job)
    for condition, reason in ((ledger.in_doubt(), Reason.MAY_HAVE_ARRIVED), (Q(), Reason.CANCELLED)):
        for status in CANCELLABLE:
            pair = (status, FileStatus.CANCELLED)
            advance_all(rows.filter(condition), pair, by, job.pk, reason=reason, batch=None)
    if not under_way.exists():
        _close_series(job)


def _all_arrived(job: Job) -> bool:
    return job.manifest_closed_at is not None and not job.files.filter(status=FileStatus.DECLARED).exists()


def _all_rest(job: Job) -> bool:
    """Nothing moves by itself any more."""
    return not job.files.filter(MOVES_BY_ITSELF).exists()


def _close_series(job: Job) -> None:
    for series in Series.objects.filter(job=job, status=SeriesStatus.OPEN):
        statuses = set(series.files.exclude(DECIDED).values_list("status", flat=True))
        if statuses & OFFERED:
            is_proven = statuses <= NOT_FOR_QURE
            series.advance(SeriesStatus.COMPLETE if is_proven else SeriesStatus.SHORT, BY)


def _last_word(job: Job) -> JobStatus:
    statuses = set(job.files.exclude(DECIDED).values_list("status", flat=True))
    if statuses <= FILE_LEFT_OUT and job.files.filter(DECIDED).exists():
        return JobStatus.CANCELLED  # of all that could be sent, nothing was to be
    is_good = FileStatus.ACCEPTED in statuses and statuses <= GOOD_ENDS
    return JobStatus.ACCEPTED if is_good else JobStatus.ATTENTION
