"""The upload page of an upload that was interrupted."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponseBase
from django.test import Client
from django.utils.timezone import now

from tests.factories import make_file, make_job, make_patient, make_team, make_user
from tests.views.browser import client_of, text_of
from uploads.models import File, Job, Source
from uploads.pipeline.manifest import path_digest
from uploads.reasons import Reason
from uploads.states import FileStatus, JobStatus, PatientStatus

pytestmark = pytest.mark.django_db


def begun_by(team_name: str = "Radiology") -> tuple[Job, Client]:
    """An upload of a team, and a colleague's browser."""
    team = make_team(name=team_name)
    colleague = make_user(team)
    return make_job(team=team, created_by=make_user(team)), client_of(colleague)


def resumed_of(response: HttpResponseBase) -> dict[str, dict[str, Any]]:  # Any: decoded JSON
    found = re.search(r'<script id="resumed" type="application/json">(.*?)</script>', text_of(response))
    assert found
    data: dict[str, dict[str, Any]] = json.loads(found[1])
    return data


def test_a_colleague_sees_how_much_is_here_and_which_files_belong_to_it() -> None:
    job, client = begun_by()
    make_file(job, path="CD/1", size=10, status=FileStatus.RECEIVED)
    make_file(job, path="CD/2", size=20, status=FileStatus.DECLARED)

    response = client.get(f"/upload/?job={job.key}")

    assert "1 of 2 are here: choose the same folder again." in text_of(response)
    assert resumed_of(response)["files"] == {
        "wanted": {path_digest("CD/2")[:16]: 20},
        "here": {path_digest("CD/1")[:16]: 10},
        "left_out": [],
        "letters": 16,
        "names": [""],
        "adding": None,
        "is_open": True,
    }
    assert resumed_of(response)["urls"]["manifest_url"] == f"/intake/jobs/{job.key}/manifest/"


def test_nothing_of_a_path_is_told() -> None:
    job, client = begun_by()
    make_file(job, path="CD/DOE JANE/1", status=FileStatus.DECLARED)

    response = client.get(f"/upload/?job={job.key}")

    assert "DOE" not in text_of(response)


@pytest.mark.parametrize("key", ["f3b0e3e4-2f6d-4b0a-9f52-0d6f0e6d1c11", "", "no-key", "' or 1=1"])
def test_what_is_no_upload_of_the_team_is_not_found(key: str) -> None:
    _, client = begun_by()

    assert client.get("/upload/", {"job": key}).status_code == 404


def test_another_team_s_upload_is_not_found() -> None:
    job, _ = begun_by("One")
    _, stranger = begun_by("Other")

    assert stranger.get(f"/upload/?job={job.key}").status_code == 404


def test_of_what_came_damaged_any_copy_is_wanted_but_not_what_was_left_out_as_expected() -> None:
    job, client = begun_by()
    job.advance(JobStatus.PROCESSING, "test")
    make_file(job, path="CD/1", size=10, status=FileStatus.REJECTED, reason=Reason.TRUNCATED_PIXELS)
    junk = make_file(job, path="CD/viewer.exe", status=FileStatus.IGNORED, reason=Reason.NOT_DICOM)
    File.objects.filter(pk=junk.pk).update(is_left_out=True)

    response = client.get(f"/upload/?job={job.key}")

    files = resumed_of(response)["files"]
    assert "1 file is missing: choose the same folder again" in text_of(response)
    assert files["wanted"] == {path_digest("CD/1")[:16]: None}
    assert files["left_out"] == [path_digest("CD/viewer.exe")[:16]]
    assert files["is_open"] is False


@pytest.mark.parametrize("status", [JobStatus.UPLOADING, JobStatus.PROCESSING, JobStatus.ACCEPTED])
def test_whoever_adds_files_gets_a_page_with_a_name_of_its_own_for_them(status: JobStatus) -> None:
    job, client = begun_by()
    Job.objects.filter(pk=job.pk).update(status=status)

    first, second = (client.post(f"/jobs/{job.key}/add/").headers["Location"] for _ in range(2))
    response = client.get(second)

    assert [first, second] == [f"/upload/?job={job.key}&add={number}" for number in (1, 2)]
    assert "What you choose here is added to this upload." in text_of(response)
    assert resumed_of(response)["files"]["adding"] == "added 2/"
    assert resumed_of(response)["files"]["names"] == ["", "added 2/", "added 1/"]
    assert Job.objects.get(pk=job.pk).status == status


