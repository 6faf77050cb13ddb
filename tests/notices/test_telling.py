"""Who is told what, and that it is once."""

from datetime import timedelta

import pytest
from django.core import mail
from django.utils.timezone import now

from tests.factories import make_destination, make_file, make_job, make_team, make_user
from tests.notices.told import held_job, make_mailed_team, resting_job
from tests.pipeline.journeys import BY
from uploads import tasks
from uploads.models import (
    Destination,
    Membership,
    Notice,
    NoticeKind,
    NoticeSettings,
    StateChange,
    Team,
)
from uploads.pipeline import mailing, noticing
from uploads.states import DestinationStatus, FileStatus, JobStatus

pytestmark = pytest.mark.django_db


def told() -> list[tuple[str, str]]:
    """Who was told what."""
    return list(Notice.objects.order_by("pk").values_list("user__username", "kind"))


@pytest.mark.parametrize(
    ("status", "kind"),
    [(JobStatus.ACCEPTED, NoticeKind.ACCEPTED), (JobStatus.ATTENTION, NoticeKind.FAILED)],
)
def test_the_uploader_is_told_how_it_ended(status: JobStatus, kind: NoticeKind) -> None:
    job = resting_job(status)

    assert told() == [(job.created_by.username, kind)]


@pytest.mark.parametrize("reason", ["unconfirmed_patient", "conflict"])
def test_the_uploader_is_told_of_a_decision_while_the_upload_goes_on(reason: str) -> None:
    job = held_job(reason=reason)

    assert told() == [(job.created_by.username, NoticeKind.DECISION)]


def test_what_only_an_administrator_can_decide_is_no_decision_of_the_uploader() -> None:
    held_job(reason="executable_preamble")

    assert told() == []


def test_an_upload_that_rests_with_a_decision_to_take_is_told_once() -> None:
    job = held_job()
    job.advance(JobStatus.PROCESSING, BY)
    tasks.close_job(job.pk)

    job.refresh_from_db()
    assert job.status == JobStatus.ATTENTION
    assert told() == [(job.created_by.username, NoticeKind.DECISION)]


def test_a_task_that_runs_again_tells_nothing_new() -> None:
    job = resting_job()
    tasks.close_job(job.pk)

    assert len(told()) == 1


def test_an_upload_that_fails_a_second_time_is_told_a_second_time() -> None:
    job = resting_job(JobStatus.ATTENTION)
    job.refresh_from_db()
    job.advance(JobStatus.PROCESSING, BY)
    tasks.close_job(job.pk)

    assert [kind for _, kind in told()] == [NoticeKind.FAILED, NoticeKind.FAILED]


@pytest.mark.parametrize("status", [JobStatus.UPLOADING, JobStatus.CANCELLED])
def test_there_is_nothing_to_tell_of_an_upload_on_its_way_or_cancelled(status: JobStatus) -> None:
    job = make_job(status=status)
    tasks.close_job(job.pk)

    assert told() == []


@pytest.mark.parametrize("loss", ["left", "disabled"])
def test_where_the_uploader_is_gone_the_team_is_told(loss: str) -> None:
    team = make_mailed_team(username="gone")
    make_user(team, username="colleague")
    gone = Membership.objects.get(user__username="gone")
    job = make_job(team, created_by=gone.user, status=JobStatus.PROCESSING)
    make_file(job, status=FileStatus.REJECTED)
    if loss == "left":
        gone.delete()
    else:
        gone.user.is_active = False
        gone.user.save()

    tasks.close_job(job.pk)

    assert told() == [("colleague", NoticeKind.FAILED)]


@pytest.mark.parametrize(
    ("kind", "is_mailed"),
    [(NoticeKind.ACCEPTED, False), (NoticeKind.FAILED, True), (NoticeKind.DECISION, True)],
)
def test_who_has_said_nothing_gets_mails_of_what_needs_them(kind: NoticeKind, is_mailed: bool) -> None:
    make_one_of(kind)

    assert (Notice.objects.get().mail_due_at is not None) == is_mailed


@pytest.mark.parametrize("kind", [NoticeKind.ACCEPTED, NoticeKind.FAILED, NoticeKind.DECISION])
@pytest.mark.parametrize("wish", [True, False])
def test_each_kind_can_be_chosen_by_itself(kind: NoticeKind, wish: bool) -> None:
    team = make_mailed_team()
    wishes = {f"mails_{each}": not wish for each in ("accepted", "failed", "decision")}
    NoticeSettings.objects.create(user=team.members.get(), **{**wishes, f"mails_{kind.value}": wish})

    make_one_of(kind, team)

    assert (Notice.objects.get().mail_due_at is not None) == wish


