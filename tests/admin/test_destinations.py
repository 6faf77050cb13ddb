"""A destination's token and address: written, bound to each other, never shown."""

from typing import Final

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client, RequestFactory
from pytest_django.fixtures import Settings

from tests.admin.pages import act, list_url, row_url, said
from tests.admin.rows import TOKEN
from tests.factories import make_destination
from tests.pipeline.journeys import images, job_to, ready_batch, statuses, work_off
from tests.sandboxes import Sandbox
from uploads.admin.destinations import DestinationForm
from uploads.models import Batch, Destination, StateChange
from uploads.states import BatchStatus, DestinationStatus, FileStatus

OWN: Final = "https://api.qure.test/"
OTHER: Final = "https://other.qure.test/"


@pytest.fixture(autouse=True)
def allowed_hosts(settings: Settings) -> None:
    """Two hosts that the token may go to."""
    settings.QURE_ALLOWED_HOSTS = ["api.qure.test", "other.qure.test", "127.0.0.1"]


@pytest.fixture
def destination(db: None) -> Destination:
    """A destination with a token."""
    return make_destination(name="Qure", base_url=OWN, token=TOKEN, source="clinic")


def save(client: Client, destination: Destination, **changes: str) -> HttpResponse:
    """Fill the form as it stands, but for the changes, and save it."""
    kept = {name: getattr(destination, name) for name in ("name", "base_url", "source", "scheme")}
    data = {**kept, "new_token": "", **changes}
    return client.post(row_url("destination", destination), data, follow=True)  # type: ignore[return-value]


def stored(destination: Destination) -> Destination:
    return Destination.objects.get(pk=destination.pk)


def test_a_token_is_on_no_page(admin_pages: Client, destination: Destination) -> None:
    read = [admin_pages.get(url) for url in (list_url("destination"), row_url("destination", destination))]
    saved = [
        save(admin_pages, destination, new_token="new-secret", base_url="https://evil.test/"),
        save(admin_pages, destination, new_token="new-secret"),
    ]

    html = "".join(page.content.decode() for page in read)
    html += "".join(page.content.decode() for page in saved)
    assert "not allowed" in html
    assert TOKEN not in html
    assert "new-secret" not in html


def test_a_token_is_not_in_the_administrators_log(admin_pages: Client, destination: Destination) -> None:
    save(admin_pages, destination, new_token="new-secret")

    entry = LogEntry.objects.get()
    assert "Token" in entry.get_change_message()
    assert "new-secret" not in f"{entry.change_message}{entry.object_repr}"


def test_an_empty_field_keeps_the_token(admin_pages: Client, destination: Destination) -> None:
    save(admin_pages, destination, source="other clinic")

    assert (stored(destination).token, stored(destination).source) == (TOKEN, "other clinic")


def test_a_token_is_changed_without_its_spaces(admin_pages: Client, destination: Destination) -> None:
    save(admin_pages, destination, new_token="  new-secret ")

    assert stored(destination).token == "new-secret"


def test_a_new_address_drops_the_token_and_says_so(admin_pages: Client, destination: Destination) -> None:
    response = save(admin_pages, destination, base_url=OTHER)

    assert (stored(destination).base_url, stored(destination).token) == (OTHER, "")
    assert any("A new address needs its token." in sentence for sentence in said(response))


def test_a_new_address_with_its_token_is_taken(admin_pages: Client, destination: Destination) -> None:
    save(admin_pages, destination, base_url=OTHER, new_token="new-secret")

    assert (stored(destination).base_url, stored(destination).token) == (OTHER, "new-secret")


def test_the_limit_that_was_learned_is_shown_and_forgotten_with_the_address(
    admin_pages: Client, destination: Destination
) -> None:
    Destination.objects.update(body_limit=50_000_123)
    shown = admin_pages.get(row_url("destination", destination)).content.decode()
    save(admin_pages, destination, source="other clinic", body_limit="1")
    kept = stored(destination).body_limit

    save(admin_pages, destination, base_url=OTHER, new_token="new-secret")

    assert "50000123" in shown.replace(",", "")
    assert (kept, stored(destination).body_limit) == (50_000_123, None)


