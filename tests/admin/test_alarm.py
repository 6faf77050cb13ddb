"""That a destination takes nothing is said on every page of the administrators."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now

from tests.admin.pages import inline_code, list_url
from tests.factories import make_destination
from uploads.models import Destination
from uploads.states import DestinationStatus

PAGES = [reverse("admin:index"), list_url("job"), reverse("admin:uploads_destination_add")]


@pytest.mark.parametrize("page", PAGES)
def test_a_paused_destination_is_named_to_an_administrator_of_no_team(page: str, admin_pages: Client) -> None:
    make_destination(name="Stroke account").advance(DestinationStatus.PAUSED, "test", alarm="Token.")

    html = admin_pages.get(page).content.decode()

    assert 'role="alert"' in html
    assert "Stroke account is paused" in html
    assert inline_code(html) == []


def test_a_silent_destination_is_named(admin_pages: Client) -> None:
    silent = make_destination(name="Stroke account")
    Destination.objects.filter(pk=silent.pk).update(failing_since=now() - timedelta(hours=1))

    html = admin_pages.get(reverse("admin:index")).content.decode()

    assert 'role="alert"' in html
    assert "Stroke account" in html


def test_where_all_is_well_nothing_is_said(admin_pages: Client) -> None:
    make_destination(name="Stroke account")

    html = admin_pages.get(reverse("admin:index")).content.decode()

    assert 'role="alert"' not in html
    assert "Stroke account" not in html


def test_a_name_with_markup_is_shown_as_text(admin_pages: Client) -> None:
    make_destination(name="<b>Stroke</b>").advance(DestinationStatus.PAUSED, "test", alarm="Token.")

    html = admin_pages.get(reverse("admin:index")).content.decode()

    assert "&lt;b&gt;Stroke" in html
    assert "<b>Stroke" not in html


def test_a_destination_that_did_not_answer_just_now_is_no_alarm(admin_pages: Client) -> None:
    silent = make_destination(name="Stroke account")
    Destination.objects.filter(pk=silent.pk).update(failing_since=now() - timedelta(minutes=1))

    html = admin_pages.get(reverse("admin:index")).content.decode()

    assert 'role="alert"' not in html
