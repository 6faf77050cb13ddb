"""Another FIELD_KEYS: no stored token or secret can be read, and no administrators' page goes with it."""

from typing import Final

import pytest
from cryptography.fernet import Fernet
from django.contrib import admin
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from tests.admin.pages import act, list_url, row_url, said
from tests.admin.rows import Everything
from tests.factories import make_destination, make_user
from tests.pipeline.journeys import images, job_to, ready_batch, statuses, work_off
from tests.sandboxes import Sandbox
from uploads.models import Delivery, Destination, Notice, NoticeKind, Team, Webhook, without_token
from uploads.states import DestinationStatus, FileStatus

pytestmark = pytest.mark.django_db
OWN: Final = "http://127.0.0.1:9/"
KINDS: Final = sorted(
    str(model._meta.model_name)
    for model in admin.site._registry
    if model._meta.app_label == Team._meta.app_label
)


@pytest.fixture(autouse=True)
def allowed_hosts(settings: Settings) -> None:
    """The sandbox is on this machine."""
    settings.QURE_ALLOWED_HOSTS = ["127.0.0.1"]


@pytest.fixture
def rows(everything: Everything, settings: Settings) -> dict[str, Model]:
    """One row of each kind that has pages; then the key is lost."""
    hook = Webhook.objects.create(team=everything.team, url=OWN)
    about = {"user": everything.user, "destination": everything.destination}
    rows = {
        **everything.records(),
        **everything.settings(),
        "webhook": hook,
        "delivery": Delivery.objects.create(webhook=hook, job=everything.job, event="test", body="{}"),
        "notice": Notice.objects.create(kind=NoticeKind.ALARM, **about),
    }
    lose_the_key(settings)
    return rows


def lose_the_key(settings: Settings) -> None:
    """From now on there is another one."""
    settings.FIELD_KEYS = [Fernet.generate_key().decode()]


def form_of(destination: Destination, **changes: str) -> dict[str, str]:
    """The form as it stands, but for the changes."""
    kept = {name: getattr(destination, name) for name in ("name", "base_url", "source", "scheme")}
    return {**kept, "new_token": "", **changes}


@pytest.mark.parametrize("kind", KINDS)
def test_every_list_and_every_row_is_shown(kind: str, admin_pages: Client, rows: dict[str, Model]) -> None:
    history = reverse(f"admin:uploads_{kind}_history", args=[rows[kind].pk])

    pages = [admin_pages.get(url) for url in (list_url(kind), row_url(kind, rows[kind]), history)]

    assert [page.status_code for page in pages] == [200, 200, 200]
    assert row_url(kind, rows[kind]) in pages[0].content.decode()


@pytest.mark.parametrize("kind", KINDS)
def test_somebody_who_may_only_look_is_shown_the_same(
    kind: str, onlooker: Client, rows: dict[str, Model]
) -> None:
    pages = [onlooker.get(url) for url in (list_url(kind), row_url(kind, rows[kind]))]

    assert [page.status_code for page in pages] == [200, 200]


def test_attempts_can_be_narrowed_to_a_destination(
    admin_pages: Client, everything: Everything, rows: dict[str, Model]
) -> None:
    other = make_destination(name="Other account")

    listed = admin_pages.get(list_url("attempt")).content.decode()
    narrowed = admin_pages.get(list_url("attempt"), {"destination__id__exact": everything.destination.pk})

    assert str(other) in listed
    assert narrowed.context["cl"].result_count == 2


def test_a_new_team_can_be_given_a_destination(
    admin_pages: Client, everything: Everything, rows: dict[str, Model]
) -> None:
    inlines = {
        f"{name}-{count}": "0"
        for name in ("memberships", "webhook")
        for count in ("TOTAL_FORMS", "INITIAL_FORMS")
    }
    data = {"name": "Day shift", "destination": everything.destination.pk, **inlines}
    url = reverse("admin:uploads_team_add")

    shown = admin_pages.get(url)
    admin_pages.post(url, data)

    assert everything.destination.name in shown.content.decode()
    assert Team.objects.get(name="Day shift").destination_id == everything.destination.pk


def test_a_webhooks_unreadable_secret_can_be_made_anew(
    admin_pages: Client, everything: Everything, rows: dict[str, Model]
) -> None:
    act(admin_pages, "webhook", "make_new_secret", rows["webhook"])

    assert Webhook.objects.get().secret.startswith("whsec_")


def test_the_token_is_entered_again_and_what_was_held_is_sent(
    admin_pages: Client, sandbox: Sandbox, settings: Settings
) -> None:
    job = job_to(sandbox)
    destination = job.team.destination
    ready_batch(job, images(2))
    lose_the_key(settings)
    work_off()
    locked = without_token(Destination.objects.all()).get()
    assert (locked.status, "entered again" in locked.alarm) == (DestinationStatus.PAUSED, True)

    admin_pages.post(row_url("destination", destination), form_of(locked, new_token=sandbox.token))
    work_off()

    mended = Destination.objects.get()
    assert (mended.status, mended.alarm, mended.token) == (DestinationStatus.OPEN, "", sandbox.token)
    assert statuses(job) == [FileStatus.ACCEPTED] * 2


def test_the_key_comes_back_and_what_was_held_is_sent_when_sending_is_resumed(
    admin_pages: Client, sandbox: Sandbox, settings: Settings
) -> None:
    job = job_to(sandbox)
    ready_batch(job, images(2))
    keys = settings.FIELD_KEYS
    lose_the_key(settings)
    work_off()
    settings.FIELD_KEYS = keys

    act(admin_pages, "destination", "resume", job.team.destination)
    work_off()

    assert statuses(job) == [FileStatus.ACCEPTED] * 2


def test_sending_that_is_resumed_without_the_token_is_paused_again(
    admin_pages: Client, sandbox: Sandbox, settings: Settings
) -> None:
    job = job_to(sandbox)
    ready_batch(job, images(2))
    lose_the_key(settings)
    work_off()

    response = act(admin_pages, "destination", "resume", job.team.destination)
    work_off()

    assert said(response) == ["Sending goes on."]
    assert without_token(Destination.objects.all()).get().status == DestinationStatus.PAUSED


def test_a_source_that_is_mended_leaves_the_unreadable_token_alone(
    admin_pages: Client, settings: Settings
) -> None:
    destination = make_destination(base_url=OWN)
    destination.advance(DestinationStatus.PAUSED, "test", alarm="Token not accepted.")
    keys = settings.FIELD_KEYS
    lose_the_key(settings)

    response = admin_pages.post(row_url("destination", destination), form_of(destination, source="clinic"))

    settings.FIELD_KEYS = keys
    kept = Destination.objects.get()
    assert response.status_code == 302
    assert (kept.source, kept.token, kept.status) == ("clinic", "test-token", DestinationStatus.OPEN)


def test_the_administrators_notices_are_shown(
    everything: Everything, rows: dict[str, Model], admin_pages: Client
) -> None:
    client = Client()
    client.force_login(everything.user)

    page = client.get(reverse("notice-list"))

    assert page.status_code == 200
    assert everything.destination.name in page.content.decode()


def test_administrators_are_told_by_mail(
    sandbox: Sandbox, settings: Settings, mailoutbox: list[object]
) -> None:
    make_user(is_staff=True, is_superuser=True, email="admin@hospital.test")
    job = job_to(sandbox)
    ready_batch(job, images(1))
    lose_the_key(settings)

    work_off()
    work_off()  # what there is to be mailed

    (mail,) = mailoutbox
    assert "entered again" in mail.body  # type: ignore[attr-defined]  # a mail
