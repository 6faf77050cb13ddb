"""What goes to Qure and what Qure answered: batches, attempts, receipts."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils.timezone import now

from uploads.models.jobs import Job, Series
from uploads.models.state import Stateful, status_check
from uploads.models.teams import Destination
from uploads.states import ATTEMPT_MOVES, BATCH_MOVES, BatchStatus, Outcome


class Batch(Stateful):
    """One request to Qure: at most 100,000,000 bytes, whole body.

    ``token`` counts its leases. Whoever claimed the batch writes with the token in the WHERE clause, so that
    a worker that was frozen and wakes up late changes nothing.
    """

    moves = BATCH_MOVES

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    job = models.ForeignKey(Job, models.CASCADE, related_name="batches")
    status = models.CharField(max_length=20, choices=BatchStatus.choices, default=BatchStatus.READY)
    body_bytes = models.PositiveBigIntegerField()  # of the whole encoded request
    created_at = models.DateTimeField(default=now)
    next_attempt_at = models.DateTimeField(null=True, default=now)
    token = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)  # attempts without a usable answer, in a row

    class Meta:
        verbose_name_plural = "batches"
        constraints = [
            status_check("batch_status", BatchStatus),
            models.CheckConstraint(
                condition=~Q(status=BatchStatus.READY) | Q(next_attempt_at__isnull=False), name="ready_is_due"
            ),
            models.CheckConstraint(
                condition=~Q(status=BatchStatus.SENDING) | Q(lease_until__isnull=False),
                name="sending_is_leased",
            ),
        ]
        indexes = [models.Index(fields=["status", "next_attempt_at"])]

    def __str__(self) -> str:
        return f"Batch {self.pk}"

    @property
    def change_job_id(self) -> int | None:
        """The job it belongs to."""
        return self.job_id

    def fence(self) -> Q:
        """Only the holder of the newest lease may write."""
        return Q(token=self.token)


class Attempt(Stateful):
    """One request that was, or may have been, made. The row is committed before the first byte leaves."""

    moves = ATTEMPT_MOVES
    status_column = "outcome"

    batch = models.ForeignKey(Batch, models.CASCADE, related_name="attempts")
    destination = models.ForeignKey(Destination, models.PROTECT, related_name="attempts")
    number = models.PositiveIntegerField()  # the batch's token
    outcome = models.CharField(max_length=20, choices=Outcome.choices, default=Outcome.STARTED)
    is_probe = models.BooleanField(default=False)  # made to see whether the destination answers again
    body_bytes = models.PositiveBigIntegerField()
    started_at = models.DateTimeField(default=now)
    ended_at = models.DateTimeField(null=True)
    http_status = models.PositiveSmallIntegerField(null=True)
    receipt = models.TextField(blank=True)  # what Qure answered, whole
    detail = models.TextField(blank=True)  # a sentence of ours

    class Meta:
        constraints = [
            status_check("attempt_outcome", Outcome, "outcome"),
            models.UniqueConstraint(fields=["batch", "number"], name="one_attempt_a_lease"),
            models.UniqueConstraint(
                fields=["destination"],
                condition=Q(is_probe=True, outcome=Outcome.STARTED),
                name="one_probe_at_a_time",
            ),
        ]
        indexes = [
            models.Index(
                fields=["destination"], condition=Q(outcome=Outcome.STARTED), name="attempts_under_way"
            )
        ]

    def __str__(self) -> str:
        return f"Attempt {self.number} of batch {self.batch_id}"

    @property
    def change_job_id(self) -> int | None:
        """The job of its batch."""
        return self.batch.job_id


class ReceiptLine(models.Model):
    """What one receipt says of one series: how many instances the request held, how many Qure counted.

    ``reported`` is NumberOfSeriesRelatedInstances; whether it counts the request or the whole series so far
    is not documented.
    """

    attempt = models.ForeignKey(Attempt, models.CASCADE, related_name="lines")
    series = models.ForeignKey(Series, models.CASCADE, related_name="receipt_lines")
    sent = models.PositiveIntegerField()
    reported = models.BigIntegerField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["attempt", "series"], name="one_line_a_series")]

    def __str__(self) -> str:
        return f"{self.reported} of {self.sent}"
