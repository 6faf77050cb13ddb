"""Who may call what: every route, every role, own and other teams' objects. An unlisted route is red."""

import re
import uuid

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from tests.routes import ROLES, TABLE, TO_SIGN_IN, Route, World, all_routes, call
from uploads.models import StateChange

pytestmark = pytest.mark.django_db

SIGN_IN = {
    "account_login": 200,
    "account_logout": TO_SIGN_IN,
    "account_inactive": 200,
    "account_signup": 200,
    "account_reauthenticate": TO_SIGN_IN,
    "account_email": TO_SIGN_IN,
    "account_email_verification_sent": 200,
    "account_change_password": TO_SIGN_IN,
    "account_set_password": TO_SIGN_IN,
    "account_reset_password": 200,
    "account_reset_password_done": 200,
    "account_reset_password_from_key": 200,
    "account_reset_password_from_key_done": 200,
    "account_confirm_email": 200,
    "account_confirm_login_code": TO_SIGN_IN,
}


def without_tokens(response: HttpResponse) -> bytes:
    """The page without the CSRF tokens, which differ each time."""
    return re.sub(rb'(csrfmiddlewaretoken" value|csrf-token" content)="[^"]+"', b"", response.content)


def test_every_route_is_listed() -> None:
    routes = {name for name in all_routes() if not name.startswith("admin:")}

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


@pytest.mark.parametrize("name", SIGN_IN)
def test_nobody_signs_up_and_sign_in_needs_no_sign_in(name: str) -> None:
    arguments = {"account_reset_password_from_key": ["1", "x-y"], "account_confirm_email": ["key"]}

    response = Client().get(reverse(name, args=arguments.get(name, [])))

    assert response.status_code == SIGN_IN[name]


def test_the_admin_is_for_administrators_only() -> None:
    world = World()
    routes = [name for name in all_routes() if name.startswith("admin:") and name != "admin:None"]
    plain = [name for name in routes if name.endswith(("_changelist", "_add", ":index"))]

    answers = {
        role: {world.client(role).get(reverse(name)).status_code for name in plain}
        for role in ("anonymous", "member")
    }
    seen = {world.client("administrator").get(reverse(name)).status_code for name in plain}

    assert len(plain) > 20
    assert answers == {"anonymous": {302}, "member": {302}} or answers["member"] <= {302, 403}
    assert answers["anonymous"] == {302}
    assert seen <= {200, 403}
