"""The plain form, as a browser without JavaScript sends it."""

import io
import re
import uuid
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django.fixtures import Settings

from tests.dicoms import truncated
from tests.factories import make_team, make_user
from tests.pipeline.journeys import image, reasons, statuses, work_off
from tests.views.browser import client_of, objects_in, text_of
from uploads.models import Job, Source, Team
from uploads.reasons import Reason
from uploads.states import FileStatus, JobStatus, PatientStatus

pytestmark = pytest.mark.django_db
FORM = "/upload/form/"


@pytest.fixture
def team() -> Team:
    return make_team()


@pytest.fixture
def client(team: Team) -> Client:
    return client_of(make_user(team))


def post(client: Client, *files: tuple[str, bytes], **fields: str) -> Any:  # Any: Django's test response
    """Press the form's button."""
    chosen = [SimpleUploadedFile(name, content) for name, content in files]
    return client.post(FORM, {"request": str(uuid.uuid4()), "files": chosen, **fields})


def zipped(*files: tuple[str, bytes]) -> bytes:
    """An archive of the files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return out.getvalue()


def paths(job: Job) -> list[str]:
    return list(job.files.order_by("number").values_list("path", flat=True))


def test_files_and_the_members_of_an_archive_are_one_upload_and_its_page_follows(client: Client) -> None:
    archive = zipped(("CD/IM1", image(1)), ("CD/IM2", image(2)))

    response = post(client, ("IM0", image(0)), ("CD.zip", archive))

    job = Job.objects.get()
    assert (response.status_code, response.headers["Location"]) == (303, f"/jobs/{job.key}/")
    assert paths(job) == ["IM0", "CD.zip/CD/IM1", "CD.zip/CD/IM2"]
    assert statuses(job) == [FileStatus.RECEIVED] * 3


def test_nothing_is_sent_before_somebody_says_whose_images_they_are(client: Client) -> None:
    post(client, ("IM0", image(0)))
    work_off()

    job = Job.objects.get()
    assert job.patients.get().status == PatientStatus.UNCONFIRMED
    assert (statuses(job), reasons(job)) == ([FileStatus.QUARANTINED], [Reason.UNCONFIRMED_PATIENT])
    assert not job.batches.exists()


def test_what_the_form_says_of_the_upload_is_kept(client: Client, team: Team) -> None:
    other = make_team()
    other.memberships.create(user=User.objects.get())

    post(client, ("IM0", image(0)), note=" second  look ", stat="yes", team=str(other.key))

    job = Job.objects.get()
    assert (job.team, job.note, job.is_stat, job.source) == (other, "second look", True, Source.BROWSER)


def test_equal_names_stay_two_files(client: Client) -> None:
    post(client, ("IM0", image(0)), ("IM0", image(1)))

    assert paths(Job.objects.get()) == ["IM0", "IM0 (2)"]


def test_large_files_are_staged_in_several_parcels(client: Client, settings: Settings) -> None:
    settings.UPLOAD_PARCEL_MAX_BYTES = 2 * len(image(0))

    post(client, *((f"IM{number}", image(number)) for number in range(5)))

    job = Job.objects.get()
    assert job.parcels.count() == 3
    assert statuses(job) == [FileStatus.RECEIVED] * 5


def test_a_button_that_is_pressed_twice_makes_one_upload(client: Client) -> None:
    key = str(uuid.uuid4())

    for _ in range(2):
        post(client, ("IM0", image(0)), request=key)

    assert Job.objects.get().files.count() == 1


def test_a_form_that_is_gone_back_to_for_other_files_makes_another_upload(client: Client) -> None:
    key = str(uuid.uuid4())

    for number in range(2):
        post(client, ("IM0", image(number)), request=key)

    assert Job.objects.count() == 2


def test_what_of_an_archive_cannot_be_had_is_named_beside_the_rest(client: Client) -> None:
    archive = zipped(("IM1", image(1)), ("INNER.zip", zipped(("IM2", image(2)))), ("viewer.exe", b"MZ"))

    post(client, ("CD.zip", archive), ("CUT.zip", archive[:-40]), ("CUT", truncated()))
    work_off()

    job = Job.objects.get()
    found = dict(zip(paths(job), reasons(job), strict=True))
    assert found == {
        "CD.zip/IM1": Reason.UNCONFIRMED_PATIENT,
        "CD.zip/viewer.exe": Reason.NOT_DICOM,
        "CUT": Reason.TRUNCATED_PIXELS,
        "CD.zip/INNER.zip": Reason.ARCHIVE_NESTED,
        "CUT.zip": Reason.ARCHIVE_DAMAGED,
    }


def test_an_upload_of_which_nothing_can_be_taken_says_so_on_its_page(client: Client) -> None:
    post(client, ("CUT.zip", zipped(("IM1", image(1)))[:-40]))
    work_off()

    job = Job.objects.get()
    assert job.status == JobStatus.ATTENTION
    assert "The archive is damaged or cut off." in text_of(client.get(f"/jobs/{job.key}/"))


@pytest.mark.parametrize(
    ("fields", "status", "sentence"),
    [
        ({}, 400, "No file was chosen."),
        ({"request": "no key"}, 400, "The request names no valid key."),
        ({"note": "x" * 201}, 400, "A note may hold at most 200 characters."),
        ({"team": str(uuid.uuid4())}, 404, "You belong to no such team."),
        ({"team": "x"}, 400, "The request names no valid key."),
    ],
)
def test_a_form_that_cannot_be_taken_is_answered_by_a_page_that_says_why(
    client: Client, fields: dict[str, str], status: int, sentence: str
) -> None:
    files = [("IM0", image(0))] if fields else []

    response = post(client, *files, **fields)

    assert response.status_code == status
    assert sentence in text_of(response)
    assert "Go to the upload page" in text_of(response)
    assert not Job.objects.exists()


def test_more_than_a_request_may_hold_is_refused_with_the_limit(client: Client, settings: Settings) -> None:
    settings.POSTED_MAX_BYTES = 1000

    response = post(client, ("IM0", bytes(2000)))

    assert response.status_code == 413
    assert "One request may hold at most 1,000 bytes." in text_of(response)


def test_a_form_that_was_cut_off_leaves_nothing(client: Client, staging_of_its_own: Path) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="files"; filename="IM0"\r\n\r\nhalf'

    response = client.post(FORM, body, content_type="multipart/form-data; boundary=x")

    assert response.status_code == 400
    assert not Job.objects.exists()
    assert objects_in(staging_of_its_own) == []


@pytest.mark.parametrize("is_right", [True, False])
def test_the_token_of_the_page_is_compared(team: Team, is_right: bool) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_user(team))
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', text_of(client.get("/upload/")))
    assert found

    response = post(client, ("IM0", image(0)), csrfmiddlewaretoken=found[1] if is_right else found[1][::-1])

    assert response.status_code == (303 if is_right else 403)
    assert Job.objects.exists() == is_right


def test_the_page_has_the_form_for_browsers_without_javascript(client: Client) -> None:
    page = text_of(client.get("/upload/"))

    without = "".join(re.findall(r"<noscript>(.*?)</noscript>", page, re.DOTALL))
    assert f'action="{FORM}" enctype="multipart/form-data"' in without
    assert "At most 100 MB can be sent at once." in without
    assert '<span id="largest-file">100 MB</span>' in page
