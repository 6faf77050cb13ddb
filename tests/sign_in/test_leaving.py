"""Whose session ends: a new password, a person switched off, a sign-out."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from tests.factories import PASSWORD, make_user
from tests.sign_in.signing_in import NEW_PASSWORD, is_in, sign_in, without_csrf

pytestmark = pytest.mark.django_db


def test_a_new_password_signs_every_session_out() -> None:
    user, here, elsewhere = make_user(), Client(), Client()
    for client in (here, elsewhere):
        sign_in(client, user.username, PASSWORD)
    data = {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}

    here.post(reverse("account_change_password"), data)

    user.refresh_from_db()
    assert user.check_password(NEW_PASSWORD)
    assert (is_in(here), is_in(elsewhere)) == (False, False)


def test_somebody_who_is_switched_off_is_out_at_once() -> None:
    user, client = make_user(), Client()
    sign_in(client, user.username, PASSWORD)

    User.objects.filter(pk=user.pk).update(is_active=False)

    assert not is_in(client)


def test_somebody_who_is_switched_off_gets_the_answer_to_a_wrong_password_for_one() -> None:
    make_user(username="known-one", is_active=False)

    off = sign_in(Client(), "known-one", "wrong")
    unknown = sign_in(Client(), "other-one", "wrong")

    assert without_csrf(off).replace("known-one", "") == without_csrf(unknown).replace("other-one", "")


def test_somebody_who_is_switched_off_does_not_get_in() -> None:
    user, client = make_user(is_active=False), Client()

    sign_in(client, user.username, PASSWORD)

    assert not is_in(client)


def test_signing_out_takes_a_post_ends_the_session_and_empties_the_browser() -> None:
    user, client = make_user(), Client()
    sign_in(client, user.username, PASSWORD)
    url = reverse("account_logout")

    client.get(url)
    still_in = is_in(client)
    response = client.post(url)

    assert still_in
    assert response.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert not is_in(client)
