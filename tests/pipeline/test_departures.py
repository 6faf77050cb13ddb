"""Whose turn it is to be sent, and how many at once: STAT first, teams in turns, the oldest first."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils.timezone import now

from tests.factories import make_batch, make_destination, make_file, make_job, make_team
from uploads import departures
from uploads.models import Attempt, Batch, Destination, Job, LostRace, Team
from uploads.pipeline import relay
from uploads.pipeline.relay.lease import Claim
from uploads.states import BatchStatus, DestinationStatus, FileStatus, JobStatus, Outcome

pytestmark = pytest.mark.django_db
SOON = timedelta(minutes=1)


def waiting(job: Job, count: int = 1) -> list[Batch]:
    """Batches of the job that are due, each with a file."""
    return [make_batch(job, make_file(job, status=FileStatus.VALID)) for _ in range(count)]


def job_of(destination: Destination, is_stat: bool = False) -> Job:
    """A job of a team of its own."""
    return make_job(make_team(destination=destination), status=JobStatus.PROCESSING, is_stat=is_stat)


def claimed_next(stat_only: bool = False) -> Claim | None:
    """What a worker that is free takes."""
    batch_id = departures.next_batch(stat_only)
    return None if batch_id is None else relay.claim(batch_id)


def taken(count: int) -> list[Batch]:
    """The batches that workers take, one after the other."""
    claims = [claimed_next() for _ in range(count)]
    return [claim.batch for claim in claims if claim]


def teams_of(batches: Sequence[Batch]) -> list[int]:
    return [batch.job.team_id for batch in batches]


def end(claimed: Claim, to: BatchStatus = BatchStatus.READY) -> None:
    """The attempt is over."""
    Attempt.objects.filter(pk=claimed.attempt.pk).update(outcome=Outcome.UNKNOWN)
    Batch.objects.filter(pk=claimed.batch.pk).update(status=to, next_attempt_at=now())


def test_a_team_with_many_batches_does_not_starve_the_others() -> None:
    destination = make_destination()
    busy, second, third = (job_of(destination) for _ in range(3))
    waiting(busy, 40)
    waiting(second, 3)
    waiting(third, 2)

    order = teams_of(taken(12))

    a, b, c = (job.team_id for job in (busy, second, third))
    assert order == [a, b, c, a, b, c, a, b, a, a, a, a]


def test_a_team_that_comes_later_is_served_next() -> None:
    destination = make_destination()
    busy = job_of(destination)
    waiting(busy, 10)
    taken(3)
    late = job_of(destination)
    waiting(late)

    assert teams_of(taken(2)) == [late.team_id, busy.team_id]


def test_within_a_team_the_oldest_goes_first_and_what_has_failed_last() -> None:
    job = job_of(make_destination())
    failed, *others = waiting(job, 4)
    Batch.objects.filter(pk=failed.pk).update(failures=1)

    assert taken(4) == [*others, failed]


def test_stat_goes_before_a_team_that_has_waited_longer() -> None:
    destination = make_destination()
    bulk, urgent = job_of(destination), job_of(destination, is_stat=True)
    waiting(bulk, 2)
    waiting(urgent, 2)
    Team.objects.filter(pk=urgent.team_id).update(served_at=now())

    assert teams_of(taken(3)) == [urgent.team_id, urgent.team_id, bulk.team_id]


def test_room_that_is_kept_for_stat_is_not_given_to_bulk() -> None:
    waiting(job_of(make_destination()))

    assert departures.next_batch(stat_only=True) is None
    assert departures.next_batch() is not None


@pytest.mark.parametrize(
    ("status", "wait", "count"),
    [
        (DestinationStatus.OPEN, None, 3),
        (DestinationStatus.OPEN, SOON, 0),
        (DestinationStatus.SILENT, SOON, 0),
        (DestinationStatus.SILENT, -SOON, 1),
        (DestinationStatus.PAUSED, SOON, 0),
        (DestinationStatus.PAUSED, -SOON, 1),
        (DestinationStatus.PAUSED, None, 0),
    ],
)
def test_to_a_destination_that_is_not_open_goes_one_probe_when_its_time_has_come(
    status: DestinationStatus, wait: timedelta | None, count: int
) -> None:
    not_before = now() + wait if wait else None
    destination = make_destination(status=status, not_before=not_before, failing_since=now())
    for _ in range(3):
        waiting(job_of(destination))

    assert len(departures.departing()) == count
    assert len(taken(3)) == count


def test_while_a_probe_is_under_way_there_is_no_second_one() -> None:
    destination = silent_destination()
    waiting(job_of(destination), 2)
    probe = claimed_next()

    assert probe is not None
    assert probe.attempt.is_probe
    assert departures.departing() == []


def test_two_workers_that_look_at_once_make_one_probe() -> None:
    destination = silent_destination()
    first, second = waiting(job_of(destination)) + waiting(job_of(destination))
    relay.claim(first.pk)
    # what the second worker saw before the first had claimed its batch
    Attempt.objects.update(destination=make_destination())
    seen = departures.may_leave().filter(pk=second.pk)

    assert seen.exists()
    with transaction.atomic():
        Attempt.objects.update(destination=destination)
    assert relay.claim(second.pk) is None


def test_the_database_refuses_a_second_probe() -> None:
    destination = silent_destination()
    (batch,) = waiting(job_of(destination))
    other = make_batch(job_of(destination), status=BatchStatus.SENDING, lease_until=now())
    attempt = relay.claim(batch.pk)

    assert attempt is not None
    with pytest.raises(LostRace):
        relay.lease._begin(other, destination)


def test_the_next_probe_is_another_batch_than_the_one_that_failed() -> None:
    first, second = waiting(job_of(silent_destination()), 2)
    probe = claimed_next()
    assert probe is not None
    end(probe)
    Batch.objects.filter(pk=first.pk).update(failures=1)

    assert (probe.batch, taken(1)) == (first, [second])


def test_a_stat_batch_that_failed_as_probe_comes_back_when_the_others_have_had_their_turn() -> None:
    destination = silent_destination()
    (urgent,) = waiting(job_of(destination, is_stat=True))
    bulk = waiting(job_of(destination)) + waiting(job_of(destination))

    probes = []
    for _ in range(7):
        probe = claimed_next()
        assert probe is not None
        probes.append(probe.batch)
        end(probe)

    assert probes == [urgent, *bulk, urgent, *bulk, urgent]


def test_the_worker_for_stat_leaves_the_probe_to_the_batch_whose_turn_it_is() -> None:
    destination = silent_destination()
    waiting(job_of(destination, is_stat=True))
    (bulk,) = waiting(job_of(destination))
    probe = claimed_next(stat_only=True)
    assert probe is not None
    end(probe)

    assert departures.next_batch(stat_only=True) is None
    assert departures.next_batch() == bulk.pk


def test_to_a_destination_that_is_let_out_stat_goes_first_though_it_was_tried_in_the_outage() -> None:
    destination = silent_destination()
    (urgent,) = waiting(job_of(destination, is_stat=True))
    waiting(job_of(destination))
    probe = claimed_next()
    assert probe is not None
    end(probe)
    Destination.objects.update(status=DestinationStatus.OPEN, room=1)

    assert taken(1) == [urgent]


@pytest.mark.parametrize("outcome", [Outcome.UNAUTHORIZED, Outcome.MISCONFIGURED])
def test_what_has_paused_a_destination_goes_after_the_others_as_long_as_there_is_little_room(
    outcome: Outcome,
) -> None:
    destination = make_destination()
    (urgent,) = waiting(job_of(destination, is_stat=True))
    (bulk,) = waiting(job_of(destination))
    claimed = claimed_next()
    assert claimed is not None
    end(claimed)
    Attempt.objects.update(outcome=outcome)
    Destination.objects.update(room=2)

    assert taken(2) == [bulk, urgent]


def test_what_gives_way_at_one_destination_gives_way_at_no_other() -> None:
    (probe,) = waiting(job_of(silent_destination(), is_stat=True))
    claimed = claimed_next()
    assert claimed is not None
    end(claimed)
    waiting(job_of(make_destination()))

    assert taken(1) == [probe]


def test_to_a_destination_that_has_just_come_back_go_as_many_as_it_has_room_for() -> None:
    destination = make_destination(room=2)
    for _ in range(5):
        waiting(job_of(destination))

    offered = departures.departing()

    assert len(offered) == 2
    assert len(taken(5)) == 2
    assert departures.let_out(destination.pk) == []


def test_what_ends_makes_room_for_the_next() -> None:
    destination = make_destination(room=1)
    for _ in range(3):
        waiting(job_of(destination))
    first = claimed_next()
    assert first is not None
    end(first, BatchStatus.ACCEPTED)

    assert len(departures.let_out(destination.pk)) == 1


def test_a_destination_that_is_well_lets_nothing_out_gradually() -> None:
    destination = make_destination()
    waiting(job_of(destination), 3)

    assert departures.let_out(destination.pk) == []
    assert len(departures.departing()) == 3


def test_one_silent_destination_holds_up_no_other() -> None:
    waiting(job_of(silent_destination(-SOON)), 2)
    (batch,) = waiting(job_of(make_destination()))

    assert departures.departing() == [batch.pk]


def silent_destination(since: timedelta = SOON) -> Destination:
    """A destination that does not answer and may be tried again since then."""
    moment = now() - since
    return make_destination(status=DestinationStatus.SILENT, not_before=moment, failing_since=moment)
