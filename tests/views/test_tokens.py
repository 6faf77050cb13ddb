"""Tokens for scripts: made, shown once, revoked."""

import re

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from tests.factories import make_api_token, make_team, make_user
from tests.pipeline.journeys import image
from tests.views.browser import client_of, text_of
from tests.views.posting import post
from uploads.models import ApiToken, Membership, Team

pytestmark = pytest.mark.django_db


@pytest.fixture
def team() -> Team:
    return make_team()


@pytest.fixture
def client(team: Team) -> Client:
    """A member's browser."""
    return client_of(make_user(team))


def make(client: Client, team: Team, name: str = "Night script") -> str:
    """Make a token on the page; answer the page."""
    return text_of(client.post(reverse("token-list"), {"name": name, "team": str(team.key)}))


def shown(page: str) -> str:
    """The token that the page shows."""
    found = re.search(r'id="new-token">([^<]+)<', page)
    return found[1] if found else ""


def test_a_token_that_was_made_opens_the_scripts_door(client: Client, team: Team) -> None:
    token = shown(make(client, team))

    assert post(token, [("a", image(1))]).status == 200


def test_a_token_is_shown_once_and_kept_as_a_digest_only(client: Client, team: Team) -> None:
    token = shown(make(client, team))

    again = text_of(client.get(reverse("token-list")))

    kept = ApiToken.objects.values().get()
    assert token not in again
    assert token[:8] in again
    assert token not in repr(kept)


def test_two_tokens_are_never_the_same(client: Client, team: Team) -> None:
    assert shown(make(client, team)) != shown(make(client, team))


def test_a_revoked_token_opens_nothing_and_is_shown_as_revoked(client: Client, team: Team) -> None:
    token = shown(make(client, team))

    page = text_of(client.post(reverse("revoke-token", args=[ApiToken.objects.get().key]), follow=True))

    assert "Revoked" in page
    assert post(token, [("a", image(1))]).status == 401


def test_to_revoke_twice_keeps_the_first_date(client: Client, team: Team) -> None:
    make(client, team)
    url = reverse("revoke-token", args=[ApiToken.objects.get().key])
    client.post(url)
    first = ApiToken.objects.get().revoked_at

    client.post(url)

    assert ApiToken.objects.get().revoked_at == first


def test_a_colleagues_token_can_not_be_revoked(client: Client, team: Team) -> None:
    make_api_token(make_user(team), team)

    response = client.post(reverse("revoke-token", args=[ApiToken.objects.get().key]))

    assert response.status_code == 404
    assert ApiToken.objects.get().revoked_at is None


@pytest.mark.parametrize("name", ["", " ", "x" * 101, "\0"])
def test_a_token_needs_a_name(client: Client, team: Team, name: str) -> None:
    page = make(client, team, name)

    assert "errorlist" in page
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize("key", ["", "junk", "\0", "17", "00000000-0000-0000-0000-000000000000"])
def test_a_token_needs_a_team(client: Client, key: str) -> None:
    response = client.post(reverse("token-list"), {"name": "x", "team": key})

    assert response.status_code == 200
    assert "errorlist" in text_of(response)
    assert not ApiToken.objects.exists()


def test_a_token_is_for_ones_own_teams_only(client: Client) -> None:
    page = make(client, make_team())

    assert "errorlist" in page
    assert not ApiToken.objects.exists()


def test_a_person_without_a_team_is_told_so() -> None:
    page = text_of(client_of(make_user()).get(reverse("token-list")))

    assert "You don't belong to a team yet" in page
    assert 'name="team"' not in page


def test_the_page_shows_the_sample_script_with_the_portals_address(
    client: Client, settings: Settings
) -> None:
    settings.PUBLIC_URL = "https://upload.example.org"

    page = text_of(client.get(reverse("token-list")))

    assert "URL = 'https://upload.example.org/studies'" in page


def test_many_tokens_take_few_queries(
    client: Client, team: Team, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    member = Membership.objects.get().user
    for _ in range(50):
        make_api_token(member, team)

    with django_assert_max_num_queries(15):
        response = client.get(reverse("token-list"))

    assert text_of(response).count("Revoke<") == 50
