"""A clock that was wrong for a while: nothing waits for the hour that it has written."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core.cache import cache
from django.db.models import F
from django.utils.timezone import now
from pytest_django.fixtures import Settings
from time_machine import escape_hatch

from tests.factories import (
    make_batch,
    make_destination,
    make_job,
    make_parcel,
    make_series,
    make_team,
    make_user,
)
from tests.pipeline.journeys import declare, images, job_to, ready_batch, statuses, store, upload, work_off
from tests.sandboxes import Sandbox
from tests.verification.jobs import violations
from uploads import clocks, failpoints, outages, tasks
from uploads.clocks import database_time
from uploads.failpoints import Point
from uploads.models import (
    Attempt,
    Batch,
    Delivery,
    Destination,
    Job,
    Notice,
    NoticeKind,
    Parcel,
    Series,
    Team,
    Webhook,
)
from uploads.pipeline import relay
from uploads.pipeline.relay.lease import Claim
from uploads.pipeline.validation import MOST_STRIKES
from uploads.states import BatchStatus, DestinationStatus, FileStatus, JobStatus, Outcome, ParcelStatus

pytestmark = pytest.mark.django_db
WRONG = timedelta(hours=3)
HOUR = timedelta(hours=1)


def assert_fenced_off(batch: Batch, claimed: Claim | None) -> None:
    """The sender whose batch was taken from it sends, and changes nothing; the next one delivers."""
    assert claimed is not None
    relay.attempt(claimed)
    work_off()

    outcomes = list(batch.attempts.order_by("number").values_list("outcome", flat=True))
    assert outcomes == [Outcome.UNKNOWN, Outcome.ACCEPTED]
    assert Job.objects.get().status == JobStatus.ACCEPTED


def test_a_sweep_by_a_clock_that_is_ahead_frees_a_lease_and_the_fence_still_holds(sandbox: Sandbox) -> None:
    batch = ready_batch(job_to(sandbox), images(2))
    claimed = relay.claim(batch.pk)
    with time_machine.travel(now() + WRONG, tick=True):
        tasks.recover()  # takes the batch from a worker that lives
    tasks.recover()

    assert_fenced_off(batch, claimed)


def test_a_sender_whose_clock_is_behind_loses_its_lease_and_changes_nothing(sandbox: Sandbox) -> None:
    batch = ready_batch(job_to(sandbox), images(2))
    Batch.objects.update(next_attempt_at=now() - 2 * WRONG)
    with time_machine.travel(now() - WRONG, tick=True):
        claimed = relay.claim(batch.pk)
    tasks.recover()

    assert_fenced_off(batch, claimed)


def test_what_was_due_before_the_clock_was_set_back_does_not_wait_until_then_again(sandbox: Sandbox) -> None:
    upload(job_to(sandbox), images(2))

    with time_machine.travel(now() - WRONG, tick=True):
        tasks.recover()
        due = Parcel.objects.filter(due_at__lte=now()).count()
    work_off()

    assert due == 1
    assert Job.objects.get().status == JobStatus.ACCEPTED


def test_a_wait_that_a_wrong_clock_has_written_ends_with_the_next_sweep(sandbox: Sandbox) -> None:
    batch = ready_batch(job_to(sandbox), images(1))
    sandbox.script({"kind": "503"})
    with time_machine.travel(now() + WRONG, tick=True):
        relay.send(batch.pk)

    tasks.recover()
    work_off()

    assert Batch.objects.get().status == BatchStatus.ACCEPTED


def test_a_parcel_does_not_wait_for_a_wrong_hour() -> None:
    make_parcel(make_job(), b"x", 0, due_at=now() + WRONG)

    tasks.recover()

    assert Parcel.objects.get(status=ParcelStatus.STORED).due_at <= now()


def test_a_lease_of_hours_is_cut_to_a_lease(sandbox: Sandbox) -> None:
    make_batch(make_job(), status=BatchStatus.SENDING, lease_until=now() + WRONG)

    tasks.recover()

    assert lease_of_the_batch() < now() + timedelta(minutes=3)


@pytest.mark.parametrize("minutes", [1, 59, 75])
def test_times_of_a_pause_that_may_be_right_are_kept(minutes: int) -> None:
    due = now() + timedelta(minutes=minutes)
    paused = make_destination(status=DestinationStatus.PAUSED, alarm="…", not_before=due)
    make_batch(make_job(make_team(destination=paused)), next_attempt_at=due)

    tasks.recover()

    assert Batch.objects.get().next_attempt_at == due
    assert Destination.objects.get().not_before == due


@pytest.mark.parametrize("minutes", [1, 59])
def test_a_wait_that_qure_has_asked_for_is_kept(minutes: int) -> None:
    due = now() + timedelta(minutes=minutes)
    batch = silent_until(due, Outcome.THROTTLED)

    tasks.recover()

    batch.refresh_from_db()
    assert batch.next_attempt_at == due
    assert Destination.objects.get().not_before == due


def test_a_silence_in_which_nobody_asked_for_an_hour_does_not_last_one() -> None:
    batch = silent_until(now() + HOUR, Outcome.NOT_REACHED)

    tasks.recover()

    batch.refresh_from_db()
    assert batch.next_attempt_at is not None
    assert batch.next_attempt_at <= now()
    not_before = Destination.objects.get().not_before
    assert not_before is not None
    assert not_before <= now()


def test_a_batch_does_not_wait_for_an_hour_that_its_destination_does_not_wait_for() -> None:
    make_batch(make_job(), next_attempt_at=now() + HOUR)

    tasks.recover()

    assert Batch.objects.filter(next_attempt_at__lte=now()).exists()


def silent_until(due: datetime, outcome: Outcome) -> Batch:
    """A batch whose attempt ended so, and whose destination and own turn wait for that."""
    silence = {"status": DestinationStatus.SILENT, "not_before": due, "failing_since": now()}
    destination = make_destination(**silence)
    batch = make_batch(make_job(make_team(destination=destination)), next_attempt_at=due, token=1)
    Attempt.objects.create(
        batch=batch, destination=destination, number=1, body_bytes=1, outcome=outcome, ended_at=now()
    )
    return batch


def test_an_upload_that_a_wrong_clock_saw_last_is_sent_and_given_up_like_any_other(sandbox: Sandbox) -> None:
    job = job_to(sandbox)
    contents = images(3)
    declare(job, contents)
    store(job, ("0", contents[0][1]), ("1", contents[1][1]))  # the third never comes
    Job.objects.update(last_arrival_at=now() + timedelta(days=3650))
    tasks.recover()

    Job.objects.update(last_arrival_at=F("last_arrival_at") - timedelta(days=30))
    tasks.recover()
    work_off()

    assert statuses(job) == [FileStatus.ACCEPTED, FileStatus.ACCEPTED, FileStatus.MISSING]
    assert Job.objects.get().status == JobStatus.ATTENTION


def test_a_parcel_is_not_held_until_a_wrong_hour(sandbox: Sandbox, settings: Settings) -> None:
    upload(job_to(sandbox), images(1))
    Parcel.objects.update(status=ParcelStatus.CHECKING, lease_until=now() + WRONG)

    tasks.recover()

    longest = now() + timedelta(seconds=settings.CHECK_LEASE_SECONDS)
    assert Parcel.objects.filter(lease_until__lte=longest).exists()


def test_mails_calls_and_pictures_do_not_wait_for_a_wrong_hour() -> None:
    job = make_job()
    wrong = now() + HOUR
    Notice.objects.create(user=job.created_by, job=job, kind=NoticeKind.DECISION, mail_due_at=wrong)
    webhook = Webhook.objects.create(team=job.team, url="https://hooks.test/", secret="x")
    Delivery.objects.create(webhook=webhook, event="test", body="{}", due_at=wrong)
    make_series(job, picture_due_at=wrong)

    tasks.recover()

    with time_machine.travel(now() + timedelta(minutes=10), tick=False):
        assert Notice.objects.filter(mail_due_at__lte=now()).exists()
        assert Delivery.objects.filter(due_at__lte=now()).exists()
        assert Series.objects.filter(picture_due_at__lte=now()).exists()


def test_a_team_that_a_wrong_clock_has_served_gets_its_turn() -> None:
    team = make_team(served_at=now() + WRONG)

    tasks.recover()

    assert Team.objects.filter(pk=team.pk, served_at__lte=now()).exists()


def test_what_a_sweep_has_mended_verify_does_not_speak_of(sandbox: Sandbox) -> None:
    upload(job_to(sandbox), images(1))
    Job.objects.update(last_arrival_at=now() + WRONG)
    Parcel.objects.update(due_at=now() + WRONG)
    found = [sentence for sentence in violations() if sentence.startswith("5")]

    tasks.recover()

    assert len(found) == 2
    assert not [sentence for sentence in violations() if sentence.startswith("5")]


@pytest.fixture
def right(monkeypatch: pytest.MonkeyPatch) -> None:
    """The database is on another machine, whose clock is right whatever happens to this one's."""

    def database_time() -> datetime:
        return escape_hatch.datetime.datetime.now(UTC) if escape_hatch.is_travelling() else now()

    monkeypatch.setattr(clocks, "database_time", database_time)


