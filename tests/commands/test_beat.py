"""One sweep: what is due is done, once, and a row that fails keeps no other waiting."""

import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import Final

import pytest
from celery.signals import task_postrun, task_prerun
from celery.utils.dispatch import Signal
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.management import call_command
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from portal.celery import app
from tests.factories import make_job, make_parcel, make_series, make_user
from tests.pipeline.journeys import images, job_to, ready_batch, statuses, upload
from tests.sandboxes import Sandbox
from uploads import outages, standing_still, tasks
from uploads.management.commands.beat import Hints, do_here, sweep
from uploads.models import Batch, Job, Notice, NoticeKind, Parcel, Series, StateChange
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


def long_lying(task: tasks.Hint, row_id: int, settings: Settings, seconds: float = 31.0) -> Hints:
    """A hint that was given so long ago that somebody should have taken it, and will not be given again."""
    settings.SWEEP_SECONDS, settings.WORKERS_SILENT_SECONDS = 10, 30
    clock = [0.0]
    hints = Hints(clock=lambda: clock[0])
    for clock[0] in (0.0, seconds - 2):
        hints.note(task.name, row_id)
    clock[0] = seconds
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


LONG = 4 * 30 + 1.0  # seconds that a hint has lain: longer than anybody may be at something else


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """The broker takes every hint, and nobody takes it out of its queue."""
    monkeypatch.setattr(tasks, "publish", lambda task, row_id: True)


def lying_parcel(sandbox: Sandbox, *, is_stat: bool = False) -> Parcel:
    """A parcel that waits, while the checks of other uploads get on."""
    job = job_to(sandbox)
    Job.objects.filter(pk=job.pk).update(is_stat=is_stat)
    upload(job, images(1))
    StateChange.objects.create(
        kind="parcel", job=job, subjects=[0], to_status=ParcelStatus.CHECKED, by="task:check_parcel"
    )
    return job.parcels.get()


def checked_elsewhere(*, is_stat: bool) -> None:
    """Somebody is at a parcel of another upload."""
    job = make_job(is_stat=is_stat)
    make_parcel(job, b"x", 0, status=ParcelStatus.CHECKING, lease_until=now() + timedelta(minutes=1))


@pytest.mark.usefixtures("unread")
def test_checks_that_a_script_waits_for_do_not_hide_that_no_worker_checks(
    sandbox: Sandbox, settings: Settings
) -> None:
    parcel = lying_parcel(sandbox)

    sweep(long_lying(tasks.check_parcel, parcel.pk, settings, LONG))

    assert Parcel.objects.get(pk=parcel.pk).status == ParcelStatus.CHECKED
    assert "no worker takes it" in alarm_of(make_user(is_staff=True))


@pytest.mark.usefixtures("unread")
def test_requests_of_stat_do_not_hide_that_nobody_sends_the_rest(
    sandbox: Sandbox, settings: Settings
) -> None:
    batch = ready_batch(job_to(sandbox), images(1))
    urgent = ready_batch(make_job(batch.job.team, is_stat=True), images(1, series=2))
    hints = long_lying(tasks.send_batch, batch.pk, settings, LONG)
    tasks.send_batch(urgent.pk)
    standing_still.took("relay_stat", now())

    sweep(hints)

    assert Batch.objects.get(pk=batch.pk).status == BatchStatus.ACCEPTED
    assert "no worker takes it" in alarm_of(make_user(is_staff=True))


@pytest.mark.usefixtures("unread")
@pytest.mark.parametrize("is_stat", [False, True], ids=["bulk", "STAT"])
def test_a_long_queue_is_left_to_workers_that_read_it(
    sandbox: Sandbox, settings: Settings, is_stat: bool
) -> None:
    parcel = lying_parcel(sandbox, is_stat=is_stat)
    hints = long_lying(tasks.check_parcel, parcel.pk, settings, 10 * LONG)
    standing_still.took("checks_stat" if is_stat else "checks", now() - timedelta(seconds=100))

    sweep(hints)

    assert Parcel.objects.get(pk=parcel.pk).status == ParcelStatus.STORED
    assert alarm_of(make_user(is_staff=True)) == ""


