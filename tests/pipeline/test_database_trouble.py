"""What Qure has answered is not let go of because the database fails: it is written when it can be."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError, connection
from pytest_django.fixtures import Settings

from tests.pipeline.journeys import end_leases, images, job_to, ready_batch, statuses
from tests.sandboxes import Sandbox
from uploads import failpoints, tasks
from uploads.failpoints import Point
from uploads.models import Attempt, Batch
from uploads.pipeline import relay
from uploads.pipeline.relay import persisting
from uploads.states import BatchStatus, FileStatus, Outcome

pytestmark = pytest.mark.django_db
Listener = Callable[[Point], None]


class Clock:
    """Time that goes by only while somebody waits."""

    def __init__(self) -> None:
        self.waits: list[float] = []  # seconds

    def monotonic(self) -> float:
        return sum(self.waits)

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Nobody really waits."""
    clock = Clock()
    monkeypatch.setattr(persisting, "time", clock)
    return clock


@pytest.fixture(autouse=True)
def one_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server's connection would be closed, and with it the transaction in which the test runs."""
    monkeypatch.setattr(connection, "close_if_unusable_or_obsolete", lambda: None)


@contextmanager
def failing(sign: str, times: int, error: type[Exception] = OperationalError) -> Iterator[None]:
    """Let the first statements with the sign in them fail, as they do while a database is away."""
    left = times

    def fail(execute: Any, sql: str, *args: Any) -> object:  # Any: Django's execute wrapper
        nonlocal left
        if sign in sql and left:
            left -= 1
            raise error("the database is away")
        return execute(sql, *args)

    with connection.execute_wrapper(fail):
        yield


def outcomes() -> list[str]:
    return list(Attempt.objects.order_by("pk").values_list("outcome", flat=True))


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
@pytest.mark.parametrize("times", [1, 4])
def test_a_receipt_that_was_read_is_written_when_the_database_is_back(
    sandbox: Sandbox, error: type[Exception], times: int, clock: Clock
) -> None:
    batch = ready_batch(job_to(sandbox), images(2))

    with failing('UPDATE "uploads_attempt"', times, error):
        relay.send(batch.pk)

    assert statuses(batch.job) == [FileStatus.ACCEPTED] * 2
    assert Attempt.objects.get().receipt != ""
    assert [row["received"] for row in sandbox.rows()] == [1, 1]
    assert len(clock.waits) == times


def test_the_waits_grow(sandbox: Sandbox, clock: Clock) -> None:
    batch = ready_batch(job_to(sandbox), images(1))

    with failing('UPDATE "uploads_attempt"', 8):
        relay.send(batch.pk)

    assert clock.waits == sorted(clock.waits)
    assert clock.waits[0] < 1
    assert clock.waits[-1] == persisting.LONGEST_WAIT


@pytest.mark.parametrize(
    ("fault", "status", "outcome"),
    [
        ("503", BatchStatus.READY, Outcome.THROTTLED),
        ("401", BatchStatus.READY, Outcome.UNAUTHORIZED),
        ("400", BatchStatus.REFUSED, Outcome.REFUSED),
    ],
)
def test_what_a_refusal_means_is_written_when_the_database_is_back(
    sandbox: Sandbox, fault: str, status: BatchStatus, outcome: Outcome
) -> None:
    sandbox.script({"kind": fault})
    batch = ready_batch(job_to(sandbox), images(1))

    with failing('UPDATE "uploads_attempt"', 2):
        relay.send(batch.pk)

    assert (Batch.objects.get().status, outcomes()) == (status, [outcome])
    assert len(sandbox.requests()) == 1


def test_a_database_that_stays_away_longer_than_the_lease_is_not_waited_for(
    sandbox: Sandbox, clock: Clock, settings: Settings
) -> None:
    settings.RELAY_LEASE_SECONDS, settings.RELAY_ANSWER_SECONDS = 1, 1
    batch = ready_batch(job_to(sandbox), images(1))

    with failing('UPDATE "uploads_attempt"', 1000), pytest.raises(OperationalError):
        relay.send(batch.pk)

    assert clock.monotonic() < 2
    assert Batch.objects.get().status == BatchStatus.SENDING


def test_a_verdict_that_comes_after_the_lease_has_ended_changes_nothing(
    sandbox: Sandbox, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = ready_batch(job_to(sandbox), images(1))
    monkeypatch.setattr(clock, "sleep", lambda _: end_leases(batch.job))

    with failing('UPDATE "uploads_attempt"', 1):
        relay.send(batch.pk)

    assert (Batch.objects.get().status, outcomes()) == (BatchStatus.READY, [Outcome.UNKNOWN])


def test_a_commit_whose_answer_was_lost_is_not_written_twice(sandbox: Sandbox) -> None:
    batch = ready_batch(job_to(sandbox), images(1))

    def lose_the_answer(point: Point) -> None:
        if point == Point.RELAY_ACCEPTED:
            listening(None)
            raise InterfaceError("the connection was lost")

    listening(lose_the_answer)
    relay.send(batch.pk)

    assert (Batch.objects.get().status, outcomes()) == (BatchStatus.ACCEPTED, [Outcome.ACCEPTED])


@pytest.mark.django_db(transaction=True)
def test_a_lease_that_cannot_be_renewed_now_ends_no_request(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks.silence, "until", math.inf)  # no hint: what is committed is not worked off
    batch = ready_batch(job_to(sandbox), images(1))

    with failing('SET "lease_until"', 1):
        relay.send(batch.pk)

    assert outcomes() == [Outcome.ACCEPTED]


def listening(to: Listener | None) -> None:
    """Be told of each point, or no longer."""
    failpoints.listening.to = to or failpoints._nobody
