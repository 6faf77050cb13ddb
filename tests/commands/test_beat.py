"""One sweep: what is due is done, once, and a row that fails keeps no other waiting."""

import signal
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.management import call_command
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from tests.factories import make_user
from tests.pipeline.journeys import images, job_to, statuses, upload
from tests.sandboxes import Sandbox
from uploads import outages, tasks
from uploads.management.commands.beat import Hints, do_here, sweep
from uploads.models import Batch, Job, Parcel, StateChange
from uploads.states import BatchStatus, FileStatus, JobStatus, ParcelStatus

pytestmark = pytest.mark.django_db(transaction=True)
STOPPING: Final = (signal.SIGTERM, signal.SIGINT)


@pytest.fixture(autouse=True)
def signals_as_before() -> Iterator[None]:
    """The command listens to signals; the tests' own process must not go on doing so."""
    before = {number: signal.getsignal(number) for number in STOPPING}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_one_sweep_does_what_is_due(sandbox: Sandbox) -> None:
    job = job_to(sandbox)
    upload(job, images(2))

    call_command("beat", "--once")

    assert statuses(job) == [FileStatus.ACCEPTED] * 2
    assert Job.objects.get().status == JobStatus.ACCEPTED


def test_a_sweep_of_an_idle_portal_ends() -> None:
    call_command("beat", "--once")

    assert not Job.objects.exists()


def test_a_sweep_takes_back_what_a_dead_worker_held(sandbox: Sandbox) -> None:
    job = job_to(sandbox)
    upload(job, images(1))
    long_ago = now() - timedelta(hours=1)
    Parcel.objects.update(status=ParcelStatus.CHECKING, lease_until=long_ago)

    sweep(Hints())

    assert (
        Parcel.objects.get().status != ParcelStatus.CHECKING or Parcel.objects.get().lease_until != long_ago
    )


def test_a_hint_that_lies_in_a_queue_is_not_given_again(sandbox: Sandbox) -> None:
    upload(job_to(sandbox), images(1))
    hints = Hints()
    hints.note(tasks.check_parcel.name, Parcel.objects.get().pk)

    sweep(hints)

    assert Parcel.objects.get().status == ParcelStatus.STORED


def test_a_hint_that_was_lost_is_given_again(sandbox: Sandbox, settings: Settings) -> None:
    upload(job_to(sandbox), images(1))
    settings.SWEEP_SECONDS = 0
    hints = Hints()
    hints.note(tasks.check_parcel.name, Parcel.objects.get().pk)

    sweep(hints)

    assert Parcel.objects.get().status == ParcelStatus.CHECKED


def test_a_night_without_workers_does_not_fill_the_broker(settings: Settings) -> None:
    settings.SWEEP_SECONDS = 10
    night = iter(range(0, 8 * 3600, 10))
    now_is = [0.0]
    hints = Hints(clock=lambda: now_is[0])
    given = 0

    for now_is[0] in night:
        if hints.may_be_given("a task", 1):
            hints.note("a task", 1)
            given += 1

    assert 8 <= given <= 20


def test_what_is_done_can_be_hinted_at_anew_at_once() -> None:
    hints = Hints()
    hints.note("a task", 1)

    hints.forget_all_but(set())

    assert hints.may_be_given("a task", 1)


def test_a_row_that_fails_does_not_end_the_sweep(sandbox: Sandbox) -> None:
    upload(job_to(sandbox), images(1))
    Parcel.objects.update(object_name="../elsewhere")

    do_here(tasks.check_parcel, Parcel.objects.get().pk)

    assert Parcel.objects.get().status != ParcelStatus.CHECKED


def test_what_is_paused_is_left_alone(sandbox: Sandbox) -> None:
    job = job_to(sandbox, token="wrong")
    upload(job, images(1))
    sweep(Hints())
    requests = len(sandbox.requests())

    sweep(Hints())

    assert Batch.objects.get().status == BatchStatus.READY
    assert len(sandbox.requests()) == requests == 1


def test_a_recovery_that_fails_keeps_nothing_due_waiting(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = job_to(sandbox)
    upload(job, images(1))

    def fail() -> None:
        raise RuntimeError

    monkeypatch.setattr(tasks, "recover", fail)
    call_command("beat", "--once")

    assert statuses(job) == [FileStatus.ACCEPTED]


def long_lying(task: tasks.Hint, row_id: int, settings: Settings) -> Hints:
    """A hint that was given so long ago that somebody should have taken it, and will not be given again."""
    settings.SWEEP_SECONDS, settings.WORKERS_SILENT_SECONDS = 10, 30
    clock = [0.0]
    hints = Hints(clock=lambda: clock[0])
    for clock[0] in (0.0, 29.0):
        hints.note(task.name, row_id)
    clock[0] = 31.0
    assert not hints.may_be_given(task.name, row_id)
    return hints


def age_moves() -> None:
    """Nothing has moved for an hour."""
    StateChange.objects.update(at=now() - timedelta(hours=1))


def test_work_that_no_worker_takes_is_done_here(sandbox: Sandbox, settings: Settings) -> None:
    upload(job_to(sandbox), images(1))
    hints = long_lying(tasks.check_parcel, Parcel.objects.get().pk, settings)
    age_moves()

    sweep(hints)

    assert Parcel.objects.get().status == ParcelStatus.CHECKED
    assert "no worker takes it" in alarm_of(make_user(is_staff=True))


def test_without_a_broker_the_work_is_done_here_and_administrators_are_told(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = job_to(sandbox)
    upload(job, images(1))
    monkeypatch.setattr(tasks, "publish", lambda task, row_id: False)
    administrator = make_user(is_staff=True)
    assert alarm_of(administrator) == ""

    sweep(Hints())

    assert Parcel.objects.get().status == ParcelStatus.CHECKED
    assert "The message broker does not answer. Nothing is lost" in alarm_of(administrator)
    assert alarm_of(job.created_by) == ""


def alarm_of(user: User) -> str:
    """What every page tells somebody."""
    return " ".join(outages.alarms_of(user))


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    """What beat saw in one test is nothing to the next."""
    yield
    cache.clear()


def test_work_is_left_to_workers_that_are_busy(sandbox: Sandbox, settings: Settings) -> None:
    upload(job_to(sandbox), images(1))
    waiting = Parcel.objects.get()
    upload(job_to(sandbox), images(1))
    age_moves()
    Parcel.objects.exclude(pk=waiting.pk).update(
        status=ParcelStatus.CHECKING, lease_until=now() + timedelta(minutes=1)
    )

    sweep(long_lying(tasks.check_parcel, waiting.pk, settings))

    assert Parcel.objects.get(pk=waiting.pk).status == ParcelStatus.STORED


def test_work_is_left_to_workers_that_have_just_got_on(sandbox: Sandbox, settings: Settings) -> None:
    job = job_to(sandbox)
    upload(job, images(1))
    StateChange.objects.create(
        kind="parcel", job=job, subjects=[0], to_status=ParcelStatus.CHECKED, by="task:check_parcel"
    )

    sweep(long_lying(tasks.check_parcel, Parcel.objects.get().pk, settings))

    assert Parcel.objects.get().status == ParcelStatus.STORED
