"""A forgotten password: who is told what, and how often."""

import re

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from tests.factories import make_user
from tests.sign_in.signing_in import NEW_PASSWORD, is_in, without_csrf

pytestmark = pytest.mark.django_db


def test_a_reset_answers_the_same_for_an_unknown_address() -> None:
    make_user(email="known@hospital.test")
    url = reverse("account_reset_password")

    known, unknown = (
        Client().post(url, {"email": f"{name}@hospital.test"}, follow=True) for name in ("known", "unknown")
    )

    assert known.redirect_chain == unknown.redirect_chain
    assert without_csrf(known) == without_csrf(unknown)  # type: ignore[arg-type]  # responses


def test_a_reset_mail_to_nobody_invites_nobody_to_sign_up() -> None:
    Client().post(reverse("account_reset_password"), {"email": "unknown@hospital.test"})

    assert "sign" not in "".join(str(message.body).lower() for message in mail.outbox)


def test_resets_are_limited_for_one_address_with_a_page_of_our_own() -> None:
    url = reverse("account_reset_password")
    for _ in range(5):
        Client().post(url, {"email": "known@hospital.test"})

    response = Client().post(url, {"email": "known@hospital.test"})

    assert response.status_code == 429
    assert "Wait a few minutes" in response.content.decode()


def test_a_reset_link_works_once_and_signs_nobody_in() -> None:
    user, client = make_user(email="known@hospital.test"), Client()
    client.post(reverse("account_reset_password"), {"email": user.email})
    (link,) = re.findall(r"http://\S+", str(mail.outbox[0].body))
    form = client.get(link, follow=True)
    data = {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD}

    client.post(form.redirect_chain[-1][0], data)
    again = Client().get(link, follow=True)

    user.refresh_from_db()
    assert user.check_password(NEW_PASSWORD)
    assert not is_in(client)
    assert "does not work any more" in again.content.decode()
