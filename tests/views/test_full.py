"""No room: every door says so before anything is kept, and what is in already is finished."""

import uuid
from dataclasses import dataclass
from typing import Final

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from pytest_django.fixtures import Settings

from tests.factories import make_api_token, make_team, make_user
from tests.pipeline.journeys import image, job_to, work_off
from tests.sandboxes import Sandbox
from tests.views.browser import Browser, client_of, text_of
from tests.views.posting import post
from uploads.models import Job
from uploads.states import JobStatus

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Limit:
    """A setting, a value that leaves no room, and how that is answered."""

    setting: str
    value: int
    status: int
    code: str
    words: str


FULL: Final = {
    "team": Limit("UPLOAD_TEAM_MAX_BYTES", 1, 507, "team_full", "Your team has as much on its way to Qure"),
    "waiting": Limit("UPLOAD_WAITING_MAX_FILES", 0, 429, "too_much_waits", "Very much is waiting to be sent"),
    "disk": Limit(
        "UPLOAD_FREE_BYTES_FLOOR", 2**62, 507, "storage_full", "The server has no room at the moment."
    ),
}
each_limit = pytest.mark.parametrize("limit", FULL.values(), ids=FULL)


@each_limit
def test_the_upload_page_is_told_with_the_manifest(
    browser: Browser, settings: Settings, limit: Limit
) -> None:
    setattr(settings, limit.setting, limit.value)

    answer = browser.declare({"files": [{"path": "CD/IM1", "size": 100}], "last": True})

    assert answer.refusal == (limit.status, limit.code)
    assert answer.body["message"].startswith(limit.words)
    assert answer.retry_after == "60"
    assert browser.statuses() == []


@each_limit
def test_a_script_is_told_before_anything_is_kept(settings: Settings, limit: Limit) -> None:
    team = make_team()
    token = make_api_token(make_user(team), team)
    setattr(settings, limit.setting, limit.value)

    answer = post(token, [("a.dcm", image(1))])

    assert answer.refusal == (limit.status, limit.code)
    assert answer.body["message"].startswith(limit.words)
    assert answer.retry_after == "60"
    assert not Job.objects.exists()


@each_limit
def test_the_plain_form_is_told_on_a_page(settings: Settings, limit: Limit) -> None:
    setattr(settings, limit.setting, limit.value)
    files = [SimpleUploadedFile("IM1", image(1))]

    response = client_of(make_user(make_team())).post(
        "/upload/form/", {"request": str(uuid.uuid4()), "files": files}
    )

    assert response.status_code == limit.status
    assert limit.words in text_of(response)
    assert not Job.objects.exists()


@pytest.mark.parametrize("limit", [FULL["team"], FULL["waiting"]], ids=["team", "waiting"])
def test_what_was_announced_before_comes_in_and_is_finished(
    sandbox: Sandbox, settings: Settings, limit: Limit
) -> None:
    job = job_to(sandbox)
    browser = Browser(client_of(job.created_by), job)
    content = image(1)
    (number,) = browser.choose(len(content))
    setattr(settings, limit.setting, limit.value)

    answer = browser.send([(str(number), content)])
    work_off()

    assert answer.status == 201
    assert Job.objects.get().status == JobStatus.ACCEPTED


@each_limit
def test_to_repeat_a_manifest_needs_no_room(browser: Browser, settings: Settings, limit: Limit) -> None:
    before = browser.choose(100)
    setattr(settings, limit.setting, limit.value)

    assert browser.choose(100) == before


def test_files_that_are_refused_anyway_need_no_room(browser: Browser, settings: Settings) -> None:
    settings.UPLOAD_TEAM_MAX_BYTES = 1

    assert len(browser.choose(0, settings.UPLOAD_FILE_MAX_BYTES + 1)) == 2


def test_files_that_are_chosen_again_need_room_again(browser: Browser, settings: Settings) -> None:
    (number,) = browser.choose(100)
    browser.report({"numbers": [number]})
    settings.UPLOAD_TEAM_MAX_BYTES = 1

    answer = browser.declare({"files": [{"path": "CD/IM0000", "size": 100}], "last": True})

    assert answer.refusal == (507, "team_full")