@pytest.mark.parametrize(
    "changes",
    [
        {"base_url": "https://evil.test/"},
        {"base_url": "http://api.qure.test/"},
        {"base_url": "https://user:pass@api.qure.test/"},
        {"new_token": "two words"},
        {"new_token": "line\nbreak"},
        {"new_token": "naïve"},
        {"source": "line\r\nX-Evil: 1"},
        {"source": "naïve"},
        {"scheme": "two words"},
    ],
)
def test_what_must_not_be_sent_is_refused_with_a_sentence(
    changes: dict[str, str], admin_pages: Client, destination: Destination
) -> None:
    response = save(admin_pages, destination, **changes)

    assert "errorlist" in response.content.decode()
    facts = stored(destination)
    assert (facts.base_url, facts.token, facts.source, facts.scheme) == (OWN, TOKEN, "clinic", "Token")


def test_a_new_destination_begins_its_trail(admin_pages: Client, administrator: User) -> None:
    data = {"name": "New", "base_url": OWN, "new_token": TOKEN, "source": "", "scheme": "Token"}

    admin_pages.post(f"{list_url('destination')}add/", data)

    destination = Destination.objects.get(name="New")
    assert destination.token == TOKEN
    change = StateChange.objects.get(kind="destination", subjects=[destination.pk])
    assert (change.to_status, change.by) == ("open", f"admin:{administrator.pk}")


def test_a_pause_that_comes_while_the_form_is_open_is_kept(
    administrator: User, destination: Destination
) -> None:
    opened = Destination.objects.get(pk=destination.pk)
    stored(destination).advance(DestinationStatus.PAUSED, "test", alarm="Token not accepted.")
    data = {"name": "Renamed", "base_url": OWN, "new_token": "", "source": "", "scheme": "Token"}
    form = DestinationForm(data, instance=opened)
    assert form.is_valid()
    request = RequestFactory().post("/")
    request.user = administrator

    admin.site.get_model_admin(Destination).save_model(request, opened, form, change=True)

    now = stored(destination)
    assert (now.name, now.status, now.alarm) == ("Renamed", "paused", "Token not accepted.")


def test_a_new_token_resumes_the_destination_and_sends_what_was_held(
    admin_pages: Client, administrator: User, sandbox: Sandbox
) -> None:
    job = job_to(sandbox, token="old-token")
    destination = job.team.destination
    batch = ready_batch(job, images(2))
    work_off()
    assert stored(destination).status == DestinationStatus.PAUSED

    save(admin_pages, destination, new_token=sandbox.token)
    work_off()

    assert stored(destination).status == DestinationStatus.OPEN
    assert Batch.objects.get(pk=batch.pk).status == BatchStatus.ACCEPTED
    assert statuses(batch.job) == [FileStatus.ACCEPTED] * 2
    change = StateChange.objects.get(kind="destination", to_status="open")
    assert change.by == f"admin:{administrator.pk}"


@pytest.mark.parametrize("mended", [{"source": "clinic"}, {"scheme": "Bearer"}])
def test_a_setting_that_is_mended_resumes_a_paused_destination(
    admin_pages: Client, destination: Destination, mended: dict[str, str]
) -> None:
    Destination.objects.filter(pk=destination.pk).update(source="wrong")
    stored(destination).advance(DestinationStatus.PAUSED, "test", alarm="Token not accepted.")

    save(admin_pages, stored(destination), **mended)

    assert (stored(destination).status, stored(destination).alarm) == (DestinationStatus.OPEN, "")


def test_a_name_that_is_changed_resumes_nothing(admin_pages: Client, destination: Destination) -> None:
    destination.advance(DestinationStatus.PAUSED, "test", alarm="Token not accepted.")

    save(admin_pages, destination, name="Renamed")

    assert stored(destination).status == DestinationStatus.PAUSED


def test_resume_lets_a_paused_destination_go_on_and_names_who_did_it(
    admin_pages: Client, administrator: User, destination: Destination
) -> None:
    destination.advance(DestinationStatus.PAUSED, "test", alarm="Token not accepted.")

    response = act(admin_pages, "destination", "resume", destination)

    assert said(response) == ["Sending goes on."]
    assert (stored(destination).status, stored(destination).alarm) == ("open", "")
    assert StateChange.objects.latest("pk").by == f"admin:{administrator.pk}"
