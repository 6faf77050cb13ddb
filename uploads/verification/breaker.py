"""12: a destination that takes nothing is asked by one probe at a time."""

from bisect import bisect_left
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Final

from uploads.models import Attempt, StateChange
from uploads.states import DestinationStatus
from uploads.verification.pieces import PIECE, Violations

NEVER: Final = datetime.max.replace(tzinfo=UTC)
CLAIMING: Final = timedelta(seconds=2)  # from a look at the destination until the attempt is on record
Span = tuple[datetime, datetime]


def closed_destinations_see_probes_only() -> Violations:
    """12. Every request to a destination that was silent or paused was a probe.

    One that was being claimed when it closed is let through: whoever claims holds no lock on a destination.
    """
    closed = _closed_spans()
    attempts = Attempt.objects.filter(destination__in=list(closed), is_probe=False).order_by("pk")
    for pk, destination, began_at in attempts.values_list("pk", "destination", "started_at").iterator(PIECE):
        spans = closed[destination]
        index = bisect_left(spans, (began_at - CLAIMING, NEVER)) - 1
        if index >= 0 and began_at < spans[index][1]:
            yield f"12: attempt {pk} was no probe, but its destination was closed"


def _closed_spans() -> dict[int, list[Span]]:
    """From when to when each destination was not open, oldest first."""
    spans: dict[int, list[Span]] = defaultdict(list)
    since: dict[int, datetime] = {}
    rows = StateChange.objects.filter(kind="destination", job=None).order_by("pk")
    for subjects, to, at in rows.values_list("subjects", "to_status", "at").iterator(PIECE):
        for pk in subjects:
            if to != DestinationStatus.OPEN:
                since.setdefault(pk, at)
            elif pk in since:
                spans[pk].append((since.pop(pk), at))
    for pk, at in since.items():
        spans[pk].append((at, NEVER))
    return spans
