"""Whose clock counts, and which times only a wrong clock can have written.

Such a time lies further ahead than anything asks for. Whoever waits for it waits in vain, and nobody is told:
sweeps mend it, and `verify` names it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, cast

from django.conf import settings
from django.db import connection
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils.timezone import now

from uploads.models import Attempt, Batch, Delivery, Destination, Job, Notice, Parcel, Series, Team
from uploads.models.waiting import LONGEST_PAUSE, LONGEST_WAIT, SPREAD
from uploads.qure.retry_after import LONGEST
from uploads.states import BatchStatus, DestinationStatus, Outcome, ParcelStatus

MOST_APART: Final = timedelta(seconds=10)  # a lease bears that: it is renewed long before its end
SLACK: Final = timedelta(minutes=1)  # clocks that agree do so by seconds, and a sweep takes its time
WAIT: Final = timedelta(seconds=LONGEST_WAIT * (1 + SPREAD)) + SLACK
PAUSE: Final = timedelta(seconds=LONGEST_PAUSE * (1 + SPREAD)) + SLACK
ASKED: Final = timedelta(seconds=LONGEST) + SLACK


def database_time() -> datetime:
    """Now, by the one clock that all machines of the portal share: leases run by it.

    SQLite asks the clock of this machine, which is the only one then.
    """
    if connection.vendor != "postgresql":
        return now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        (moment,) = cursor.fetchone()
    return cast(datetime, moment)


def skew() -> timedelta:
    """How far this process's clock is ahead of the database's, or behind it, for certain."""
    before, shared, after = now(), database_time(), now()
    return max(timedelta(0), before - shared) + min(timedelta(0), after - shared)


@dataclass(frozen=True)
class Ahead:
    """Rows whose time lies too far ahead, and what it should have been at most."""

    rows: QuerySet[Any]  # Any: each model in turn
    column: str
    instead: datetime


def too_far_ahead() -> Iterator[Ahead]:
    """All columns by which something waits. Mend each before the next: a batch waits for its destination."""
    moment = now()
    yield Ahead(_destinations(moment), "not_before", moment)
    yield Ahead(_batches(moment), "next_attempt_at", moment)
    stored = Parcel.objects.filter(status=ParcelStatus.STORED, due_at__gt=moment + WAIT)
    yield Ahead(stored, "due_at", moment)
    yield from _leases(database_time())
    yield from _what_is_claimed_by_its_due_time(moment)
    yield from _what_has_been(moment)


def _destinations(moment: datetime) -> QuerySet[Destination]:
    """A pause may last longest, and a silence as long as Qure has asked for."""
    throttled = Attempt.objects.filter(
        destination=OuterRef("pk"), outcome=Outcome.THROTTLED, ended_at__gt=moment - ASKED
    )
    silent = ~Q(status=DestinationStatus.PAUSED)
    return Destination.objects.filter(
        Q(not_before__gt=moment + PAUSE)
        | (silent & Q(not_before__gt=moment + ASKED))
        | (silent & ~Exists(throttled) & Q(not_before__gt=moment + WAIT))
    )


def _batches(moment: datetime) -> QuerySet[Batch]:
    """A batch waits for itself, or for its destination."""
    ready = Batch.objects.filter(status=BatchStatus.READY, next_attempt_at__gt=moment + WAIT)
    destination = "job__team__destination__not_before"
    return ready.filter(
        Q(**{f"{destination}__isnull": True}) | Q(**{f"{destination}__lt": F("next_attempt_at") - SLACK})
    )


def _leases(moment: datetime) -> Iterator[Ahead]:
    """Whoever lives renews its lease, and whoever does not is found out after one."""
    sending = timedelta(seconds=settings.RELAY_LEASE_SECONDS)
    longest = sending + timedelta(seconds=settings.RELAY_ANSWER_SECONDS) + SLACK
    batches = Batch.objects.filter(status=BatchStatus.SENDING, lease_until__gt=moment + longest)
    yield Ahead(batches, "lease_until", moment + sending)
    checking = timedelta(seconds=settings.CHECK_LEASE_SECONDS)
    parcels = Parcel.objects.filter(status=ParcelStatus.CHECKING, lease_until__gt=moment + checking + SLACK)
    yield Ahead(parcels, "lease_until", moment + checking)


def _what_is_claimed_by_its_due_time(moment: datetime) -> Iterator[Ahead]:
    """Somebody may be at it just now, and has then done with it within the longest wait."""
    instead = moment + timedelta(seconds=LONGEST_WAIT)
    yield Ahead(Notice.objects.filter(mail_due_at__gt=moment + WAIT), "mail_due_at", instead)
    yield Ahead(Delivery.objects.filter(due_at__gt=moment + WAIT), "due_at", instead)
    yield Ahead(Series.objects.filter(picture_due_at__gt=moment + WAIT), "picture_due_at", instead)


def _what_has_been(moment: datetime) -> Iterator[Ahead]:
    """From what has happened something else is counted; it cannot lie ahead at all."""
    arrived = Job.objects.filter(last_arrival_at__gt=moment + SLACK, purged_at=None)
    yield Ahead(arrived, "last_arrival_at", moment)
    yield Ahead(Team.objects.filter(served_at__gt=moment + SLACK), "served_at", moment)
    failing = Destination.objects.filter(failing_since__gt=moment + SLACK)
    yield Ahead(failing, "failing_since", moment)
