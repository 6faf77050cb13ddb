"""Webhooks on the administrators' pages: an allowed address, a secret shown once, visible attempts."""

import json
import re

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from tests.admin.conftest import admin_pages, administrator  # noqa: F401  # fixtures
from tests.admin.pages import act, inline_code, list_url, row_url, said
from tests.factories import make_team
from tests.notices.receiver import Receiver
from tests.notices.told import make_mailed_team, make_webhook, resting_job
from tests.views.browser import text_of
from uploads import tasks
from uploads.models import Delivery, Webhook

pytestmark = pytest.mark.django_db
NEW_SECRET = "make_new_secret"


def add(client: Client, **values: object) -> str:
    """Fill the form of a new webhook; answer the page that follows."""
    url = reverse("admin:uploads_webhook_add")
    return text_of(client.post(url, {"is_active": "on", **values}, follow=True))


def test_an_allowed_address_is_stored(admin_pages: Client, receiver: Receiver) -> None:  # noqa: F811
    team = make_team()
    add(admin_pages, team=team.pk, url=receiver.url)

    assert Webhook.objects.get().url == receiver.url


def test_another_address_is_refused(admin_pages: Client, receiver: Receiver) -> None:  # noqa: F811
    page = add(admin_pages, team=make_team().pk, url="https://evil.test/")

    assert "not allowed" in page
    assert not Webhook.objects.exists()


def test_a_secret_is_on_no_page_but_the_one_that_shows_it_new(
    admin_pages: Client,  # noqa: F811
    receiver: Receiver,
) -> None:
    hook = make_webhook(make_team(), receiver.url)
    first = hook.secret
    shown = text_of(act(admin_pages, "webhook", NEW_SECRET, hook))
    second = Webhook.objects.get().secret

    urls = [list_url("webhook"), row_url("webhook", hook), row_url("team", hook.team), list_url("delivery")]
    pages = "".join(text_of(admin_pages.get(url)) for url in urls)
    assert re.findall(r'id="new-secret">(.+?)<', shown) == [second]
    assert first != second
    assert not [secret for secret in (first, second) if secret in pages]
    assert second not in str(list(LogEntry.objects.values()))


def test_a_new_secret_is_made_for_one_webhook_at_a_time(
    admin_pages: Client,  # noqa: F811
    receiver: Receiver,
) -> None:
    hooks = [make_webhook(make_team(), receiver.url) for _ in range(2)]

    response = act(admin_pages, "webhook", NEW_SECRET, *hooks)

    assert said(response) == ["Choose one webhook."]
    assert {hook.secret for hook in Webhook.objects.all()} == {hook.secret for hook in hooks}


def test_saving_an_address_keeps_the_secret(admin_pages: Client, receiver: Receiver) -> None:  # noqa: F811
    hook = make_webhook(make_team(), "http://127.0.0.1:9/")
    admin_pages.post(row_url("webhook", hook), {"url": receiver.url, "is_active": "on"})

    stored = Webhook.objects.get()
    assert (stored.url, stored.secret) == (receiver.url, hook.secret)


def test_the_attempts_of_a_delivery_are_to_be_seen(
    admin_pages: Client,  # noqa: F811
    receiver: Receiver,
) -> None:
    receiver.statuses = [503]
    team = make_mailed_team()
    make_webhook(team, receiver.url)
    resting_job(team=team)
    delivery = Delivery.objects.get()
    tasks.call_webhook(delivery.pk)

    page = text_of(admin_pages.get(row_url("delivery", delivery)))

    assert "503" in page
    assert inline_code(page) == []


def test_a_delivery_that_was_given_up_can_be_sent_again(
    admin_pages: Client,  # noqa: F811
    receiver: Receiver,
) -> None:
    team = make_mailed_team()
    make_webhook(team, receiver.url)
    resting_job(team=team)
    Delivery.objects.update(due_at=None)

    act(admin_pages, "delivery", "deliver_again", Delivery.objects.get())
    tasks.call_webhook(Delivery.objects.get().pk)

    assert len(receiver.calls) == 1


def test_a_test_event_is_called_and_its_answer_shown(
    admin_pages: Client,  # noqa: F811
    receiver: Receiver,
) -> None:
    receiver.statuses = [418]
    hook = make_webhook(make_team(), receiver.url)

    response = act(admin_pages, "webhook", "send_test", hook)
    tasks.call_webhook(Delivery.objects.get().pk)

    ((_, headers, body),) = receiver.calls
    assert (headers["Portal-Event"], json.loads(body)["event"]) == ("test", "test")
    assert response.redirect_chain[-1][0] == row_url("delivery", Delivery.objects.get())  # type: ignore[attr-defined]
    assert "418" in text_of(admin_pages.get(row_url("delivery", Delivery.objects.get())))


def test_a_test_event_is_tried_once(admin_pages: Client, receiver: Receiver) -> None:  # noqa: F811
    receiver.statuses = [503]
    act(admin_pages, "webhook", "send_test", make_webhook(make_team(), receiver.url))

    for _ in range(2):
        tasks.call_webhook(Delivery.objects.get().pk)

    assert len(receiver.calls) == 1
    assert Delivery.objects.get().due_at is None


def test_a_webhook_that_is_switched_off_is_not_tested(
    admin_pages: Client,  # noqa: F811
    receiver: Receiver,
) -> None:
    hook = make_webhook(make_team(), receiver.url, is_active=False)

    response = act(admin_pages, "webhook", "send_test", hook)

    assert said(response) == ["This webhook is switched off: nothing is sent."]
    assert not Delivery.objects.exists()


def test_a_webhook_is_tested_from_its_own_page(admin_pages: Client, receiver: Receiver) -> None:  # noqa: F811
    hook = make_webhook(make_team(), receiver.url)
    page = text_of(admin_pages.get(row_url("webhook", hook)))

    fields = dict(re.findall(r'type="hidden" name="(action|_selected_action)" value="(\w+)"', page))
    admin_pages.post(list_url("webhook"), fields)

    assert Delivery.objects.get().webhook == hook
    assert inline_code(page) == []
