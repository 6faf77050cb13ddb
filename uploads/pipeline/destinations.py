"""Letting a destination go on."""

from typing import Final

from django.utils.timezone import now

from uploads import departures, failpoints
from uploads.failpoints import Point
from uploads.models import Batch, Destination, update_each, without_token
from uploads.states import BatchStatus, DestinationStatus

FIRST_ROOM: Final = 1  # request at once: nobody knows yet whether Qure takes it


def resume(destination: Destination, by: str) -> list[int]:
    """Let a paused or silent destination go on; answer the batches that may leave now.

    Raises ``LostRace`` where somebody else was first.
    """
    moment = now()
    waiting = Batch.objects.filter(job__team__destination=destination, status=BatchStatus.READY)
    update_each(waiting.filter(next_attempt_at__gt=moment), next_attempt_at=moment)
    destination = without_token(Destination.objects.all()).get(pk=destination.pk)
    if destination.status != DestinationStatus.OPEN:
        calm = {"failing_since": None, "failures": 0, "not_before": None}
        destination.advance(DestinationStatus.OPEN, by, alarm="", room=FIRST_ROOM, **calm)
    failpoints.reach(Point.RESUME_WRITTEN)
    return departures.let_out(destination.pk)
