"""No page says anything that has no translation; and the reader's language is the page's."""

import re
from pathlib import Path
from typing import Any, Final

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse
from django.utils.translation import override
from django.utils.translation.trans_real import LANG_INFO  # type: ignore[attr-defined]  # imported there
from pytest_django.fixtures import Settings

from tests.factories import make_api_token, make_batch, make_file, make_job, make_patient, make_series
from tests.languages import pseudo
from tests.receipts.uploads import accepted_job, short_job
from uploads.job_list.filters import MODALITIES
from uploads.models import ApiToken, Job, Notice, NoticeKind, Team
from uploads.reasons import Caution, Reason
from uploads.states import FileStatus, JobStatus

pytestmark = pytest.mark.django_db

DATA = re.compile(
    r"Qure( upload|\b \d+)|Team \d+|user\d+|DOE|JANE|Head|English|Deutsch|UTC|HTTP|STAT-note|script"
    rf"|\b({'|'.join(MODALITIES)})\b"
    r"|[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{64}|CD/\S+|file\d+\S*|\S+@\S+"
)
PUBLIC = (
    "account_login",
    "account_reset_password",
    "account_reset_password_done",
    "account_signup",
    "account_inactive",
)
OWN = ("upload", "job-list", "token-list", "notice-list", "account_change_password", "account_logout")
BUTTONS = ("add-files", "cancel-job", "resend-series", "decide-patient", "decide-conflicts", "revoke-token")
MISTAKES: Final = [
    ("token-list", {"name": "", "team": "none"}),
    ("token-list", {"name": "x" * 101, "team": "none"}),
    ("job-search", {"search": " ".join("abcdefghijk")}),
    ("job-search", {"since": "yesterday", "status": "sleeping", "uploader": "nobody", "sort": "luck"}),
    ("job-search", {"since": "1066-10-14", "until": "9999-12-31"}),
    ("job-search", {"search": "x" * 1000}),
    ("account_change_password", {"oldpassword": "", "password1": "", "password2": ""}),
    ("account_change_password", {"oldpassword": "wrong", "password1": "1234", "password2": "4321"}),
    ("save-notice-settings", {}),
]
NOT_TAKEN: Final = [
    (1_000_000, {"request": "f3b0e3e4-2f6d-4b0a-9f52-0d6f0e6d1c11"}, 400),
    (1_000_000, {"request": "none", "files": SimpleUploadedFile("IM1", b"1")}, 400),
    (10, {"files": SimpleUploadedFile("IM1", b"1" * 100)}, 413),
]
ERRORS = ("400", "403", "403_csrf", "404", "429", "500", "503")


@pytest.fixture(scope="module")
def catalogs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Catalogs in which every sentence stands in brackets."""
    folder = tmp_path_factory.mktemp("catalogs")
    pseudo.write_catalogs(folder)
    return folder


@pytest.fixture
def bracketed(catalogs: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The portal speaks a language in which every sentence stands in brackets."""
    monkeypatch.setitem(LANG_INFO, pseudo.CODE, pseudo.INFO)
    settings.LOCALE_PATHS = [catalogs]
    settings.LANGUAGES = [*settings.LANGUAGES, (pseudo.CODE, "Bracketed")]


def browser_of(job: Job, language: str = pseudo.CODE) -> Client:
    """A browser of the uploader's that asks for a language."""
    client = Client(headers={"Accept-Language": language})
    client.force_login(job.created_by)
    return client


def said(client: Client, address: str) -> list[str]:
    """What a page says that has no translation."""
    return unbracketed(client.get(address))


def unbracketed(response: Any, status: int = 200) -> list[str]:  # Any: Django's test response
    """What an answer says that has no translation."""
    assert response.status_code == status
    page = response.content.decode()
    assert page.count(pseudo.OPEN) > 5
    return pseudo.untranslated(page, DATA)


def held_job() -> Job:
    """An upload with all that can be said of one: held back, warned of, sent before, for every reason."""
    job = make_job(
        status=JobStatus.ATTENTION,
        note="STAT-note",
        is_stat=True,
        warnings=[[caution.value, "", 3] for caution in Caution],
    )
    series = make_series(job, description="Head")
    make_series(make_job(job.team, created_by=job.created_by), study_uid=series.study_uid)
    patient = make_patient(job, name="DOE^JANE", has_undecodable_text=True)
    make_file(
        job, series=series, patient=patient, status=FileStatus.QUARANTINED, reason=Reason.UNCONFIRMED_PATIENT
    )
    make_file(job, series=series, status=FileStatus.QUARANTINED, reason=Reason.CONFLICT)
    for reason in Reason:
        make_file(job, status=FileStatus.REJECTED, reason=reason)
    return job


def uploading_job() -> Job:
    """An upload of which a part is here."""
    job = make_job(status=JobStatus.UPLOADING)
    make_file(job, status=FileStatus.DECLARED)
    make_file(job, status=FileStatus.VALID, series=make_series(job))
    return job


def delayed_job() -> Job:
    """An upload that waits for an administrator."""
    job = make_job(status=JobStatus.PROCESSING)
    make_batch(job, make_file(job, status=FileStatus.VALID, series=make_series(job)))
    job.team.destination.__class__.objects.update(status="paused")
    return job


def cancelled_job() -> Job:
    """An upload that somebody has cancelled."""
    return make_job(status=JobStatus.CANCELLED)


JOBS = (held_job, uploading_job, delayed_job, cancelled_job, accepted_job, short_job)


