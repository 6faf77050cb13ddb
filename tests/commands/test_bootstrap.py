"""What is there stays; what changed in the environment is taken over."""

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from tests.factories import make_job, make_team
from tests.pipeline.journeys import images, ready_batch, statuses, work_off
from tests.sandboxes import Sandbox
from uploads.models import ApiToken, Destination, Membership, StateChange, Team, without_token
from uploads.states import DestinationStatus, FileStatus

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def account(settings: Settings) -> None:
    """What the environment says."""
    settings.QURE_BASE_URL = "https://api.qure.test/"
    settings.QURE_TOKEN = "first-token"
    settings.QURE_SOURCE = "clinic"


def credentials(folder: Path) -> dict[str, Any]:  # Any: decoded JSON
    return dict(json.loads((folder / "demo-credentials.json").read_text(encoding="utf-8")))


def test_the_destination_is_made_as_the_environment_says() -> None:
    call_command("bootstrap")

    made = Destination.objects.get()
    assert (made.base_url, made.token, made.source) == ("https://api.qure.test/", "first-token", "clinic")
    assert StateChange.objects.get().by == "command:bootstrap"


def test_to_run_it_again_changes_nothing() -> None:
    call_command("bootstrap")
    before = Destination.objects.values().get()

    call_command("bootstrap")

    assert Destination.objects.values().get() == before
    assert StateChange.objects.count() == 1


def test_a_paused_destination_stays_paused_when_nothing_has_changed() -> None:
    call_command("bootstrap")
    Destination.objects.get().advance(DestinationStatus.PAUSED, "test", alarm="Token not accepted.")

    call_command("bootstrap")

    assert Destination.objects.get().status == DestinationStatus.PAUSED


def test_a_changed_token_is_taken_over_and_what_was_held_is_sent(
    settings: Settings, sandbox: Sandbox
) -> None:
    settings.QURE_BASE_URL = sandbox.base_url
    call_command("bootstrap")
    job = make_job(make_team(destination=Destination.objects.get()))
    ready_batch(job, images(2))
    work_off()
    assert Destination.objects.get().status == DestinationStatus.PAUSED
    settings.QURE_TOKEN = sandbox.token

    call_command("bootstrap")
    work_off()

    assert Destination.objects.get().status == DestinationStatus.OPEN
    assert statuses(job) == [FileStatus.ACCEPTED] * 2


def test_what_an_administrator_has_changed_survives_the_next_start() -> None:
    call_command("bootstrap")
    Destination.objects.update(source="changed by hand")
    destination = Destination.objects.get()
    destination.token = "changed by hand"
    destination.save()

    call_command("bootstrap")

    kept = Destination.objects.get()
    assert (kept.token, kept.source) == ("changed by hand", "changed by hand")


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [("QURE_SOURCE", "another clinic", 7), ("QURE_BASE_URL", "https://other.qure.test/", None)],
)
def test_what_was_learned_of_an_address_is_forgotten_with_it(
    settings: Settings, name: str, value: str, kept: int | None
) -> None:
    call_command("bootstrap")
    Destination.objects.update(body_limit=7)
    setattr(settings, name, value)

    call_command("bootstrap")

    assert Destination.objects.get().body_limit == kept


def lose_the_key(settings: Settings) -> None:
    """No stored token can be read any more."""
    settings.FIELD_KEYS = [Fernet.generate_key().decode()]


def test_with_another_key_the_environments_token_is_stored_again_and_what_was_held_is_sent(
    settings: Settings, sandbox: Sandbox
) -> None:
    settings.QURE_BASE_URL, settings.QURE_TOKEN = sandbox.base_url, sandbox.token
    call_command("bootstrap", demo=True)
    job = make_job(Team.objects.get(), created_by=User.objects.get(username="clinician"))
    ready_batch(job, images(2))
    lose_the_key(settings)
    work_off()
    assert without_token(Destination.objects.all()).get().status == DestinationStatus.PAUSED

    call_command("bootstrap", demo=True)
    work_off()

    mended = Destination.objects.get()
    assert (mended.token, mended.status) == (sandbox.token, DestinationStatus.OPEN)
    assert statuses(job) == [FileStatus.ACCEPTED] * 2


def test_with_another_key_a_changed_token_is_taken_over(settings: Settings) -> None:
    call_command("bootstrap")
    lose_the_key(settings)
    settings.QURE_TOKEN = "second-token"

    call_command("bootstrap")

    assert Destination.objects.get().token == "second-token"


