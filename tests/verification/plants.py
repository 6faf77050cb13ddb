"""Faults to plant: each breaks one promise of a job as the database and the staging hold it."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from django.core.files.storage import default_storage
from django.db.models import F
from django.utils.timezone import now

from tests.factories import make_job, make_patient
from tests.pipeline.journeys import rewrite, series_uid
from tests.verification.jobs import Planted, add_attempt, put
from uploads.models import (
    Attempt,
    Batch,
    Delivery,
    File,
    Job,
    Notice,
    NoticeKind,
    Parcel,
    ReceiptLine,
    Series,
    StateChange,
    Webhook,
    record_birth,
)
from uploads.reasons import Reason
from uploads.states import (
    BatchStatus,
    DestinationStatus,
    FileStatus,
    JobStatus,
    Outcome,
    ParcelStatus,
    PatientStatus,
    SeriesStatus,
)

LONG_AGO: Final = timedelta(days=30)
MONTH: Final = timedelta(days=30)
Plant = Callable[[Planted], None]


def without_receipt(at: Planted) -> None:
    Attempt.objects.update(receipt="")


def receipt_without_the_series(at: Planted) -> None:
    ReceiptLine.objects.all().delete()
    put(at.series, SeriesStatus.OPEN)


def receipt_of_another_series(at: Planted) -> None:
    Attempt.objects.update(receipt=Attempt.objects.get().receipt.replace(series_uid(1), series_uid(2)))


def receipt_that_cannot_be_read(at: Planted) -> None:
    Attempt.objects.update(receipt="<html>")


def accepted_in_a_cancelled_batch(at: Planted) -> None:
    put(at.batch, BatchStatus.CANCELLED)


def no_reason(at: Planted) -> None:
    put(at.file, FileStatus.MISSING)


def accepted_job_with_a_rejected_file(at: Planted) -> None:
    put(at.job, JobStatus.ACCEPTED)


def declared_in_a_closed_job(at: Planted) -> None:
    put(at.job, JobStatus.PROCESSING)


def received_in_a_checked_parcel(at: Planted) -> None:
    put(at.parcel, ParcelStatus.CHECKED)


def unbatched_in_a_resting_job(at: Planted) -> None:
    put(at.job, JobStatus.ATTENTION)


def valid_in_a_replaced_batch(at: Planted) -> None:
    put(at.batch, BatchStatus.REPLACED)


def valid_in_an_accepted_batch(at: Planted) -> None:
    add_attempt(at.batch, Outcome.ACCEPTED, 1)
    put(at.batch, BatchStatus.ACCEPTED)


def sent_in_a_stuck_batch(at: Planted) -> None:
    put(at.batch, BatchStatus.STUCK)
    put(at.file, FileStatus.SENT)


def lower_count(at: Planted) -> None:
    ReceiptLine.objects.update(reported=F("sent") - 1)


def unconfirmed_in_an_accepted_batch(at: Planted) -> None:
    put(at.file, FileStatus.SENT)
    put(at.series, SeriesStatus.SHORT)
    put(at.job, JobStatus.ATTENTION)


def receipt_with_another_count(at: Planted) -> None:
    receipt = json.loads(Attempt.objects.get().receipt)
    for detail in receipt["detailed_info"]:
        detail["NumberOfSeriesRelatedInstances"] = 1
    Attempt.objects.update(receipt=json.dumps(receipt))


def complete_with_an_unconfirmed_file(at: Planted) -> None:
    put(at.file, FileStatus.SENT)
    put(at.batch, BatchStatus.SHORT)
    put(at.job, JobStatus.ATTENTION)


def attempt_over_the_limit(at: Planted) -> None:
    Attempt.objects.update(body_bytes=100_000_001)


def other_weight(at: Planted) -> None:
    Batch.objects.update(body_bytes=F("body_bytes") + 1)


def sent_by_nobody(at: Planted) -> None:
    add_attempt(at.batch, Outcome.STARTED, 1)
    put(at.batch, BatchStatus.SENDING, lease_until=now() - LONG_AGO, next_attempt_at=None)


def sent_until_next_month(at: Planted) -> None:
    add_attempt(at.batch, Outcome.STARTED, 1)
    put(at.batch, BatchStatus.SENDING, lease_until=now() + MONTH, next_attempt_at=None)


def checked_until_next_month(at: Planted) -> None:
    put(at.parcel, ParcelStatus.CHECKING, lease_until=now() + MONTH)


def arrived_next_month(at: Planted) -> None:
    Job.objects.update(last_arrival_at=now() + MONTH)


def due_next_month(at: Planted) -> None:
    Batch.objects.update(next_attempt_at=now() + MONTH)


def checked_next_month(at: Planted) -> None:
    Parcel.objects.update(due_at=now() + MONTH)


def drawn_next_month(at: Planted) -> None:
    Series.objects.update(picture_due_at=now() + MONTH)


def tried_next_month(at: Planted) -> None:
    destination = at.job.team.destination
    put(destination, DestinationStatus.SILENT, not_before=now() + MONTH, failing_since=now())


def mailed_next_month(at: Planted) -> None:
    user = at.job.created_by
    Notice.objects.create(user=user, job=at.job, kind=NoticeKind.DECISION, mail_due_at=now() + MONTH)


def called_next_month(at: Planted) -> None:
    webhook = Webhook.objects.create(team=at.job.team, url="https://hooks.test/", secret="x")
    Delivery.objects.create(webhook=webhook, event="test", body="{}", due_at=now() + MONTH)


def checked_by_nobody(at: Planted) -> None:
    put(at.parcel, ParcelStatus.CHECKING, lease_until=now() - LONG_AGO)


def stuck_in_a_cancelled_job(at: Planted) -> None:
    put(at.batch, BatchStatus.STUCK)
    put(at.job, JobStatus.CANCELLED)


def paused_without_a_word(at: Planted) -> None:
    put(at.job.team.destination, DestinationStatus.PAUSED)


def silent_upload(at: Planted) -> None:
    Job.objects.update(last_arrival_at=now() - LONG_AGO)


def idle_job(at: Planted) -> None:
    put(at.job, JobStatus.PROCESSING)
    StateChange.objects.update(at=now() - LONG_AGO)


def object_gone(at: Planted) -> None:
    default_storage.delete(at.parcel.object_name)


def object_cut_off(at: Planted) -> None:
    content(at, lambda stored: stored[:600])


def object_longer(at: Planted) -> None:
    content(at, lambda stored: stored + b"more")


def byte_changed(at: Planted) -> None:
    content(at, lambda stored: stored[:700] + bytes([stored[700] ^ 1]) + stored[701:])


def past_its_retention(at: Planted) -> None:
    Job.objects.update(last_arrival_at=now() - LONG_AGO)
    StateChange.objects.update(at=now() - LONG_AGO)


def slice_of_another_file(at: Planted) -> None:
    parcel = at.job.parcels.latest("pk")
    parcel.layout[0][6] = "0" * 64
    parcel.save()


def purged_but_there(at: Planted) -> None:
    put(at.parcel, ParcelStatus.PURGED)


def more_attempts_than_leases(at: Planted) -> None:
    Batch.objects.update(token=2)


def attempt_that_nobody_makes(at: Planted) -> None:
    add_attempt(at.batch, Outcome.STARTED, 1)


def accepted_twice(at: Planted) -> None:
    add_attempt(at.batch, Outcome.ACCEPTED, 2)


def accepted_without_an_attempt(at: Planted) -> None:
    for file in at.files:
        put(file, FileStatus.SENT)
    put(at.batch, BatchStatus.SHORT)


def no_birth(at: Planted) -> None:
    StateChange.objects.filter(kind="batch", from_status="").delete()


def other_end(at: Planted) -> None:
    Series.objects.update(status=SeriesStatus.SHORT)


def forbidden_move(at: Planted) -> None:
    put(at.job, JobStatus.ATTENTION)
    change = StateChange.objects.filter(kind="job").latest("pk")
    StateChange.objects.filter(pk=change.pk).update(to_status=JobStatus.ACCEPTED)
    change.pk, change.from_status = None, JobStatus.ACCEPTED
    change.save()


def gap_in_the_trail(at: Planted) -> None:
    StateChange.objects.filter(kind="file", to_status=FileStatus.VALID).delete()


def born_elsewhere(at: Planted) -> None:
    StateChange.objects.filter(kind="job").delete()
    StateChange.objects.create(
        kind="job", job=at.job, subjects=[at.job.pk], to_status=at.job.status, by="test"
    )


def sent_unconfirmed(at: Planted) -> None:
    put(at.job.patients.get(), PatientStatus.UNCONFIRMED)


def declined_but_valid(at: Planted) -> None:
    put(at.job.patients.get(), PatientStatus.DECLINED)


def of_another_jobs_patient(at: Planted) -> None:
    foreign = make_patient(make_job(status=JobStatus.CANCELLED))
    put(foreign, PatientStatus.CONFIRMED)
    put(foreign.job, JobStatus.CANCELLED)
    record_birth(foreign.job.team.destination, "test")
    File.objects.filter(pk=at.file.pk).update(patient=foreign)


def turned_away_in_a_batch(at: Planted) -> None:
    put(at.file, FileStatus.REJECTED, reason=Reason.OTHER)


def move_by_nobody(at: Planted) -> None:
    change = StateChange.objects.earliest("pk")
    StateChange.objects.filter(pk=change.pk).update(by="")


def row_gone(at: Planted) -> None:
    at.files[1].delete()
    Job.objects.update(file_count=F("file_count") - 1)


def higher_count(at: Planted) -> None:
    Job.objects.update(file_count=3)


def all_rows_gone(at: Planted) -> None:
    File.objects.all().delete()


def sent_in_a_pause(at: Planted) -> None:
    put(at.job.team.destination, DestinationStatus.PAUSED, alarm="The token is not accepted.")
    StateChange.objects.filter(kind="destination").update(at=now() - LONG_AGO)


def sent_seconds_after_a_silence_began(at: Planted) -> None:
    put(at.job.team.destination, DestinationStatus.SILENT, not_before=now(), failing_since=now())
    began_at = at.attempt.started_at - timedelta(seconds=5)
    StateChange.objects.filter(kind="destination").update(at=began_at)


def sent_before_the_end_of_a_silence(at: Planted) -> None:
    destination = at.job.team.destination
    put(destination, DestinationStatus.SILENT, not_before=now(), failing_since=now())
    destination.refresh_from_db()
    StateChange.objects.filter(kind="destination").update(at=now() - LONG_AGO)
    destination.advance(DestinationStatus.OPEN, "test")


def content(at: Planted, change: Callable[[bytes], bytes]) -> None:
    """Change the staged object behind the portal's back."""
    rewrite(at.parcel.object_name, change)
