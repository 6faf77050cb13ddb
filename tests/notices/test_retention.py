"""Notices and calls of webhooks are kept for a while, and then forgotten."""

from datetime import timedelta

import pytest
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from tests.notices.told import make_mailed_team, make_webhook, resting_job
from uploads import tasks
from uploads.models import Delivery, DeliveryAttempt, Notice
from uploads.pipeline import purging

pytestmark = pytest.mark.django_db


def tell(days_ago: int) -> None:
    """A job of which somebody was told, and a webhook called, so many days ago."""
    team = make_mailed_team()
    make_webhook(team, "http://127.0.0.1:9/hook")
    resting_job(team=team)
    at = now() - timedelta(days=days_ago)
    Notice.objects.update(created_at=at, mail_due_at=None)
    Delivery.objects.update(created_at=at, due_at=None)
    DeliveryAttempt.objects.create(delivery=Delivery.objects.get())


@pytest.mark.parametrize(("days_ago", "is_kept"), [(29, True), (31, False)])
def test_what_was_told_is_kept_as_long_as_the_settings_say(
    days_ago: int, is_kept: bool, settings: Settings
) -> None:
    settings.NOTICE_RETENTION_DAYS = 30
    tell(days_ago)

    tasks.recover()

    kept = [model.objects.exists() for model in (Notice, Delivery, DeliveryAttempt)]
    assert kept == [is_kept] * 3


def test_what_is_still_on_its_way_is_not_forgotten() -> None:
    tell(days_ago=1000)
    Notice.objects.update(mail_due_at=now())
    Delivery.objects.update(due_at=now())

    tasks.recover()

    assert (Notice.objects.count(), Delivery.objects.count()) == (1, 1)


def test_a_large_table_is_cleared_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purging, "AT_ONCE", 1)
    for _ in range(2):
        resting_job()
    Notice.objects.update(created_at=now() - timedelta(days=1000), mail_due_at=None)

    left = []
    for _ in range(3):
        tasks.recover()
        left.append(Notice.objects.count())

    assert left == [1, 0, 0]