@pytest.mark.usefixtures("bracketed")
@pytest.mark.parametrize("make", JOBS)
@pytest.mark.parametrize("name", ["job", "job-files", "receipt"])
def test_an_upload_is_told_of_in_the_readers_language(make: object, name: str) -> None:
    job = make()  # type: ignore[operator]  # one of JOBS

    assert said(browser_of(job), reverse(name, args=[job.key])) == []


@pytest.mark.usefixtures("bracketed")
@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize("make", [held_job, uploading_job])
def test_ones_own_pages_speak_the_readers_language(make: object, name: str) -> None:
    job = make()  # type: ignore[operator]  # a function above
    make_api_token(job.created_by, job.team)
    for kind in (NoticeKind.ACCEPTED, NoticeKind.DECISION, NoticeKind.FAILED):
        Notice.objects.create(user=job.created_by, job=job, kind=kind)

    assert said(browser_of(job), reverse(name)) == []


@pytest.mark.usefixtures("bracketed")
def test_an_empty_history_and_a_person_without_a_team_are_spoken_to() -> None:
    job = make_job()
    Job.objects.all().delete()
    Team.objects.all().delete()

    assert [said(browser_of(job), reverse(name)) for name in OWN] == [[]] * len(OWN)


@pytest.mark.usefixtures("bracketed")
def test_what_was_begun_is_gone_on_with_in_the_readers_language() -> None:
    job = uploading_job()

    assert said(browser_of(job), f"{reverse('upload')}?job={job.key}") == []


@pytest.mark.usefixtures("bracketed")
@pytest.mark.parametrize("name", PUBLIC)
def test_the_door_speaks_the_readers_language(name: str) -> None:
    client = Client(headers={"Accept-Language": pseudo.CODE})

    assert said(client, reverse(name)) == []


@pytest.mark.usefixtures("bracketed")
@pytest.mark.parametrize("name", BUTTONS)
def test_what_a_button_brings_about_is_said_in_the_readers_language(name: str) -> None:
    job = cancelled_job()
    keys = {
        "resend-series": make_series(job).key,
        "decide-patient": make_patient(job).key,
        "revoke-token": ApiToken.objects.create(user=job.created_by, team=job.team, digest="x").key,
    }

    response = browser_of(job).post(reverse(name, args=[keys.get(name, job.key)]), follow=True)

    assert len(response.context["messages"]) == 1
    assert unbracketed(response) == []


@pytest.mark.usefixtures("bracketed")
@pytest.mark.parametrize("choice", ["yes", "no"])
@pytest.mark.parametrize("name", ["decide-patient", "decide-conflicts"])
def test_a_decision_is_confirmed_in_the_readers_language(name: str, choice: str) -> None:
    job = held_job()
    key = job.patients.get().key if name == "decide-patient" else job.key

    response = browser_of(job).post(reverse(name, args=[key]), {"send": choice}, follow=True)

    assert len(response.context["messages"]) == 1
    assert unbracketed(response) == []


@pytest.mark.usefixtures("bracketed")
@pytest.mark.parametrize(("name", "fields"), MISTAKES)
def test_a_mistake_in_a_form_is_named_in_the_readers_language(name: str, fields: dict[str, str]) -> None:
    job = accepted_job()

    response = browser_of(job).post(reverse(name), fields, follow=True)

    assert re.search('class="(errorlist|notice notice-)', response.content.decode())
    assert unbracketed(response) == []


@pytest.mark.usefixtures("bracketed")
def test_a_wrong_password_is_named_in_the_readers_language() -> None:
    client = Client(headers={"Accept-Language": pseudo.CODE})

    response = client.post(reverse("account_login"), {"login": "somebody", "password": "wrong"})

    assert "notice-error" in response.content.decode()
    assert unbracketed(response) == []


@pytest.mark.usefixtures("bracketed")
def test_an_upload_that_needs_no_more_files_is_told_so_in_the_readers_language() -> None:
    job = accepted_job()

    response = browser_of(job).get(f"{reverse('upload')}?job={job.key}", follow=True)

    assert len(response.context["messages"]) == 1
    assert unbracketed(response) == []


@pytest.mark.usefixtures("bracketed")
@pytest.mark.parametrize(("limit", "fields", "status"), NOT_TAKEN)
def test_a_form_that_was_not_taken_says_why_in_the_readers_language(
    settings: Settings, limit: int, fields: dict[str, object], status: int
) -> None:
    settings.POSTED_MAX_BYTES = limit

    response = browser_of(make_job()).post(reverse("send-form"), fields)

    assert unbracketed(response, status) == []


@pytest.mark.usefixtures("bracketed")
def test_a_form_of_another_kind_is_turned_away_in_the_readers_language() -> None:
    response = browser_of(make_job()).post(reverse("send-form"), b"{}", content_type="application/json")

    assert unbracketed(response, 415) == []


@pytest.mark.usefixtures("bracketed")
@pytest.mark.parametrize("name", ERRORS)
def test_errors_speak_the_readers_language(name: str) -> None:
    with override(pseudo.CODE):
        page = render_to_string(f"{name}.html")

    assert pseudo.untranslated(page, DATA) == []


def test_what_stands_outside_of_brackets_is_found() -> None:
    page = '<p title="bare">⟦in <b>and</b>⟧ out</p><img alt="⟦in⟧"><code>not words</code>'

    assert pseudo.untranslated(page, DATA) == ["bare", "out"]
