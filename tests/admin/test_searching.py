"""A search in the administrators' lists: its words are posted, and in no address (docs/decisions/0012)."""

import re

import pytest
from django.contrib import admin
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from tests.admin.pages import list_url, row_url, said, search
from tests.admin.rows import Everything
from tests.factories import make_job, make_patient
from uploads.models import Job, Patient
from uploads.states import JobStatus

LOST = "The words of this search are not known any more. Enter them again."


def address_of(response: HttpResponse) -> str:
    """Where a search has led to."""
    return str(response.redirect_chain[-1][0])  # type: ignore[attr-defined]  # a test's


def count_of(response: HttpResponse) -> int:
    return int(response.context["cl"].result_count)  # type: ignore[attr-defined]  # a test's


def links_of(response: HttpResponse) -> list[str]:
    return re.findall(r'(?:href|action|src)="([^"]*)"', response.content.decode())


@pytest.mark.parametrize(
    ("kind", "text"), [("patient", "DOE"), ("file", "CD/broken"), ("series", "1.2.3.77")]
)
def test_words_are_looked_for_and_shown_and_in_no_address(
    kind: str, text: str, admin_pages: Client, everything: Everything
) -> None:
    response = search(admin_pages, kind, text)

    assert count_of(response) > 0
    assert f'value="{text}"' in response.content.decode()
    assert re.fullmatch(rf"{list_url(kind)}\?q=[0-9a-f-]{{36}}", address_of(response))
    assert [link for link in links_of(response) if text in link] == []


def searchable() -> list[str]:
    """The lists with a search, of the portal and of what it is built with."""
    lists = admin.site._registry.items()
    return [model._meta.label_lower for model, rows in lists if rows.search_fields]


@pytest.mark.parametrize("label", searchable())
def test_every_list_that_can_be_searched_posts_the_words(label: str, admin_pages: Client) -> None:
    url = reverse(f"admin:{label.replace('.', '_')}_changelist")

    html = admin_pages.get(url).content.decode()
    response = admin_pages.post(url, {"q": "Canary"})

    assert '<form id="changelist-search" method="post"' in html
    assert response.status_code == 302
    assert "Canary" not in response.headers["Location"]


def test_filters_stay_and_the_list_begins_anew(admin_pages: Client, everything: Everything) -> None:
    response = search(admin_pages, "patient", "DOE", "?status__exact=declined&p=3")

    assert re.fullmatch(
        rf"{list_url('patient')}\?status__exact=declined&q=[0-9a-f-]{{36}}", address_of(response)
    )
    assert count_of(response) == 0


def test_a_filter_a_page_and_a_row_remember_the_search(admin_pages: Client, everything: Everything) -> None:
    for number in range(60):
        make_patient(everything.job, name=f"DOE^{number}", patient_id=f"N{number}")
    address = address_of(search(admin_pages, "patient", "DOE"))

    second = admin_pages.get(f"{address}&p=2")
    opened = admin_pages.get(
        row_url("patient", second.context["cl"].result_list[0]),
        {"_changelist_filters": address.partition("?")[2]},
    )

    assert second.context["cl"].query == "DOE"
    assert address in opened.content.decode()


def test_an_empty_search_shows_all(admin_pages: Client, everything: Everything) -> None:
    make_patient(everything.job, name="ROE", patient_id="R1")
    address = address_of(search(admin_pages, "patient", "DOE"))

    response = admin_pages.post(address, {"q": " "}, follow=True)

    assert address_of(response) == list_url("patient")  # type: ignore[arg-type]  # a response
    assert count_of(response) == Patient.objects.count()  # type: ignore[arg-type]  # a response


@pytest.mark.parametrize("key", ["DOE", "00000000-0000-4000-8000-000000000000"])
def test_words_that_are_not_known_are_asked_for_again(
    key: str, admin_pages: Client, everything: Everything
) -> None:
    response = admin_pages.get(list_url("patient"), {"q": key})

    assert said(response) == [LOST]  # type: ignore[arg-type]  # a response
    assert count_of(response) == 0  # type: ignore[arg-type]  # a response


def test_an_action_for_all_that_was_found_spares_the_others(
    admin_pages: Client, everything: Everything
) -> None:
    found, other = make_job(everything.team), make_job(everything.team)
    data = {"action": "cancel", "_selected_action": [found.pk], "select_across": "1", "index": "0"}
    address = address_of(search(admin_pages, "job", str(found.key)))

    admin_pages.post(address, data, follow=True)

    assert Job.objects.get(pk=found.pk).status == JobStatus.CANCELLED
    assert Job.objects.get(pk=other.pk).status != JobStatus.CANCELLED


def test_an_action_for_all_that_was_found_does_nothing_once_the_words_are_lost(
    admin_pages: Client, everything: Everything
) -> None:
    job = make_job(everything.team)
    data = {"action": "cancel", "_selected_action": [job.pk], "select_across": "1", "index": "0"}

    admin_pages.post(f"{list_url('job')}?q=00000000-0000-4000-8000-000000000000", data, follow=True)

    assert Job.objects.get(pk=job.pk).status != JobStatus.CANCELLED


def test_an_action_leads_back_to_what_was_found(admin_pages: Client, everything: Everything) -> None:
    address = address_of(search(admin_pages, "job", str(everything.job.key)))

    response = admin_pages.post(
        address, {"action": "retry", "_selected_action": [everything.job.pk], "index": "0"}
    )

    assert response.headers["Location"] == address


def test_who_may_not_see_a_list_may_not_search_it(client: Client, onlooker: Client) -> None:
    url = reverse("admin:auth_user_changelist")

    assert onlooker.post(url, {"q": "x"}).status_code == 403
    assert client.post(url, {"q": "x"}).status_code == 302
    assert "searches" not in client.session
