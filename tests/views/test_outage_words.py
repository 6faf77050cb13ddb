"""What the pages say while Qure takes nothing, and when it takes something again."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.urls import reverse
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from tests.factories import make_batch, make_job, make_team, make_user
from tests.views.browser import Browser, client_of, text_of
from uploads import history, outages
from uploads.models import Destination, Team
from uploads.states import BatchStatus, DestinationStatus

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def words_of(response: object) -> str:
    """The page's words, without its tags."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", text_of(response))).split())


def fall_silent(destination: Destination, **facts: Any) -> None:  # Any: column values
    """Qure has not answered for an hour, and is tried again in a minute."""
    moment = now()
    silence = {"failing_since": moment - HOUR, "not_before": moment + timedelta(minutes=1)}
    destination.advance(DestinationStatus.SILENT, "test", **{**silence, **facts})


def waiting_jobs(team: Team, count: int) -> None:
    """Uploads with something to be sent."""
    for _ in range(count):
        job = make_job(team)
        make_batch(job)
        make_batch(job)


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "You can go on uploading: nothing is lost, and it goes out by itself."),
        (1, "; 1 upload is safe and goes out by itself."),
        (12, "; 12 uploads are safe and go out by themselves."),
    ],
)
def test_the_banner_counts_the_uploads_that_wait(browser: Browser, count: int, said: str) -> None:
    waiting_jobs(browser.job.team, count)
    make_batch(browser.job, status=BatchStatus.ACCEPTED)
    fall_silent(browser.job.team.destination)

    words = words_of(browser.client.get(reverse("upload")))

    assert f"{browser.job.team.destination.name} has not answered since" in words
    assert said in words


def test_other_teams_uploads_are_counted_for_administrators_only(browser: Browser) -> None:
    destination = browser.job.team.destination
    waiting_jobs(make_team(destination=destination), 3)
    waiting_jobs(browser.job.team, 1)
    fall_silent(destination)
    administrator = client_of(make_user(is_staff=True))

    seen = [words_of(client.get(reverse("upload"))) for client in (browser.client, administrator)]

    assert [words for words in seen if "1 upload is safe" in words] == seen[:1]
    assert "4 uploads are safe" in seen[1]


def test_the_banner_says_since_when_and_when_the_next_try_is(browser: Browser, settings: Settings) -> None:
    settings.TIME_ZONE = "UTC"
    noon = now().replace(hour=12, minute=0)
    fall_silent(browser.job.team.destination, failing_since=noon - timedelta(days=400))
    Destination.objects.update(not_before=noon + timedelta(days=1))

    (said,) = outages.destination_alarms(make_user(browser.job.team))

    yesterday_is_dated = history.clock(noon - timedelta(days=400))
    assert f"since {yesterday_is_dated}." in said
    assert said.endswith(f"Next try at {history.clock(noon + timedelta(days=1))}.")


def test_a_time_of_another_day_is_said_with_its_date() -> None:
    assert "2024" in history.clock(datetime(2024, 2, 29, 10, 42, tzinfo=UTC))
    assert str(now().year) not in history.clock(now())


def test_a_try_that_is_under_way_has_no_time(browser: Browser) -> None:
    fall_silent(browser.job.team.destination, not_before=now() - timedelta(seconds=1))

    assert "Next try" not in words_of(browser.client.get(reverse("upload")))


def test_the_banner_goes_by_itself_when_qure_is_back(browser: Browser) -> None:
    destination = browser.job.team.destination
    fall_silent(destination)
    during = text_of(browser.client.get(reverse("job-list")))
    destination.advance(DestinationStatus.OPEN, "test", failing_since=None, not_before=None)

    after = text_of(browser.client.get(reverse("destination-alarm")))

    assert f'hx-get="{reverse("destination-alarm")}"' in during
    assert "hx-get" not in after
    assert "has not answered" not in after


def test_the_uploads_own_page_says_when_the_next_try_is(browser: Browser) -> None:
    make_batch(browser.job)
    due = now() + timedelta(minutes=1)
    fall_silent(browser.job.team.destination, not_before=due)

    words = words_of(browser.client.get(browser.url("job-progress")))

    assert "Qure has not answered since" in words
    assert f"next try {history.clock(due)}" in words
