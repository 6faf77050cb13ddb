"""Who may send a batch: a lease with a token, and an attempt row before the first byte."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils.timezone import now

from uploads import clocks, departures, failpoints
from uploads.failpoints import Point
from uploads.models import (
    Attempt,
    Batch,
    Destination,
    File,
    LostRace,
    ReceiptLine,
    Team,
    record_birth,
    take_turn,
)
from uploads.states import BatchStatus, DestinationStatus, FileStatus

BY: Final = "task:send_batch"


class LeaseLost(Exception):
    """Another worker has taken the batch over: stop, and write nothing."""


@dataclass(frozen=True)
class Claim:
    """A batch that is ours to send, for as long as the lease holds."""

    batch: Batch
    attempt: Attempt
    destination: Destination
    files: list[File]


def claim(batch_id: int) -> Claim | None:
    """Take a batch that is due. None where it is not, or where another worker was first.

    Raises ``LostRace`` where another batch has just become the destination's probe.
    """
    job_id = Batch.objects.values_list("job_id", flat=True).get(pk=batch_id)
    with transaction.atomic():
        take_turn(job_id)
        if not Batch.objects.filter(pk=batch_id, status=BatchStatus.READY).exists():
            return None  # the usual end where several look at once; the rest is not asked for nothing
        _stand_in_line(job_id)
        batch = Batch.objects.select_related("job__team__destination").get(pk=batch_id)
        destination = batch.job.team.destination
        if not departures.may_leave().filter(pk=batch_id).exists():
            return None
        token = batch.token + 1
        batch.advance(BatchStatus.SENDING, BY, token=token, lease_until=_lease_end(), next_attempt_at=None)
        attempt = _begin(batch, destination)
        Team.objects.filter(pk=batch.job.team_id).update(served_at=now())
        files = list(File.objects.filter(batch=batch, status=FileStatus.VALID).order_by("number"))
        counts = Counter(file.series_id for file in files if file.series_id)
        ReceiptLine.objects.bulk_create(
            ReceiptLine(attempt=attempt, series_id=series_id, sent=count)
            for series_id, count in counts.items()
        )
        failpoints.reach(Point.RELAY_CLAIMING)
    failpoints.reach(Point.RELAY_CLAIMED)
    return Claim(batch, attempt, destination, files)


def renew(claimed: Claim, extra_seconds: float = 0) -> None:
    """Keep the batch. Raises :class:`LeaseLost` when it is not ours any more."""
    batch = claimed.batch
    mine = Batch.objects.filter(pk=batch.pk, status=BatchStatus.SENDING, token=batch.token)
    end = _lease_end(extra_seconds)
    if mine.update(lease_until=end) != 1:
        raise LeaseLost
    batch.lease_until = end


def _stand_in_line(job_id: int) -> None:
    """Where requests are counted, count them one after the other: the UPDATE locks the row on PostgreSQL."""
    destination = Destination.objects.filter(teams__jobs=job_id)
    destination.exclude(status=DestinationStatus.OPEN, room=None).update(room=F("room"))


def _begin(batch: Batch, destination: Destination) -> Attempt:
    try:
        with transaction.atomic():
            attempt = Attempt.objects.create(
                batch=batch,
                destination=destination,
                number=batch.token,
                body_bytes=batch.body_bytes,
                is_probe=destination.status != DestinationStatus.OPEN,
            )
    except IntegrityError:
        raise LostRace(f"Another batch is the probe of destination {destination.pk}") from None
    record_birth(attempt, BY)
    return attempt


def _lease_end(extra_seconds: float = 0) -> datetime:
    return clocks.database_time() + timedelta(seconds=settings.RELAY_LEASE_SECONDS + extra_seconds)
