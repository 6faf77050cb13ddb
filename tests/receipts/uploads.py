"""Uploads that came to their end, as rows: what a receipt is about, without the way there."""

import hashlib
from typing import Any

from django.utils.timezone import now

from tests.factories import make_batch, make_file, make_job, make_patient, make_series
from uploads.models import Attempt, File, Job, ReceiptLine, Series, StateChange
from uploads.reasons import Reason
from uploads.states import BatchStatus, FileStatus, JobStatus, Outcome, SeriesStatus

ANSWER = '{"message": "Success", "series_instance_uids": ["1.2.3"]}'


def digest(text: str) -> str:
    """Some SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()


def accepted_job(count: int = 3, description: str = "Head", **of_job: Any) -> Job:  # Any: column values
    """An upload of one series that Qure has accepted whole."""
    job = make_job(status=JobStatus.ACCEPTED, **of_job)
    series = make_series(job, description=description, status=SeriesStatus.COMPLETE)
    patient = make_patient(job, status="confirmed")
    numbered = [
        File(
            job=job,
            number=number,
            path=f"CD/IM{number:05d}",
            path_digest=digest(f"path {number}"),
            size=100,
            sop_uid=f"1.2.3.7.{number}",
            sha256=digest(f"came {number}"),
            wire_sha256=digest(f"went {number}"),
            series=series,
            patient=patient,
            status=FileStatus.ACCEPTED,
        )
        for number in range(count)
    ]
    add_attempt(job, series, *File.objects.bulk_create(numbered))
    StateChange.objects.create(
        kind="job", job=job, subjects=[job.pk], to_status=JobStatus.ACCEPTED, by="test"
    )
    return job


def add_attempt(job: Job, series: Series, *files: File, **values: Any) -> Attempt:  # Any: column values
    """A request with these files, that Qure has answered as it should."""
    batch = make_batch(job, *files, status=values.pop("batch_status", BatchStatus.ACCEPTED))
    defaults = {
        "number": 1,
        "outcome": Outcome.ACCEPTED,
        "http_status": 200,
        "receipt": ANSWER,
        "ended_at": now(),
        "body_bytes": 1000,
    }
    attempt = Attempt.objects.create(batch=batch, destination=job.team.destination, **{**defaults, **values})
    ReceiptLine.objects.create(attempt=attempt, series=series, sent=len(files), reported=len(files))
    return attempt


def short_job() -> Job:
    """An upload of which Qure says that it has fewer images than were sent, and with a file that is none."""
    job = make_job(status=JobStatus.ATTENTION)
    series = make_series(job, status=SeriesStatus.SHORT)
    sent = [make_file(job, series=series, status=FileStatus.SENT) for _ in range(3)]
    make_file(job, status=FileStatus.IGNORED, reason="not_dicom", path="CD/readme.txt")
    attempt = add_attempt(job, series, *sent, batch_status=BatchStatus.SHORT)
    attempt.lines.update(reported=2)
    return job


def cancelled_job(accepted: int = 0) -> Job:
    """An upload that was cancelled after a request of two images which Qure has not answered."""
    job = make_job(status=JobStatus.CANCELLED)
    series = make_series(job, status=SeriesStatus.SHORT if accepted else SeriesStatus.OPEN)
    there = [make_file(job, series=series, status=FileStatus.ACCEPTED) for _ in range(accepted)]
    if there:
        add_attempt(job, series, *there)
    reason = Reason.MAY_HAVE_ARRIVED
    files = [make_file(job, series=series, status=FileStatus.CANCELLED, reason=reason) for _ in range(2)]
    unanswered = {"outcome": Outcome.UNKNOWN, "http_status": None, "receipt": ""}
    add_attempt(job, series, *files, batch_status=BatchStatus.CANCELLED, **unanswered)
    job.files.filter(status=FileStatus.CANCELLED).update(batch=None)
    return job


def tidied_job(**of_job: Any) -> Job:  # Any: column values
    """An accepted upload of three images; a viewer's file, a report and the other patient stayed behind."""
    job = accepted_job(**of_job)
    for number, reason in enumerate((Reason.SYSTEM_FILE, Reason.NOT_AN_IMAGE, Reason.NOT_CHOSEN), start=3):
        leave_out(job, number, FileStatus.IGNORED, reason)
    return job


def leave_out(job: Job, number: int, status: FileStatus, reason: Reason) -> File:
    """A file of the job that the upload page left where it is."""
    path = f"CD/left out {number}"
    return make_file(
        job, number=number, path=path, status=status, reason=reason, is_left_out=True, sop_uid=""
    )