def test_the_databases_clock_is_asked_for() -> None:
    assert abs(database_time() - now()) < timedelta(seconds=5)
    assert clocks.skew() == timedelta(0)


@pytest.mark.usefixtures("right")
@pytest.mark.parametrize("wrong", [WRONG, -WRONG], ids=["ahead", "behind"])
def test_a_sweep_whose_clock_is_wrong_takes_no_batch_from_a_sender_that_lives(
    sandbox: Sandbox, wrong: timedelta
) -> None:
    batch = ready_batch(job_to(sandbox), images(2))
    claimed = relay.claim(batch.pk)
    assert claimed is not None

    with time_machine.travel(now() + wrong, tick=True):
        tasks.recover()

    relay.attempt(claimed)
    assert statuses(batch.job) == [FileStatus.ACCEPTED] * 2
    assert [attempt.outcome for attempt in batch.attempts.all()] == [Outcome.ACCEPTED]


@pytest.mark.usefixtures("right")
def test_a_sweep_whose_clock_is_wrong_puts_the_blame_on_no_file(sandbox: Sandbox) -> None:
    job = job_to(sandbox)
    upload(job, images(2))
    for _ in range(MOST_STRIKES):
        parcel = Parcel.objects.get()
        if parcel.status == ParcelStatus.STORED:
            parcel.advance(ParcelStatus.CHECKING, "test", lease_until=now() + HOUR / 10)
        with time_machine.travel(now() + WRONG, tick=True):
            tasks.recover()

    assert statuses(job) == [FileStatus.RECEIVED] * 2


