"""What receipts prove of a series, whichever way Qure counts."""

from datetime import datetime, timedelta

import pytest
from django.utils.timezone import now

from tests.factories import make_batch, make_destination, make_file, make_job, make_series
from uploads import ledger
from uploads.ledger import is_proven, reconcile
from uploads.models import Attempt, Batch, ReceiptLine, Series
from uploads.states import BatchStatus, FileStatus, Outcome, SeriesStatus

pytestmark = pytest.mark.django_db
START = now() - timedelta(hours=1)


def answered(
    series: Series,
    count: int,
    reported: int | None,
    minutes: tuple[int, int] = (0, 1),
    first_sop: int | None = None,
) -> Batch:
    """A request with ``count`` instances of the series that Qure answered; minutes: from, to."""
    first = first_sop if first_sop is not None else series.files.count()
    files = [
        make_file(series.job, status=FileStatus.SENT, series=series, sop_uid=f"1.2.{number}")
        for number in range(first, first + count)
    ]
    batch = make_batch(series.job, *files, status=BatchStatus.ACCEPTED, token=1)
    attempted(batch, series, count, reported, Outcome.ACCEPTED, minutes)
    return batch


def attempted(
    batch: Batch,
    series: Series,
    count: int,
    reported: int | None,
    outcome: Outcome,
    minutes: tuple[int, int] = (0, 1),
) -> None:
    """One attempt to send the batch."""
    started_at, ended_at = (START + timedelta(minutes=minute) for minute in minutes)
    attempt = Attempt.objects.create(
        batch=batch,
        destination=series.job.team.destination,
        number=batch.attempts.count() + 1,
        outcome=outcome,
        body_bytes=1,
        started_at=started_at,
        ended_at=_ending(outcome, ended_at),
    )
    ReceiptLine.objects.create(attempt=attempt, series=series, sent=count, reported=reported)


def _ending(outcome: Outcome, ended_at: datetime) -> datetime | None:
    return None if outcome == Outcome.STARTED else ended_at


def series_elsewhere(series: Series) -> Series:
    """The same series in another job of the same team."""
    return make_series(make_job(series.job.team), study_uid=series.study_uid, series_uid=series.series_uid)


# Receipts one after the other, as (instances in the request, count in the answer), and what they prove.
RECEIPTS = [
    ([(5, 5)], True),
    ([(5, 4)], False),
    ([(5, 6)], False),
    ([(5, 0)], False),
    ([(5, None)], False),
    ([(5, 5), (3, 3)], True),
    ([(5, 5), (3, 8)], True),
    ([(5, 5), (3, 7)], False),
    ([(5, 5), (3, 2)], False),
    ([(5, 4), (3, 3)], False),
    ([(5, 4), (3, 8)], True),
    ([(5, 5), (3, None)], False),
    ([(5, 5), (3, 8), (2, 10)], True),
    ([(5, 5), (3, 8), (2, 8)], False),
]


@pytest.mark.parametrize(("receipts", "expected"), RECEIPTS)
def test_receipts_prove_a_series_by_equal_numbers_only(
    receipts: list[tuple[int, int | None]], expected: bool
) -> None:
    series = make_series(make_job())
    for place, (count, reported) in enumerate(receipts):
        answered(series, count, reported, (10 * place, 10 * place + 1))

    assert is_proven(series) == expected


def test_nothing_is_proven_without_a_receipt() -> None:
    series = make_series(make_job())
    make_file(series.job, status=FileStatus.VALID, series=series)

    assert not is_proven(series)


@pytest.mark.parametrize("outcome", [Outcome.UNKNOWN, Outcome.MISMATCH, Outcome.STARTED])
def test_a_request_that_may_have_arrived_may_be_counted_twice(outcome: Outcome) -> None:
    series = make_series(make_job())
    batch = answered(series, 5, 10, (10, 11))
    attempted(batch, series, 5, None, outcome)

    assert is_proven(series)


@pytest.mark.parametrize("outcome", [Outcome.NOT_REACHED, Outcome.REFUSED, Outcome.BYTES_LOST])
def test_a_request_that_did_not_arrive_explains_no_higher_count(outcome: Outcome) -> None:
    series = make_series(make_job())
    batch = answered(series, 5, 10, (10, 11))
    attempted(batch, series, 5, None, outcome)

    assert not is_proven(series)


