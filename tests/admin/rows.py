"""A job as it lies in the database after an eventful night."""

import json
from dataclasses import dataclass, field
from typing import Final

from django.db.models import Model
from django.utils.timezone import now

from tests.factories import (
    make_api_token,
    make_batch,
    make_destination,
    make_file,
    make_job,
    make_patient,
    make_series,
    make_team,
    make_user,
)
from uploads.models import (
    ApiToken,
    Attempt,
    Batch,
    Destination,
    File,
    Job,
    Parcel,
    Patient,
    ReceiptLine,
    Series,
    Team,
)
from uploads.reasons import Reason
from uploads.states import BatchStatus, FileStatus, JobStatus, Outcome

TOKEN: Final = "qure-token-7f3c1e"
RECEIPT: Final = {"message": "Success", "series_instance_uids": ["1.2.3.77"], "detailed_info": []}


@dataclass
class Everything:
    """One accepted and one stuck batch, files with reasons, and an attempt of each kind."""

    destination: Destination = field(default_factory=lambda: make_destination(name="Qure", token=TOKEN))

    def __post_init__(self) -> None:
        self.team: Team = make_team(name="Night shift", destination=self.destination)
        self.user = make_user(self.team, username="dr.night")
        self.job: Job = make_job(self.team, created_by=self.user)
        self.patient: Patient = make_patient(self.job, patient_id="P77", name="DOE^JANE")
        self.series: Series = make_series(self.job, series_uid="1.2.3.77", description="Head 5 mm")
        accepted = make_file(self.job, b"one", series=self.series, status=FileStatus.ACCEPTED)
        waiting = make_file(self.job, b"two", series=self.series, status=FileStatus.VALID)
        self.rejected: File = make_file(
            self.job, path="CD/broken", status=FileStatus.REJECTED, reason=Reason.TRUNCATED_PIXELS
        )
        self.parcel: Parcel = self.job.parcels.earliest("pk")
        self.sent: Batch = make_batch(self.job, accepted, status=BatchStatus.ACCEPTED, token=1)
        self.stuck: Batch = make_batch(
            self.job, waiting, status=BatchStatus.STUCK, token=1, next_attempt_at=None
        )
        self.attempt = self.make_attempt(self.sent, Outcome.ACCEPTED, 200, json.dumps(RECEIPT))
        self.make_attempt(self.stuck, Outcome.MISMATCH, 200, '{"message": "Success"}')
        ReceiptLine.objects.create(attempt=self.attempt, series=self.series, sent=1, reported=1)
        self.job.advance(JobStatus.PROCESSING, "test")
        self.job.advance(JobStatus.ATTENTION, "test")
        make_api_token(self.user, self.team)
        self.api_token = ApiToken.objects.get()

    def make_attempt(self, batch: Batch, outcome: Outcome, status: int, receipt: str) -> Attempt:
        """An attempt that has ended."""
        return Attempt.objects.create(
            batch=batch,
            destination=self.destination,
            number=1,
            outcome=outcome,
            body_bytes=batch.body_bytes,
            ended_at=now(),
            http_status=status,
            receipt=receipt,
        )

    def records(self) -> dict[str, Model]:
        """One row of each kind that nobody edits, by the name of its pages."""
        change = self.job.changes.latest("pk")
        return {
            "job": self.job,
            "patient": self.patient,
            "series": self.series,
            "file": self.rejected,
            "parcel": self.parcel,
            "batch": self.sent,
            "attempt": self.attempt,
            "statechange": change,
            "apitoken": self.api_token,
        }

    def settings(self) -> dict[str, Model]:
        """One row of each kind that administrators edit."""
        return {"destination": self.destination, "team": self.team}
