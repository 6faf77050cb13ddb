"""Tokens lie encrypted; without the right key they are not handed out in any form."""

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from pytest_django.fixtures import Settings

from tests.factories import make_destination
from uploads.models import Destination
from uploads.models.fields import SecretUnreadable

pytestmark = pytest.mark.django_db
TOKEN = "the-token-that-Qure-gave-us"


def at_rest() -> str:
    """The token as the database holds it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT token FROM uploads_destination")
        (value,) = cursor.fetchone()
    return str(value)


def test_a_token_is_stored_encrypted_and_read_as_it_was() -> None:
    make_destination(token=TOKEN)

    assert TOKEN not in at_rest()
    assert at_rest().startswith("gAAAA")
    assert Destination.objects.get().token == TOKEN


def test_the_same_token_is_never_stored_as_the_same_text() -> None:
    destination = make_destination(token=TOKEN)
    first = at_rest()

    destination.save()

    assert at_rest() != first


def test_an_update_encrypts_too() -> None:
    make_destination(token="old")

    Destination.objects.update(token=TOKEN)

    assert TOKEN not in at_rest()
    assert Destination.objects.get().token == TOKEN


def test_no_token_stays_no_token() -> None:
    make_destination(token="")

    assert (at_rest(), Destination.objects.get().token) == ("", "")


def test_a_token_whose_key_is_lost_is_not_handed_out(settings: Settings) -> None:
    make_destination(token=TOKEN)
    settings.FIELD_KEYS = [Fernet.generate_key().decode()]

    with pytest.raises(SecretUnreadable) as caught:
        Destination.objects.get()

    assert at_rest() not in str(caught.value)
    assert caught.value.__cause__ is None


def test_text_that_was_never_encrypted_is_not_handed_out() -> None:
    make_destination()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE uploads_destination SET token = 'plain text'")

    with pytest.raises(SecretUnreadable) as caught:
        Destination.objects.get()

    assert "plain text" not in str(caught.value)


def test_a_new_key_in_front_reads_the_old_and_writes_the_new(settings: Settings) -> None:
    destination = make_destination(token=TOKEN)
    old, new = settings.FIELD_KEYS[0], Fernet.generate_key().decode()
    settings.FIELD_KEYS = [new, old]

    read = Destination.objects.get().token
    destination.save()
    settings.FIELD_KEYS = [new]

    assert read == TOKEN
    assert Destination.objects.get().token == TOKEN


def test_without_keys_no_token_is_stored(settings: Settings) -> None:
    settings.FIELD_KEYS = []

    with pytest.raises(ImproperlyConfigured):
        make_destination(token=TOKEN)