@pytest.mark.parametrize("reported", [(5, 8), (8, 5)])
def test_receipts_of_requests_under_way_together_may_be_noted_in_either_order(
    reported: tuple[int, int],
) -> None:
    series = make_series(make_job())
    answered(series, 5, reported[0], (0, 10))
    answered(series, 3, reported[1], (5, 11))

    assert is_proven(series)


def test_a_count_that_falls_proves_nothing() -> None:
    series = make_series(make_job())
    answered(series, 5, 8, (0, 1))
    answered(series, 3, 5, (10, 11))

    assert not is_proven(series)


def test_instances_that_another_job_sent_before_are_counted_with_these() -> None:
    first = make_series(make_job())
    answered(first, 5, 5, (0, 1))
    second = series_elsewhere(first)

    answered(second, 3, 8, (10, 11), first_sop=5)

    assert is_proven(second)


def test_an_instance_that_two_jobs_sent_is_one_instance() -> None:
    first = make_series(make_job())
    answered(first, 5, 5, (0, 1))
    second = series_elsewhere(first)

    answered(second, 3, 6, (10, 11), first_sop=3)

    assert is_proven(second)


def test_another_jobs_instances_prove_nothing_for_this_one() -> None:
    first = make_series(make_job())
    answered(first, 5, 5, (0, 1))
    second = series_elsewhere(first)

    answered(second, 3, 5, (10, 11), first_sop=5)
    answered(second, 2, 5, (20, 21), first_sop=8)

    assert not is_proven(second)


def test_what_another_job_sends_later_takes_no_proof_away() -> None:
    first = make_series(make_job())
    answered(first, 3, 3, (0, 1))
    answered(first, 2, 5, (2, 3))
    second = series_elsewhere(first)

    answered(second, 4, 9, (10, 11), first_sop=5)

    assert is_proven(first)


def test_another_destination_is_another_receiver() -> None:
    first = make_series(make_job())
    answered(first, 5, 5, (0, 1))
    elsewhere = make_series(make_job(), study_uid=first.study_uid, series_uid=first.series_uid)

    answered(elsewhere, 3, 8, (10, 11), first_sop=5)

    assert not is_proven(elsewhere)


def move_away(series: Series) -> None:
    """The team sends to another account from now on."""
    series.job.team.destination = make_destination()
    series.job.team.save()


def test_another_destination_of_the_team_takes_no_proof_away() -> None:
    series = make_series(make_job())
    answered(series, 5, 5, (0, 1))
    answered(series, 3, 8, (10, 11))

    move_away(series)

    assert is_proven(series)


# Receipts of the account that a team had, and of the one that it has: what both prove, and what both report.
OF_TWO_ACCOUNTS = [
    ([(5, 5)], [(3, 3)], True, 8),
    ([(5, 5)], [(3, 8)], False, 13),
    ([(5, 4)], [(3, 3)], False, 7),
    ([(5, 5)], [(3, 2)], False, 7),
    ([(5, 5), (1, 6)], [(3, 3), (2, 5)], True, 11),
    ([(5, None)], [(3, 3)], False, None),
]


@pytest.mark.parametrize(("before", "after", "expected", "count"), OF_TWO_ACCOUNTS)
def test_each_account_proves_what_was_sent_to_it(
    before: list[tuple[int, int | None]],
    after: list[tuple[int, int | None]],
    expected: bool,
    count: int | None,
) -> None:
    series = make_series(make_job())
    for place, (sent, counted) in enumerate(before):
        answered(series, sent, counted, (10 * place, 10 * place + 1))
    move_away(series)
    for place, (sent, counted) in enumerate(after, start=3):
        answered(series, sent, counted, (10 * place, 10 * place + 1))

    assert is_proven(series) == expected
    assert ledger.reported([series]) == {series.pk: count}


def test_what_is_proven_is_accepted() -> None:
    series = make_series(make_job(), status=SeriesStatus.SHORT)
    answered(series, 5, 5)

    is_proven = reconcile(series, "test")

    assert is_proven
    assert series.status == SeriesStatus.OPEN
    assert set(series.files.values_list("status", flat=True)) == {FileStatus.ACCEPTED}


def test_what_is_not_proven_is_short() -> None:
    series = make_series(make_job())
    answered(series, 5, 4)

    is_proven = reconcile(series, "test")

    assert not is_proven
    assert series.status == SeriesStatus.SHORT
    assert set(series.files.values_list("status", flat=True)) == {FileStatus.SENT}
