"""The form to sign in with, filled in by a test."""

import re
from typing import Final

from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

LOGIN: Final = reverse("account_login")
WRONG: Final = "The username and/or password you specified are not correct."
TOO_OFTEN: Final = "Too many failed login attempts. Try again later."
NEW_PASSWORD: Final = "another long sentence to remember"


def sign_in(
    client: Client, username: str, password: str, address: str = "10.0.0.1", **data: str
) -> HttpResponse:
    """Fill in the form and send it, from an address."""
    form = {"login": username, "password": password, **data}
    return client.post(LOGIN, form, REMOTE_ADDR=address)  # type: ignore[return-value]  # a response


def is_in(client: Client) -> bool:
    """Whether the browser sees a page that needs a sign-in."""
    return client.get(reverse("upload")).status_code == 200


def without_csrf(response: HttpResponse) -> str:
    """The page without what differs each time."""
    return re.sub(r'(csrfmiddlewaretoken" value|csrf-token" content)="[^"]+"', "", response.content.decode())