def test_who_has_no_address_gets_no_mail() -> None:
    resting_job(JobStatus.ATTENTION, make_mailed_team(email=""))

    assert Notice.objects.get().mail_due_at is None


def test_a_worker_that_died_before_it_could_tell_costs_a_sweep() -> None:
    job = make_job(make_mailed_team())
    make_file(job, status=FileStatus.QUARANTINED, reason="unconfirmed_patient")

    assert (tasks.close_job.name, job.pk) in due_names()

    tasks.close_job(job.pk)

    assert noticing.untold_jobs() == []
    assert len(told()) == 1


def test_administrators_are_told_of_a_pause_once() -> None:
    make_user(username="boss", is_staff=True, is_superuser=True, email="boss@hospital.test")
    make_user(make_team(), username="member", email="member@hospital.test")
    destination = make_destination()
    pause(destination)

    for _ in range(2):
        tell_administrators()

    assert told() == [("boss", NoticeKind.ALARM)]
    assert Notice.objects.get().mail_due_at is not None
    assert noticing.untold_destinations() == []


def test_the_next_pause_is_told_again() -> None:
    make_user(username="boss", is_staff=True, is_superuser=True)
    destination = make_destination()
    for _ in range(2):
        pause(destination)
        tell_administrators()
        destination.advance(DestinationStatus.OPEN, BY, alarm="")

    assert told() == [("boss", NoticeKind.ALARM)] * 2


def test_a_complaint_about_the_licence_is_told_too() -> None:
    make_user(username="boss", is_staff=True, is_superuser=True)
    make_destination(alarm="The licence has expired.")
    tell_administrators()

    assert told() == [("boss", NoticeKind.ALARM)]


def test_a_destination_that_is_well_needs_nobody() -> None:
    make_user(is_staff=True, is_superuser=True)
    destination = make_destination()
    noticing.raise_alarm(destination.pk)

    assert (noticing.untold_destinations(), told()) == ([], [])


def test_notices_are_told_in_the_transaction_that_ends_the_upload() -> None:
    job = resting_job()

    (end,) = StateChange.objects.filter(job=job, kind="job", to_status=JobStatus.ACCEPTED)
    assert Notice.objects.get().occasion == end.pk


def make_one_of(kind: NoticeKind, team: Team | None = None) -> None:
    """Let a notice of the kind come about."""
    if kind == NoticeKind.DECISION:
        held_job(team)
    else:
        status = JobStatus.ACCEPTED if kind == NoticeKind.ACCEPTED else JobStatus.ATTENTION
        resting_job(status, team)


def pause(destination: Destination) -> None:
    """What the relay does when Qure does not accept the token."""
    destination.advance(DestinationStatus.PAUSED, BY, alarm="Qure does not accept the token.")


def tell_administrators() -> None:
    """What the sweep does."""
    for row_id in noticing.untold_destinations():
        tasks.tell_administrators(row_id)


def due_names() -> list[tuple[str, int]]:
    """What the sweep would hint at."""
    return [(task.name, row_id) for task, row_id in tasks.due_work()]


def silence(minutes: float) -> Destination:
    """A destination that has not answered for so long."""
    began_at = now() - timedelta(minutes=minutes)
    destination = make_destination()
    destination.advance(DestinationStatus.SILENT, BY, failing_since=began_at, not_before=now())
    return destination


@pytest.mark.parametrize(("minutes", "is_told"), [(29, False), (31, True)])
def test_administrators_are_told_of_a_silence_that_lasts(minutes: float, is_told: bool) -> None:
    make_user(username="boss", is_staff=True, is_superuser=True, email="boss@hospital.test")
    silence(minutes)

    for _ in range(2):
        tell_administrators()

    assert told() == [("boss", NoticeKind.ALARM)] * is_told
    assert noticing.untold_destinations() == []


def test_the_mail_of_a_silence_says_that_it_is_one() -> None:
    make_user(username="boss", is_staff=True, is_superuser=True, email="boss@hospital.test")
    silence(40)
    tell_administrators()

    mailing.send(Notice.objects.get().pk)

    assert "has not answered" in str(mail.outbox[0].body)


def test_a_pause_that_comes_and_goes_is_mailed_once_an_hour() -> None:
    make_user(username="boss", is_staff=True, is_superuser=True, email="boss@hospital.test")
    destination = make_destination()
    for _ in range(3):
        pause(destination)
        tell_administrators()
        destination.advance(DestinationStatus.OPEN, BY, alarm="")
    Notice.objects.update(created_at=now() - timedelta(hours=2))
    pause(destination)
    tell_administrators()

    mailed = [notice.mail_due_at is not None for notice in Notice.objects.order_by("pk")]
    assert mailed == [True, False, False, True]
