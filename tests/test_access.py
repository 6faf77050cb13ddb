"""Who may call what: every route, every role, own and other teams' objects. An unlisted route is red."""

import re
import uuid

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.urls import reverse

from tests.routes import ROLES, TABLE, Answers, Route, World, all_routes, call, everybody, page
from uploads.models import StateChange

pytestmark = pytest.mark.django_db


def signed_out_page() -> Answers:
    """A page for those who are not signed in; the others are led to the upload page."""
    return everybody(302) | {"anonymous": 200, "disabled": 200}


SIGN_IN = {
    "account_login": signed_out_page(),
    "account_logout": page(),
    "account_inactive": everybody(200),
    "account_signup": signed_out_page(),  # it says that nobody can
    "account_reauthenticate": page(),
    "account_email": page(),
    "account_email_verification_sent": everybody(200),
    "account_change_password": page(),
    "account_set_password": everybody(302),
    "account_reset_password": everybody(200),
    "account_reset_password_done": everybody(200),
    "account_reset_password_from_key": everybody(200),
    "account_reset_password_from_key_done": everybody(200),
    "account_confirm_email": everybody(200),
    "account_confirm_login_code": everybody(302),
}

# What a POST that holds nothing gets, where it is something else.
SIGN_IN_POSTED = {
    "account_logout": everybody(302),
    "account_inactive": everybody(405),
    "account_email": everybody(302),
    "account_email_verification_sent": everybody(405),
    "account_reset_password_done": everybody(405),
    "account_reset_password_from_key_done": everybody(405),
    "account_confirm_email": everybody(404),
}


def without_tokens(response: HttpResponse) -> bytes:
    """The page without the CSRF tokens, which differ each time."""
    return re.sub(rb'(csrfmiddlewaretoken" value|csrf-token" content)="[^"]+"', b"", response.content)


def test_every_route_is_listed() -> None:
    routes = {name for name in all_routes() if not name.startswith("admin:")}  # those: admin/test_access.py

    assert routes == {*TABLE, *SIGN_IN}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", TABLE)
def test_each_role_gets_what_the_table_says(name: str, role: str) -> None:
    world = World()

    response = call(world.client(role), world, name)

    assert response.status_code == TABLE[name].answers[role]


@pytest.mark.parametrize(
    "name", [name for name, route in TABLE.items() if route.arguments is not Route.arguments]
)
def test_a_strangers_404_is_the_same_as_that_of_nothing(name: str) -> None:
    world = World()
    client = world.client("stranger")

    foreign = call(client, world, name)
    for row in (world.job, world.series, world.patient, world.token):
        row.key = uuid.uuid4()
    missing = call(client, world, name)

    assert (foreign.status_code, missing.status_code) == (404, 404)
    assert without_tokens(foreign) == without_tokens(missing)


@pytest.mark.parametrize("name", [name for name, route in TABLE.items() if route.method == "post"])
def test_a_post_without_the_pages_token_changes_nothing(name: str) -> None:
    world = World()
    before = list(StateChange.objects.values_list("pk"))

    response = call(world.client("member", checks_csrf=True), world, name)

    assert response.status_code == (401 if name == "studies" else 403)
    assert list(StateChange.objects.values_list("pk")) == before


@pytest.mark.parametrize("name", TABLE)
def test_the_wrong_method_is_refused(name: str) -> None:
    world = World()
    route = TABLE[name]
    url = reverse(name, args=route.arguments(world))
    client = world.client("member")

    response = client.put(url) if route.method == "get" else client.get(url)

    assert response.status_code == (200 if name == "token-list" and route.method == "post" else 405)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", SIGN_IN)
def test_each_role_gets_what_the_table_says_of_the_pages_to_sign_in(name: str, role: str) -> None:
    world = World()
    arguments = {"account_reset_password_from_key": ["1", "x-y"], "account_confirm_email": ["key"]}
    url = reverse(name, args=arguments.get(name, []))

    asked, sent = world.client(role).get(url), world.client(role).post(url)

    assert asked.status_code == SIGN_IN[name][role]
    assert sent.status_code == SIGN_IN_POSTED.get(name, SIGN_IN[name])[role]


@pytest.mark.parametrize("role", ROLES)
def test_nobody_signs_up(role: str) -> None:
    world = World()
    before = User.objects.count()
    data = {"username": "new", "email": "new@hospital.test", "password1": "a long new password"}

    world.client(role).post(reverse("account_signup"), data)

    assert User.objects.count() == before
