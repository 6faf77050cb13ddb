"""What a person decides after the fact: send a short series again, try a stuck batch again."""

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.timezone import now

from uploads import failpoints
from uploads.failpoints import Point
from uploads.models import HOLDS_KEY, Batch, File, Job, Series, advance_all, take_turn
from uploads.states import BatchStatus, FileStatus, JobStatus, SeriesStatus


def resend(series: Series, by: str) -> bool:
    """Send the images of a series again that Qure has not confirmed. Answer whether there are any."""
    with transaction.atomic():
        job = take_turn(series.job_id)
        series = Series.objects.get(pk=series.pk)
        if series.status != SeriesStatus.SHORT or job.status == JobStatus.CANCELLED:
            return False
        ended = (BatchStatus.SHORT, BatchStatus.REFUSED)
        batches = list(Batch.objects.filter(files__series=series, status__in=ended).distinct())
        sent = File.objects.filter(series=series)
        again = advance_all(sent, (FileStatus.SENT, FileStatus.VALID), by, job.pk, batch=None)
        refused = _refused(series)
        again += advance_all(
            refused, (FileStatus.REFUSED, FileStatus.VALID), by, job.pk, batch=None, reason=""
        )
        if not again:
            return False
        for batch in batches:
            if not batch.files.exclude(status=FileStatus.ACCEPTED).exists():
                batch.advance(BatchStatus.REPLACED, by)
        series.advance(SeriesStatus.OPEN, by)
        _wake(job, by)
    failpoints.reach(Point.RESEND_WRITTEN)
    return True


def retry(job_id: int, by: str) -> bool:
    """Try everything of the job again that waits for an administrator. Answer whether there is anything."""
    with transaction.atomic():
        job = take_turn(job_id)
        stuck = list(Batch.objects.filter(job=job, status=BatchStatus.STUCK))
        for batch in stuck:
            batch.advance(BatchStatus.READY, by, next_attempt_at=now(), failures=0)
        if stuck:
            _wake(job, by)
    resent = [resend(series, by) for series in Series.objects.filter(job=job_id, status=SeriesStatus.SHORT)]
    return bool(stuck) or any(resent)


def _refused(series: Series) -> QuerySet[File]:
    """Refused files of which no other copy has taken the place: one instance, one live file."""
    refused = File.objects.filter(series=series, status=FileStatus.REFUSED)
    same = File.objects.filter(series=series, sop_uid=OuterRef("sop_uid"))
    earlier = same.filter(status=FileStatus.REFUSED, pk__lt=OuterRef("pk"))
    taken = same.filter(HOLDS_KEY)
    return refused.filter(~Exists(earlier), ~Exists(taken))


def _wake(job: Job, by: str) -> None:
    if job.status == JobStatus.ATTENTION:
        job.advance(JobStatus.PROCESSING, by)