@pytest.mark.usefixtures("right")
@pytest.mark.parametrize("wrong", [WRONG, -WRONG], ids=["ahead", "behind"])
def test_a_sweep_whose_clock_is_wrong_gives_nothing_up_and_mends_nothing(wrong: timedelta) -> None:
    job = make_job(last_arrival_at=now())
    week = (wrong > timedelta(0)) - (wrong < timedelta(0))

    with time_machine.travel(now() + wrong + week * timedelta(days=7), tick=True):
        tasks.recover()

    job.refresh_from_db()
    assert job.status == JobStatus.UPLOADING
    assert abs(job.last_arrival_at - now()) < HOUR


@pytest.mark.usefixtures("right")
@pytest.mark.parametrize("wrong", [WRONG, -WRONG], ids=["ahead", "behind"])
def test_administrators_are_told_of_a_sweep_whose_clock_is_wrong(wrong: timedelta) -> None:
    with time_machine.travel(now() + wrong, tick=True):
        tasks.recover()

    said = " ".join(outages.alarms_of(make_user(is_staff=True)))
    assert "clock" in said
    with time_machine.travel(now() + HOUR, tick=True):
        assert outages.alarms_of(make_user(is_staff=True)) == []


@pytest.mark.usefixtures("right")
@pytest.mark.parametrize("wrong", [WRONG, -WRONG], ids=["ahead", "behind"])
def test_a_sender_whose_clock_is_wrong_keeps_its_batch_no_longer_and_no_shorter(
    sandbox: Sandbox, wrong: timedelta, settings: Settings
) -> None:
    batch = ready_batch(job_to(sandbox), images(2))
    Batch.objects.update(next_attempt_at=now() - 2 * WRONG)
    with time_machine.travel(now() + wrong, tick=True):
        assert relay.claim(batch.pk) is not None

    left = lease_of_the_batch() - now()

    assert abs(left.total_seconds() - settings.RELAY_LEASE_SECONDS) < 5


@pytest.mark.usefixtures("right")
@pytest.mark.parametrize("wrong", [WRONG, -WRONG], ids=["ahead", "behind"])
def test_a_checker_whose_clock_is_wrong_keeps_its_parcel(
    sandbox: Sandbox, wrong: timedelta, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = job_to(sandbox)
    upload(job, images(1))
    left = []

    def look(_point: Point) -> None:
        for parcel in Parcel.objects.filter(status=ParcelStatus.CHECKING):
            assert parcel.lease_until is not None
            left.append(parcel.lease_until - clocks.database_time())

    monkeypatch.setattr(failpoints, "reach", look)
    Parcel.objects.update(due_at=now() - 2 * WRONG)
    with time_machine.travel(now() + wrong, tick=True):
        tasks.check_parcel(Parcel.objects.get().pk)

    assert left
    assert all(timedelta(0) < rest < HOUR for rest in left)


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    """What a sweep saw in one test is nothing to the next."""
    yield
    cache.clear()


def lease_of_the_batch() -> datetime:
    lease_until = Batch.objects.get().lease_until
    assert lease_until is not None
    return lease_until