@pytest.mark.usefixtures("unread")
@pytest.mark.parametrize(
    ("is_stat", "status"), [(False, ParcelStatus.STORED), (True, ParcelStatus.CHECKED)], ids=["bulk", "STAT"]
)
def test_a_worker_that_is_long_at_one_thing_keeps_beat_from_its_own_queue_only(
    sandbox: Sandbox, settings: Settings, is_stat: bool, status: ParcelStatus
) -> None:
    parcel = lying_parcel(sandbox)
    checked_elsewhere(is_stat=is_stat)

    sweep(long_lying(tasks.check_parcel, parcel.pk, settings, LONG))

    assert Parcel.objects.get(pk=parcel.pk).status == status


@pytest.mark.usefixtures("unread")
def test_mails_that_no_worker_takes_are_sent_here(settings: Settings, mailoutbox: list[object]) -> None:
    user = make_user(email="doctor@clinic.test")
    mail = Notice.objects.create(user=user, job=make_job(), kind=NoticeKind.DECISION, mail_due_at=now())

    sweep(long_lying(tasks.mail_notice, mail.pk, settings, LONG))

    assert len(mailoutbox) == 1


@pytest.mark.usefixtures("unread")
def test_pictures_that_no_worker_takes_are_left_to_them_and_administrators_are_told(
    settings: Settings,
) -> None:
    series = make_series(make_job(), picture_due_at=now())

    sweep(long_lying(tasks.make_picture, series.pk, settings, LONG))

    assert Series.objects.get().picture_tries == 0
    assert "no worker takes it" in alarm_of(make_user(is_staff=True))


@pytest.mark.parametrize("event", [task_prerun, task_postrun], ids=["begins", "ends"])
def test_a_worker_says_which_queue_it_reads(event: Signal) -> None:
    request = SimpleNamespace(delivery_info={"routing_key": "checks", "exchange": ""})
    tasks.last_said.clear()

    event.send(sender=None, task=SimpleNamespace(request=request))

    taken = standing_still.last_taken("checks")
    assert taken is not None
    assert abs(taken - now()) < timedelta(seconds=5)
    assert standing_still.last_taken("relay") is None


def test_what_a_process_does_for_itself_says_nothing_of_workers(sandbox: Sandbox) -> None:
    upload(job_to(sandbox), images(1))
    tasks.last_said.clear()

    call_command("beat", "--once")

    assert [standing_still.last_taken(queue) for queue in ("checks", "relay", "default")] == [None] * 3


@dataclass
class Broker:
    """Takes hints and keeps them until somebody flushes it: task names and rows' keys."""

    held: list[tuple[str, int]] = field(default_factory=list)

    def take(self, task: tasks.Hint, row_id: int) -> bool:
        """Nobody reads them."""
        self.held.append((task.name, row_id))
        return True

    def count(self, queue: str) -> int:
        """How many lie in the queue."""
        checks = sum(name == tasks.check_parcel.name for name, _ in self.held)
        return checks if queue == "checks" else len(self.held) - checks


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Broker:
    """A broker that workers seem to read."""
    broker = Broker()
    monkeypatch.setattr(tasks, "publish", broker.take)
    monkeypatch.setattr(tasks, "waiting_hints", broker.count)
    monkeypatch.setattr(tasks, "is_unread", lambda task, queue, seconds: False)
    monkeypatch.setattr(tasks, "idle_since", lambda moment: frozenset())
    return broker


def given_often(row_id: int, broker: Broker, settings: Settings, clock: list[float]) -> Hints:
    """A hint that has been given so often that it would not be given again for an hour."""
    settings.SWEEP_SECONDS = 10
    hints = Hints(clock=lambda: clock[0])
    for _ in range(10):
        hints.note(tasks.check_parcel.name, row_id)
        broker.take(tasks.check_parcel, row_id)
    return hints


def sweeps(hints: Hints, clock: list[float], seconds: int) -> None:
    """Sweep for so long."""
    for _ in range(0, seconds, 10):
        clock[0] += 10
        sweep(hints)


def test_a_flush_after_hours_costs_a_minute(sandbox: Sandbox, broker: Broker, settings: Settings) -> None:
    upload(job_to(sandbox), images(1))
    clock = [0.0]
    hints = given_often(Parcel.objects.get().pk, broker, settings, clock)
    sweeps(hints, clock, 30)
    broker.held.clear()

    sweeps(hints, clock, 60)

    assert broker.count("checks") == 1