@pytest.mark.parametrize(
    "by_hand", [{"base_url": "https://other.qure.test/"}, {"source": "other clinic"}, {"scheme": "Bearer"}]
)
def test_with_another_key_the_environments_token_is_not_given_to_an_account_that_was_entered_by_hand(
    settings: Settings, by_hand: dict[str, str]
) -> None:
    call_command("bootstrap")
    Destination.objects.update(token="of another account", **by_hand)
    keys = settings.FIELD_KEYS
    lose_the_key(settings)

    call_command("bootstrap")

    settings.FIELD_KEYS = keys
    assert Destination.objects.get().token == "of another account"


def test_with_another_key_and_no_token_in_the_environment_the_stored_one_waits_for_its_key(
    settings: Settings,
) -> None:
    settings.QURE_TOKEN = ""
    call_command("bootstrap")
    Destination.objects.update(token="entered by hand")
    keys = settings.FIELD_KEYS
    lose_the_key(settings)

    call_command("bootstrap")

    settings.FIELD_KEYS = keys
    assert Destination.objects.get().token == "entered by hand"


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("", "Set QURE_BASE_URL and QURE_TOKEN."),
        ("http://api.qure.test/", "must begin with https"),
        ("https://user@api.qure.test/", "without a user name"),
    ],
)
def test_an_address_that_cannot_be_used_is_a_sentence(url: str, sentence: str, settings: Settings) -> None:
    settings.QURE_BASE_URL = url

    with pytest.raises(CommandError, match=sentence):
        call_command("bootstrap")

    assert not Destination.objects.exists()


def test_without_the_demo_there_is_nobody() -> None:
    call_command("bootstrap")

    assert (User.objects.count(), Team.objects.count(), ApiToken.objects.count()) == (0, 0, 0)


def test_the_demos_people_can_sign_in_with_what_the_file_says(data_folder: Path) -> None:
    call_command("bootstrap", demo=True)

    people = credentials(data_folder)["users"]
    assert [person["role"] for person in people] == ["clinician", "administrator"]
    for person in people:
        form = {"login": person["username"], "password": person["password"]}
        assert Client().post(reverse("account_login"), form).status_code == 302
    assert User.objects.get(is_superuser=True).username == "administrator"


def test_the_file_is_its_owners_alone(data_folder: Path) -> None:
    call_command("bootstrap", demo=True)

    assert (data_folder / "demo-credentials.json").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in data_folder.iterdir()] == ["demo-credentials.json"]


def test_two_demos_have_different_secrets(data_folder: Path) -> None:
    call_command("bootstrap", demo=True)
    first = credentials(data_folder)
    (data_folder / "demo-credentials.json").unlink()
    User.objects.all().delete()

    call_command("bootstrap", demo=True)

    second = credentials(data_folder)
    passwords = {person["password"] for kept in (first, second) for person in kept["users"]}
    assert len(passwords) == 4
    assert first["api_token"] != second["api_token"]


def test_the_demo_stays_as_it_is_at_the_next_start(data_folder: Path) -> None:
    call_command("bootstrap", demo=True)
    before = (credentials(data_folder), list(User.objects.values_list("password")))

    call_command("bootstrap", demo=True)

    assert (credentials(data_folder), list(User.objects.values_list("password"))) == before
    assert (ApiToken.objects.count(), Membership.objects.count()) == (1, 2)


def test_a_password_that_was_changed_is_kept_no_more_and_stays_its_owners(data_folder: Path) -> None:
    call_command("bootstrap", demo=True)
    told = credentials(data_folder)["users"]
    clinician = User.objects.get(username="clinician")
    clinician.set_password("my own words")
    clinician.save()

    for _ in range(2):
        call_command("bootstrap", demo=True)

        kept = credentials(data_folder)["users"]
        assert kept == [{**told[0], "password": ""}, told[1]]
        assert User.objects.get(username="clinician").check_password("my own words")


def test_a_lost_file_means_new_passwords_for_the_same_people(data_folder: Path) -> None:
    call_command("bootstrap", demo=True)
    (data_folder / "demo-credentials.json").unlink()

    call_command("bootstrap", demo=True)

    person = credentials(data_folder)["users"][0]
    assert User.objects.count() == 2
    assert User.objects.get(username=person["username"]).check_password(person["password"])


def test_a_revoked_token_is_replaced(data_folder: Path) -> None:
    call_command("bootstrap", demo=True)
    first = credentials(data_folder)["api_token"]
    ApiToken.objects.all().delete()

    call_command("bootstrap", demo=True)

    assert credentials(data_folder)["api_token"] != first
