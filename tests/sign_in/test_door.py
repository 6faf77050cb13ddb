"""Signing in: who gets in, where to, and that nobody makes an account."""

import pytest
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from portal import settings as portal_settings
from tests.factories import PASSWORD, make_team, make_user
from tests.sign_in.signing_in import LOGIN, NEW_PASSWORD, is_in, sign_in

pytestmark = pytest.mark.django_db


def test_the_right_password_opens_the_upload_page() -> None:
    user, client = make_user(make_team()), Client()

    response = sign_in(client, user.username, PASSWORD)

    assert (response.status_code, response.headers["Location"]) == (302, reverse("upload"))
    assert is_in(client)


def test_signing_in_makes_a_new_session() -> None:
    user, client = make_user(), Client()
    sign_in(client, user.username, PASSWORD)
    first = client.session.session_key
    client.post(reverse("account_logout"))

    sign_in(client, user.username, PASSWORD)

    assert client.session.session_key != first


def test_passwords_are_hashed_with_argon2(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = portal_settings.PASSWORD_HASHERS

    assert make_password(PASSWORD).startswith("argon2$argon2id$")


@pytest.mark.parametrize("password", ["short", "password", "12345678901234567890 "])
def test_a_weak_password_is_not_taken(password: str) -> None:
    client = Client()
    client.force_login(make_user())
    data = {"oldpassword": PASSWORD, "password1": password, "password2": password}

    response = client.post(reverse("account_change_password"), data)

    assert response.status_code == 200
    assert "errorlist" in response.content.decode() or "error" in response.content.decode()


def test_nobody_signs_up() -> None:
    url = reverse("account_signup")
    data = {"username": "new", "email": "", "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}

    page, response = Client().get(url), Client().post(url, data)

    assert "Accounts are made by administrators" in page.content.decode()
    assert "Accounts are made by administrators" in response.content.decode()
    assert not User.objects.filter(username="new").exists()


def test_there_are_no_accounts_after_the_migrations_and_the_bootstrap(settings: Settings) -> None:
    settings.QURE_BASE_URL, settings.QURE_TOKEN = "https://api.qure.test/", "token"

    call_command("bootstrap")

    assert not User.objects.exists()


def test_the_admin_is_behind_the_same_sign_in() -> None:
    response = Client().get(reverse("admin:login"))

    assert response.status_code == 302
    assert response.headers["Location"].startswith(LOGIN)


def test_the_admins_own_form_takes_no_password() -> None:
    user, client = make_user(is_staff=True, is_superuser=True), Client()

    response = client.post(reverse("admin:login"), {"username": user.username, "password": PASSWORD})

    assert response.headers["Location"].startswith(LOGIN)
    assert not is_in(client)


def test_a_page_of_the_admin_is_reached_again_after_the_sign_in() -> None:
    user, client = make_user(is_staff=True, is_superuser=True), Client()
    index = reverse("admin:index")
    redirected = client.get(index, follow=True)

    response = client.post(redirected.redirect_chain[-1][0], {"login": user.username, "password": PASSWORD})

    assert response.headers["Location"] == index


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.test/",
        "//evil.test/",
        "///evil.test/",
        "/\\evil.test/",
        "\\\\evil.test",
        "http:evil.test",
        "https:///evil.test",
        "javascript:alert(1)",
        "data:text/html,x",
        " https://evil.test/",
        "/\t/evil.test/",
        "\x00https://evil.test",
        "http://127.0.0.1:8000@evil.test/",
        "ftp://testserver/",
    ],
)
def test_after_the_sign_in_nobody_is_led_elsewhere(target: str) -> None:
    user = make_user()

    response = sign_in(Client(), user.username, PASSWORD, next=target)

    assert response.headers["Location"] == reverse("upload")


def test_after_the_sign_in_one_is_led_where_one_wanted_to_go() -> None:
    user = make_user()

    response = sign_in(Client(), user.username, PASSWORD, next=reverse("job-list"))

    assert response.headers["Location"] == reverse("job-list")