def test_a_flush_is_seen_though_new_hints_come_in(
    sandbox: Sandbox, broker: Broker, settings: Settings
) -> None:
    upload(job_to(sandbox), images(1))
    old = Parcel.objects.get()
    clock = [0.0]
    hints = given_often(old.pk, broker, settings, clock)
    broker.held.clear()
    upload(job_to(sandbox), images(1))
    tasks.publish(tasks.check_parcel, Parcel.objects.latest("pk").pk)

    sweeps(hints, clock, 60)

    assert (tasks.check_parcel.name, old.pk) in broker.held


def test_hints_that_lie_in_their_queue_are_not_heaped_up(
    sandbox: Sandbox, broker: Broker, settings: Settings
) -> None:
    upload(job_to(sandbox), images(1))
    clock = [0.0]
    hints = given_often(Parcel.objects.get().pk, broker, settings, clock)

    sweeps(hints, clock, 120)

    assert broker.count("checks") == 10


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hints are put into queues, in memory."""
    monkeypatch.setitem(app.conf, "task_always_eager", False)
    yield
    with app.connection_for_write() as connection, connection.SimpleQueue("checks") as queue:
        queue.clear()


@pytest.mark.usefixtures("queued")
def test_hints_that_lie_in_a_queue_are_counted() -> None:
    parcel = make_parcel(make_job(), b"x", 0)
    before = tasks.waiting_hints("checks")

    tasks.publish(tasks.check_parcel, parcel.pk)

    assert tasks.waiting_hints("checks") == (before or 0) + 1
    assert tasks.waiting_hints("a queue that is not there") == 0


def test_a_broker_that_is_away_is_not_asked_for_its_queues(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.conf, "broker_url", "redis://127.0.0.1:9/0")
    monkeypatch.setattr(tasks.silence, "until", 0.0)

    assert tasks.waiting_hints("checks") is None
    assert tasks.silence.until > 0


@pytest.fixture
def brokerless(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    """No hint arrives, and whatever is done takes longer than a sweep may."""
    monkeypatch.setattr(tasks, "publish", lambda task, row_id: False)
    settings.SWEEP_SECONDS = 0


@pytest.mark.usefixtures("brokerless")
def test_without_a_broker_stat_waits_for_one_request_and_not_for_all(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    bulk = [ready_batch(job_to(sandbox), images(1, series)).job for series in range(1, 6)]
    urgent = make_job(bulk[0].team, is_stat=True)
    hints = Hints()
    sweep(hints)
    upload(urgent, images(1, series=9))  # while the first request was under way

    sweep(hints)

    assert statuses(urgent) == [FileStatus.ACCEPTED]
    assert sum(statuses(job) == [FileStatus.ACCEPTED] for job in bulk) <= 2


@pytest.mark.usefixtures("brokerless")
def test_a_sweep_that_has_no_time_left_says_so_and_the_next_ones_do_the_rest(sandbox: Sandbox) -> None:
    jobs = [ready_batch(job_to(sandbox), images(1, series)).job for series in range(1, 4)]
    hints = Hints()

    said = [sweep(hints) for _ in range(8)]

    assert said[0]
    assert not said[-1]
    assert [statuses(job) for job in jobs] == [[FileStatus.ACCEPTED]] * 3


@pytest.mark.usefixtures("brokerless")
def test_a_sweep_without_time_does_something_of_each_kind(sandbox: Sandbox) -> None:
    batch = ready_batch(job_to(sandbox), images(1))
    for _ in range(3):
        upload(job_to(sandbox), images(1, series=2), is_last=False)

    sweep(Hints())

    assert Parcel.objects.filter(status=ParcelStatus.STORED).count() == 2
    assert Batch.objects.get(pk=batch.pk).status == BatchStatus.ACCEPTED


@pytest.mark.usefixtures("brokerless")
def test_a_single_sweep_on_the_command_line_does_all_though_it_takes_longer(sandbox: Sandbox) -> None:
    jobs = [ready_batch(job_to(sandbox), images(1, series)).job for series in range(1, 4)]

    call_command("beat", "--once")

    assert [statuses(job) for job in jobs] == [[FileStatus.ACCEPTED]] * 3
