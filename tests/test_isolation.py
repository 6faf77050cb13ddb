"""No test leaves anything to the next that runs in its thread."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.translation import get_language


@pytest.mark.parametrize("turn", ["one", "the next"])
@pytest.mark.django_db
def test_a_test_speaks_english_whatever_was_read_before_it(turn: str) -> None:
    assert get_language() == "en"
    Client(headers={"Accept-Language": "de"}).get(reverse("account_login"))
    assert get_language() == "de"