def test_after_many_additions_the_page_still_knows_its_own_name() -> None:
    job, client = begun_by()
    Job.objects.filter(pk=job.pk).update(additions=50)

    files = resumed_of(client.get(f"/upload/?job={job.key}&add=3"))["files"]

    assert files["adding"] in files["names"]


@pytest.mark.parametrize("number", ["0", "2", "-1", "x", "", "1.0", "9" * 5000])
def test_a_number_that_nobody_was_given_adds_nothing(number: str) -> None:
    job, client = begun_by()
    Job.objects.filter(pk=job.pk).update(additions=1)

    response = client.get("/upload/", {"job": str(job.key), "add": number})

    assert resumed_of(response)["files"]["adding"] is None


@pytest.mark.parametrize(
    ("status", "hours"), [(JobStatus.CANCELLED, 0), (JobStatus.ACCEPTED, 100), (JobStatus.ATTENTION, 100)]
)
def test_an_upload_that_takes_no_more_files_offers_none_to_add(status: JobStatus, hours: int) -> None:
    job, client = begun_by()
    make_file(job, status=FileStatus.MISSING, reason=Reason.NEVER_ARRIVED)
    then = now() - timedelta(hours=hours)
    Job.objects.filter(pk=job.pk).update(status=status, last_arrival_at=then)

    page = text_of(client.get(f"/jobs/{job.key}/"))
    added = client.post(f"/jobs/{job.key}/add/")
    missing = client.get(f"/upload/?job={job.key}")

    assert "Add files" not in page
    assert "Send the missing" not in page
    assert {added.headers["Location"], missing.headers["Location"]} == {f"/jobs/{job.key}/"}
    assert Job.objects.get(pk=job.pk).additions == 0


def test_the_page_of_an_upload_offers_to_send_what_is_missing() -> None:
    job, client = begun_by()
    Job.objects.filter(pk=job.pk).update(status=JobStatus.ATTENTION)
    make_file(job, status=FileStatus.ACCEPTED)
    make_file(job, status=FileStatus.MISSING, reason=Reason.NEVER_ARRIVED)
    make_file(job, status=FileStatus.MISSING, reason=Reason.STAGED_BYTES_LOST)
    make_file(job, status=FileStatus.REJECTED, reason=Reason.TRUNCATED_PIXELS)
    make_file(job, status=FileStatus.REJECTED, reason=Reason.TOO_LARGE)

    page = text_of(client.get(f"/jobs/{job.key}/"))

    assert f'href="/upload/?job={job.key}">Send the missing 3</a>' in page


@pytest.mark.parametrize("status", [status for status in JobStatus if status != JobStatus.UPLOADING])
def test_an_upload_that_waits_for_no_files_shows_its_own_page(status: JobStatus) -> None:
    job, client = begun_by()
    Job.objects.filter(pk=job.pk).update(status=status)

    response = client.get(f"/upload/?job={job.key}")

    assert response.headers["Location"] == f"/jobs/{job.key}/"


def test_the_page_of_an_upload_under_way_leads_to_it() -> None:
    job, client = begun_by()

    page = text_of(client.get(f"/jobs/{job.key}/"))

    assert f'href="/upload/?job={job.key}"' in page


def test_whose_images_the_upload_may_send_is_told_by_their_keys_and_names() -> None:
    job, client = begun_by()
    make_patient(job, name="DOE^JANE", match_key="seen", status=PatientStatus.CONFIRMED)
    make_patient(job, name="ROE^JOHN", match_key="held back")
    Job.objects.update(confirmed={"announced": "user:1"})

    response = client.get(f"/upload/?job={job.key}")

    assert resumed_of(response)["patients"] == {"keys": ["announced", "seen"], "names": ["DOE, JANE"]}


@pytest.mark.parametrize(
    ("values", "is_named"),
    [
        ({}, True),
        ({"last_arrival_at": now() - timedelta(minutes=3)}, True),
        ({"status": JobStatus.ACCEPTED}, False),
        ({"source": Source.SCRIPT}, False),
        ({"last_arrival_at": now() + timedelta(hours=1)}, False),
    ],
    ids=["unfinished", "broken off just now", "finished", "a script's", "under way"],
)
def test_a_person_is_told_of_unfinished_uploads_of_their_own(values: dict[str, Any], is_named: bool) -> None:
    job, colleague = begun_by()
    Job.objects.update(**{"last_arrival_at": now() - timedelta(hours=1), **values})

    own = text_of(client_of(job.created_by).get("/upload/"))

    assert ("1 of your uploads is not finished." in own) is is_named
    assert "of your uploads" not in text_of(colleague.get("/upload/"))
