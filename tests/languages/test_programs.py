"""Programs and administrators read English, whatever their browser or library asks for."""

from collections.abc import Callable
from typing import Any, Final

import pytest
from django.db import OperationalError
from django.test import Client
from django.urls import reverse

from tests.factories import make_api_token, make_file, make_team, make_user
from tests.pipeline.journeys import image
from tests.receipts.uploads import accepted_job, short_job, tidied_job
from tests.views.browser import client_of, text_of
from tests.views.posting import post
from tests.views.test_trouble import no_database
from uploads.models import Job
from uploads.reasons import Reason
from uploads.states import FileStatus

pytestmark = pytest.mark.django_db

GERMAN: Final = {"Accept-Language": "de"}
ENGLISH: Final = {"Accept-Language": "en"}


def table_of(job: Job, name: str, headers: dict[str, str]) -> str:
    """A table as a browser of the uploader's gets it."""
    client = Client(headers=headers)
    client.force_login(job.created_by)
    address = reverse(name) if name == "job-list-csv" else reverse(name, args=[job.key])
    return b"".join(client.get(address)).decode()


def refused_job() -> Job:
    """An upload of which files of every outcome were not sent."""
    job = short_job()
    for status in FileStatus:
        make_file(job, status=status, reason=Reason.REFUSED_BY_QURE)
    return job


@pytest.mark.parametrize("name", ["receipt-csv", "job-list-csv"])
@pytest.mark.parametrize("make", [accepted_job, short_job, tidied_job, refused_job])
def test_a_table_is_the_same_for_every_reader(make: Callable[[], Job], name: str) -> None:
    job = make()

    table = table_of(job, name, GERMAN)

    assert table == table_of(job, name, ENGLISH)
    assert "Accepted by Qure" in table or "Needs attention" in table


@pytest.mark.parametrize("name", ["job", "job-list", "receipt"])
def test_the_page_beside_a_table_speaks_the_readers_language(name: str) -> None:
    job = accepted_job()
    client = Client(headers=GERMAN)
    client.force_login(job.created_by)

    page = text_of(client.get(reverse(name, args=[job.key] if name != "job-list" else [])))

    assert '<html lang="de">' in page
    assert "Von Qure angenommen" in page


def test_a_script_is_told_in_english_what_is_wrong_with_a_file() -> None:
    team = make_team()
    token = make_api_token(make_user(team), team)

    answer = post(
        token, [("good", image(1)), ("notes", b"no image"), ("empty", b"")], client_of(None), **GERMAN
    )

    reasons = [Reason.NOT_DICOM.sentence, Reason.EMPTY.sentence]
    assert answer.body["message"] == "Success"
    assert [file["reason"] for file in answer.body["invalid_files"]] == reasons


@pytest.mark.parametrize(
    ("token_is_right", "changes"),
    [
        (False, {}),
        (True, {"content_type": "text/plain"}),
        (True, {"content_type": "multipart/related; boundary=x", "data": b"--y"}),
        (True, {"content_type": "multipart/related", "data": b"--y"}),
        (True, {"content_type": "multipart/related; boundary=x", "headers": {"Content-Length": ""}}),
    ],
    ids=["token", "type", "body", "boundary", "length"],
)
def test_a_refusal_is_the_same_for_every_script(
    token_is_right: bool,
    changes: dict[str, Any],  # Any: the test client's keywords
) -> None:
    team = make_team()
    token = make_api_token(make_user(team), team) if token_is_right else "wrong"

    def refusal(language: dict[str, str]) -> tuple[int, str]:
        headers = {"Authorization": f"Token {token}", **language, **changes.get("headers", {})}
        arguments = {"data": b"", "content_type": "text/plain", **changes, "headers": headers}
        response = client_of(None).post("/studies", **arguments)
        return response.status_code, response.json()["message"]

    assert refusal(GERMAN) == refusal(ENGLISH)


def test_a_script_is_told_of_a_failure_in_english() -> None:
    with no_database(OperationalError):
        answer = post("any", [("a", image(1))], client_of(None), **GERMAN)

    assert (answer.status, answer.body["error"]) == (503, "unavailable")
    assert answer.body["message"] == "The server is busy. Nothing is lost; please try again in a minute."


def test_an_address_beside_the_scripts_door_is_answered_in_english() -> None:
    response = client_of(None).get("/studies/", headers=GERMAN)

    assert response.json()["message"] == "There is nothing here, or it belongs to another team."


@pytest.mark.parametrize("name", ["admin:index", "admin:uploads_job_changelist", "admin:password_change"])
def test_the_administration_is_english(name: str) -> None:
    client = Client(headers=GERMAN)
    client.force_login(make_user(is_staff=True, is_superuser=True))

    response = client.get(reverse(name), follow=True)

    assert response["Content-Language"] == "en"
    assert '<html lang="en' in text_of(response)
