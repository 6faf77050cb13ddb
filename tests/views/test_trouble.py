"""A storage or a database that fails is said with how long to wait; nothing is lost, and the retry works."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import InterfaceError, OperationalError, connection
from django.db.backends.utils import CursorWrapper
from django.urls import reverse

from tests.dicoms import dicom_bytes
from tests.factories import make_api_token
from tests.views.browser import Browser, client_of, numbered, objects_in, open_browser, text_of
from tests.views.conftest import Store
from tests.views.posting import post
from uploads.states import FileStatus

pytestmark = pytest.mark.django_db

STORAGES = {
    "FullDisk": (507, "storage_full", "60"),
    "BrokenDisk": (503, "storage_unavailable", "30"),
    "ReadOnlyDisk": (503, "storage_unavailable", "30"),
    "BucketOutOfReach": (503, "storage_unavailable", "30"),
    "BucketRefuses": (503, "storage_unavailable", "30"),
}


@contextmanager
def no_database(error: type[Exception]) -> Iterator[None]:
    """Let every query fail as it does when the database is locked or gone."""

    def fail(execute: object, sql: str, *arguments: object) -> None:
        raise error("PHANTOM^TEST is locked")

    with connection.execute_wrapper(fail):
        yield


@pytest.mark.parametrize("storage", STORAGES)
def test_a_storage_that_fails_keeps_the_parcel_waiting_and_what_was_there(
    browser: Browser, storage: str, store_in: Store, staging_of_its_own: Path
) -> None:
    members, key = numbered(browser.choose(5, 6), [b"first", b"second"]), uuid.uuid4()
    browser.send(members[:1])
    kept = objects_in(staging_of_its_own)

    store_in(storage)
    refused = browser.send(members[1:], key=key)
    left = objects_in(staging_of_its_own)
    store_in("")
    taken = browser.send(members[1:], key=key)

    assert (*refused.refusal, refused.retry_after) == STORAGES[storage]
    assert left == kept
    assert taken.status == 201
    assert browser.statuses() == [FileStatus.RECEIVED] * 2


@pytest.mark.parametrize("storage", STORAGES)
def test_a_script_whose_request_found_no_storage_sends_it_again_into_the_same_upload(
    browser: Browser, storage: str, store_in: Store
) -> None:
    token = make_api_token(browser.job.created_by, browser.job.team)
    parts = [("one.dcm", dicom_bytes())]

    store_in(storage)
    refused = post(token, parts)
    store_in("")
    taken = post(token, parts)

    assert (*refused.refusal, refused.retry_after) == STORAGES[storage]
    assert taken.status == 200
    assert browser.job.team.jobs.count() == 2  # the browser's, and one for both requests


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
@pytest.mark.parametrize("name", ["add-manifest", "add-parcel", "report-unreadable"])
def test_a_script_of_the_page_is_told_to_wait_for_the_database(
    browser: Browser, name: str, error: type[Exception]
) -> None:
    with no_database(error):
        answer = browser.post(browser.url(name), b"{}")

    assert answer.refusal == (503, "unavailable")
    assert answer.retry_after == "10"


def test_a_script_is_told_to_wait_for_the_database(browser: Browser) -> None:
    token = make_api_token(browser.job.created_by, browser.job.team)

    with no_database(OperationalError):
        answer = post(token, [("one.dcm", dicom_bytes())])

    assert answer.refusal == (503, "unavailable")


@pytest.mark.parametrize("name", ["upload", "job-list", "token-list", "account_login"])
def test_a_person_gets_a_plain_page_that_says_nothing_is_lost(browser: Browser, name: str) -> None:
    with no_database(OperationalError):
        response = browser.client.get(reverse(name))

    assert response.status_code == 503
    assert response["Retry-After"] == "10"
    assert "Nothing that was uploaded is lost" in text_of(response)
    assert "PHANTOM" not in text_of(response)


def test_an_unforeseen_failure_is_a_plain_page_without_its_words(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("PHANTOM^TEST")

    monkeypatch.setattr(CursorWrapper, "execute", fail)

    response = browser.client.get(reverse("upload"))

    assert response.status_code == 500
    assert "Something went wrong on our side" in text_of(response)
    assert "PHANTOM" not in text_of(response)


def test_the_database_comes_back_and_the_parcel_is_taken(browser: Browser) -> None:
    members, key = numbered(browser.choose(5), [b"first"]), uuid.uuid4()

    with no_database(OperationalError):
        browser.send(members, key=key)
    answer = browser.send(members, key=key)

    assert answer.status == 201


@pytest.mark.django_db(transaction=True)
def test_a_parcel_whose_commit_was_carried_out_and_never_answered_is_acknowledged_when_it_comes_again(
    monkeypatch: pytest.MonkeyPatch, staging_of_its_own: Path
) -> None:
    browser = open_browser()
    members, key = numbered(browser.choose(5), [b"first"]), uuid.uuid4()
    commit = connection._commit  # type: ignore[attr-defined]  # django-stubs leaves it out

    def commit_unheard() -> None:
        commit()
        raise OperationalError("the connection was lost")

    with monkeypatch.context() as patch:
        patch.setattr(connection, "_commit", commit_unheard)
        refused = browser.send(members, key=key)
    again = browser.send(members, key=key)

    assert (refused.refusal, again.status) == ((503, "unavailable"), 200)
    assert (browser.job.parcels.count(), len(objects_in(staging_of_its_own))) == (1, 1)


def test_the_probe_of_readiness_says_that_the_database_does_not_answer() -> None:
    with no_database(OperationalError):
        response = client_of(None).get(reverse("ready"))

    assert (response.status_code, text_of(response)) == (503, "the database does not answer")
    assert response["Content-Type"] == "text/plain"


def test_the_probe_of_life_does_not_ask_the_database() -> None:
    with no_database(OperationalError):
        response = client_of(None).get(reverse("alive"))

    assert (response.status_code, text_of(response)) == (200, "ok")
