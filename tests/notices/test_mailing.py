"""Notices by mail: no patient in them, never lost to a mail server that is away."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.message import EmailMessage
from django.urls import reverse
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from tests.factories import make_destination, make_series, make_user
from tests.notices.told import held_job, make_mailed_team, resting_job
from uploads import tasks
from uploads.models import Notice
from uploads.pipeline import mailing
from uploads.states import JobStatus

pytestmark = pytest.mark.django_db


class NoServer(BaseEmailBackend):
    """A mail server that does not answer."""

    def send_messages(self, messages: list[EmailMessage]) -> int:  # type: ignore[override]  # stubs: a sequence
        raise ConnectionRefusedError


def send_due() -> None:
    """What the sweep does."""
    for task, row_id in tasks.due_work():
        if task.name == tasks.mail_notice.name:
            task(row_id)


@contextmanager
def server_away(settings: Settings) -> Iterator[None]:
    there = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = f"{__name__}.NoServer"
    yield
    settings.EMAIL_BACKEND = there


def test_a_mail_holds_reference_status_and_link() -> None:
    job = resting_job(JobStatus.ATTENTION)
    send_due()

    (message,) = mail.outbox
    assert message.to == ["clinician@hospital.test"]
    assert message.subject == f"Needs attention: upload {job.key}"
    assert f"Upload {job.key}" in message.body
    assert "Status: Needs attention" in message.body
    assert f"http://127.0.0.1:8000{reverse('job', args=[job.key])}" in message.body


def test_a_mail_names_no_patient() -> None:
    job = held_job()
    job.note = "for Jane Doe"
    job.save()
    series = make_series(job, description="Jane's head", accession_number="A77")
    send_due()

    (message,) = mail.outbox
    secrets = ("DOE", "Jane", "A77", "IM1", series.study_uid, job.team.name)
    assert [word for word in secrets if word in message.subject + str(message.body)] == []


def test_a_mail_goes_once() -> None:
    resting_job(JobStatus.ATTENTION)
    for _ in range(3):
        send_due()

    assert len(mail.outbox) == 1
    assert Notice.objects.get().mailed_at is not None


def test_a_server_that_is_away_costs_time_only(settings: Settings) -> None:
    resting_job(JobStatus.ATTENTION)
    with server_away(settings):
        send_due()
    waiting = Notice.objects.get()
    Notice.objects.update(mail_due_at=now())
    send_due()

    assert waiting.mail_failures == 1
    assert waiting.mail_due_at is not None and waiting.mail_due_at > now() + timedelta(seconds=15)
    assert len(mail.outbox) == 1


def test_waits_grow(settings: Settings) -> None:
    resting_job(JobStatus.ATTENTION)
    waits = []
    with server_away(settings):
        for _ in range(3):
            Notice.objects.update(mail_due_at=now())
            send_due()
            due_at = Notice.objects.get().mail_due_at
            assert due_at is not None
            waits.append((due_at - now()).total_seconds())

    assert waits[2] > 1.5 * waits[0]


def test_after_days_nobody_wants_to_know(settings: Settings) -> None:
    resting_job(JobStatus.ATTENTION)
    Notice.objects.update(created_at=now() - mailing.GIVE_UP - timedelta(hours=1))
    send_due()

    assert (len(mail.outbox), Notice.objects.get().mail_due_at) == (0, None)


def test_two_workers_send_one_mail() -> None:
    resting_job(JobStatus.ATTENTION)
    notice = Notice.objects.get()

    assert mailing._claim(notice)
    assert not mailing._claim(notice)


def test_who_may_not_sign_in_any_more_gets_no_mail() -> None:
    team = make_mailed_team()
    resting_job(JobStatus.ATTENTION, team)
    team.members.update(is_active=False)
    send_due()

    assert mail.outbox == []


def test_an_alarm_says_what_to_do() -> None:
    make_user(is_staff=True, is_superuser=True, email="boss@hospital.test")
    make_destination(name="Qure", alarm="The licence has expired.")
    for task, row_id in tasks.due_work():
        task(row_id)
    send_due()

    (message,) = mail.outbox
    assert message.subject == "Sending to Qure needs an administrator"
    assert "The licence has expired." in message.body
