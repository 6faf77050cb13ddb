"""2, 5: each file is accepted, on its way or named with its reason, and nothing waits for nobody."""

from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.timezone import now

from uploads import clocks
from uploads.models import Batch, Destination, File, Job, Parcel, StateChange
from uploads.reasons import Reason
from uploads.states import (
    BatchStatus,
    DestinationStatus,
    FileStatus,
    JobStatus,
    ParcelStatus,
)
from uploads.verification.pieces import Violations, keys

# A moving row may stand past its time for as long as two sweeps take.
GRACE: Final = 2
NEEDS_NO_REASON: Final = (
    FileStatus.DECLARED,
    FileStatus.RECEIVED,
    FileStatus.VALID,
    FileStatus.SENT,
    FileStatus.ACCEPTED,
)
GOOD_ENDS: Final = (FileStatus.ACCEPTED, FileStatus.IGNORED, FileStatus.DUPLICATE)
UNSENT: Final = (BatchStatus.READY, BatchStatus.SENDING, BatchStatus.STUCK)
ACTIVE: Final = (JobStatus.UPLOADING, JobStatus.PROCESSING)


def every_file_is_accounted_for() -> Violations:
    """2. Each file is accepted, on its way, or named with its reason."""
    for pk in keys(File.objects.filter(reason="").exclude(status__in=NEEDS_NO_REASON)):
        yield f"2: file {pk} was not sent and has no reason"
    good = Q(status__in=GOOD_ENDS) | Q(status=FileStatus.CANCELLED, reason=Reason.DECLINED)
    for pk in keys(File.objects.filter(job__status=JobStatus.ACCEPTED).exclude(good)):
        yield f"2: file {pk} was not accepted, but its job has ended as accepted"
    declared = File.objects.filter(status=FileStatus.DECLARED)
    for pk in keys(declared.exclude(job__status=JobStatus.UPLOADING)):
        yield f"2: file {pk} has not arrived, and its job does not wait for it"
    arriving = Parcel.objects.filter(status__in=(ParcelStatus.STORED, ParcelStatus.CHECKING))
    received = File.objects.filter(status=FileStatus.RECEIVED)
    for pk in keys(received.exclude(Q(parcel__in=arriving) | Q(slices__in=arriving))):
        yield f"2: file {pk} was received, but nothing will check it"
    valid = File.objects.filter(status=FileStatus.VALID)
    for pk in keys(valid.filter(batch=None).exclude(job__status__in=ACTIVE)):
        yield f"2: file {pk} is valid, but its job will make no batch of it"


def files_are_as_far_as_their_batches() -> Violations:
    """2. What waits in a batch will be sent, and what was sent is confirmed where its batch is."""
    valid = File.objects.filter(status=FileStatus.VALID, batch__isnull=False)
    for pk in keys(valid.exclude(batch__status__in=UNSENT)):
        yield f"2: file {pk} is valid, but its batch will never be sent"
    sent = File.objects.filter(status=FileStatus.SENT)
    for pk in keys(sent.exclude(batch__status__in=(BatchStatus.SHORT, BatchStatus.ACCEPTED))):
        yield f"2: file {pk} was sent, but its batch was not"
    for pk in keys(sent.filter(batch__status=BatchStatus.ACCEPTED)):
        yield f"2: file {pk} is not confirmed, but its batch is"


def nothing_waits_without_a_time() -> Violations:
    """5. Nothing waits without a due time or a named person."""
    late = now() - timedelta(seconds=GRACE * settings.SWEEP_SECONDS)
    ended = clocks.database_time() - timedelta(seconds=GRACE * settings.SWEEP_SECONDS)
    for pk in keys(Batch.objects.filter(status=BatchStatus.SENDING, lease_until__lt=ended)):
        yield f"5: batch {pk} is being sent by nobody"
    for pk in keys(Parcel.objects.filter(status=ParcelStatus.CHECKING).exclude(lease_until__gte=ended)):
        yield f"5: parcel {pk} is being checked by nobody"
    stuck = Batch.objects.filter(status=BatchStatus.STUCK)
    for pk in keys(stuck.exclude(job__status__in=(JobStatus.ATTENTION, *ACTIVE))):
        yield f"5: batch {pk} waits for a person, but its job does not say so"
    for pk in keys(Destination.objects.filter(status=DestinationStatus.PAUSED, alarm="")):
        yield f"5: destination {pk} is paused, but nobody is told why"
    silent = late - timedelta(hours=settings.STAGING_RETENTION_HOURS)
    for pk in keys(Job.objects.filter(status=JobStatus.UPLOADING, last_arrival_at__lt=silent)):
        yield f"5: job {pk} waits for files that nobody sends"
    for pk in keys(_idle_jobs().filter(~Exists(_changes_since(late)))):
        yield f"5: job {pk} is not at rest, but nothing of it moves"
    yield from _times_too_far_ahead()


def _times_too_far_ahead() -> Violations:
    for ahead in clocks.too_far_ahead():
        name = ahead.rows.model.__name__.lower()
        for pk in keys(ahead.rows):
            yield f"5: {name} {pk} has {ahead.column} further ahead than anything asks for"


def _idle_jobs() -> QuerySet[Job]:
    moving = Q(status=FileStatus.RECEIVED) | (
        Q(status=FileStatus.VALID) & (Q(batch=None) | ~Q(batch__status=BatchStatus.STUCK))
    )
    return Job.objects.filter(
        ~Exists(File.objects.filter(moving, job=OuterRef("pk"))), status=JobStatus.PROCESSING
    )


def _changes_since(moment: datetime) -> QuerySet[StateChange]:
    return StateChange.objects.filter(job=OuterRef("pk"), at__gte=moment)
