"""The page of notices, and the number in the header."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from tests.notices.told import make_mailed_team, resting_job
from tests.views.browser import text_of
from uploads.models import Membership, Notice, NoticeSettings, Team

pytestmark = pytest.mark.django_db


@pytest.fixture
def team(db: None) -> Team:
    """A team of one."""
    return make_mailed_team()


@pytest.fixture
def user(team: Team) -> User:
    """Its member."""
    return team.members.get()


@pytest.fixture
def browser(user: User) -> Client:
    """The member's browser."""
    client = Client()
    client.force_login(user)
    return client


def page_of(browser: Client) -> str:
    return text_of(browser.get(reverse("notice-list")))


def test_the_header_counts_what_is_new(browser: Client, team: Team) -> None:
    before = page_of(browser)
    resting_job(team=team)

    assert 'class="unread"' not in before
    assert 'class="unread">1<' in page_of(browser)


def test_a_notice_leads_to_its_upload(browser: Client, team: Team) -> None:
    job = resting_job(team=team)

    assert f'href="{reverse("job", args=[job.key])}"' in page_of(browser)


def test_opening_the_uploads_page_reads_its_notices_and_no_others(browser: Client, team: Team) -> None:
    opened, other = resting_job(team=team), resting_job(team=team)
    browser.get(reverse("job", args=[opened.key]))

    assert list(Notice.objects.filter(read_at=None).values_list("job", flat=True)) == [other.pk]


def test_all_can_be_read_at_once(browser: Client, team: Team) -> None:
    resting_job(team=team)
    elsewhere = resting_job()
    browser.post(reverse("mark-notices-read"))

    assert [notice.job for notice in Notice.objects.filter(read_at=None)] == [elsewhere]


def test_who_has_left_the_team_sees_nothing_of_its_uploads(browser: Client, team: Team) -> None:
    resting_job(team=team)
    Membership.objects.all().delete()

    page = page_of(browser)

    assert team.name not in page
    assert 'class="unread"' not in page


def test_another_persons_notices_are_not_shown(browser: Client) -> None:
    job = resting_job()

    assert str(job.key) not in page_of(browser)


def test_which_mails_one_gets_can_be_chosen(browser: Client, user: User) -> None:
    browser.post(reverse("save-notice-settings"), {"mails_accepted": "on"})
    browser.post(reverse("save-notice-settings"), {"mails_accepted": "on", "mails_failed": "on"})

    chosen = NoticeSettings.objects.get(user=user)
    assert (chosen.mails_accepted, chosen.mails_failed, chosen.mails_decision) == (True, True, False)
