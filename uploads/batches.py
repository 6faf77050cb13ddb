"""What a batch weighs, when it is made and how: one request's worth of files."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Coalesce, Least
from django.utils.timezone import now

from uploads.models import Batch, Destination, File, Job, record_birth
from uploads.qure.body import BODY_OVERHEAD, part_overhead
from uploads.states import FileStatus, JobStatus

FILLING: Final = (JobStatus.UPLOADING, JobStatus.PROCESSING)  # jobs whose files are put into batches


def part_bytes(file: File) -> int:
    """Bytes that the file takes in a request, its part's header included."""
    return file.wire_size + part_overhead(file.wire_name)


def body_bytes(files: Sequence[File]) -> int:
    """Bytes of the whole request that holds the files."""
    return BODY_OVERHEAD + sum(part_bytes(file) for file in files)


def limit_of(job: Job) -> int:
    """Bytes of the largest request that may be made for the job: ours, or what its destination takes."""
    known = Destination.objects.filter(teams=job.team_id).values_list("body_limit", flat=True).get()
    ours: int = settings.RELAY_BATCH_MAX_BYTES
    return ours if known is None else min(ours, known)


def make_batch(job: Job, files: Sequence[File], by: str) -> Batch:
    """Put the files into a new batch that is due now. Call it within the job's turn."""
    batch = Batch.objects.create(job=job, body_bytes=body_bytes(files))
    record_birth(batch, by)
    File.objects.filter(pk__in=[file.pk for file in files]).update(batch=batch)
    return batch


def to_plan() -> QuerySet[Job]:
    """Jobs of whose valid files a batch can be made now."""
    waiting = File.objects.filter(status=FileStatus.VALID, batch=None, job__status__in=FILLING).values("job")
    ours = settings.RELAY_BATCH_MAX_BYTES
    limit = Least(Coalesce(F("job__team__destination__body_limit"), ours), ours)
    by_job = waiting.annotate(limit=limit).values("job", "limit").annotate(bytes=Sum("size"))
    full = by_job.filter(bytes__gte=F("limit")).values("job")
    return Job.objects.filter(~more_to_come() | Q(pk__in=full), pk__in=waiting)


def more_to_come() -> Q:
    """Files of the upload are still to come, or to be checked, and it has not fallen silent."""
    on_its_way = File.objects.filter(
        job=OuterRef("pk"), status__in=(FileStatus.DECLARED, FileStatus.RECEIVED)
    )
    silent_since = now() - timedelta(seconds=settings.UPLOAD_IDLE_SECONDS)
    is_open = Q(manifest_closed_at=None)
    return Q(last_arrival_at__gt=silent_since) & (is_open | Q(Exists(on_its_way)))
