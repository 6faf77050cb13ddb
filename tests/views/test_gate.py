"""The review before sending, and the decisions after it, as browser and page see them."""

import uuid
from typing import Any, Final

import pytest
from django.test import Client
from django.urls import reverse

from tests.factories import make_file, make_job, make_patient, make_series, make_team, make_user
from tests.views.browser import Browser, client_of, open_browser, text_of
from uploads import outcomes
from uploads.models import File, Job, Patient
from uploads.reasons import Caution, Reason
from uploads.states import FileStatus, JobStatus, PatientStatus

pytestmark = pytest.mark.django_db

JANE: Final = {"id": "P1", "birth_date": "19700101", "name": "DOE^JANE"}
STUDY: Final = "2.25.1"


def job_of(browser: Browser) -> Job:
    return Job.objects.get(pk=browser.job.pk)


def held(browser: Browser, **of_patient: Any) -> Patient:  # Any: column values
    """A patient of whom an image is held back."""
    patient = make_patient(browser.job, **of_patient)
    make_file(
        browser.job,
        patient=patient,
        series=make_series(browser.job),
        status=FileStatus.QUARANTINED,
        reason=Reason.UNCONFIRMED_PATIENT,
    )
    return patient


def decide(client: Client, patient: Patient, send: str) -> str:
    return text_of(client.post(reverse("decide-patient", args=[patient.key]), {"send": send}, follow=True))


def page_of(browser: Browser) -> str:
    return text_of(browser.client.get(browser.url("job")))


def test_an_upload_begins_with_its_note_and_its_urgency(browser: Browser) -> None:
    answer = browser.create({"request": str(uuid.uuid4()), "note": " Bed 7,\n stroke\u202e? ", "stat": True})

    job = Job.objects.get(key=answer.body["job"])
    assert (job.note, job.is_stat) == ("Bed 7, stroke?", True)


def test_a_repeated_request_changes_neither(browser: Browser) -> None:
    request = str(uuid.uuid4())
    first = browser.create({"request": request, "note": "first", "stat": False})

    browser.create({"request": request, "note": "second", "stat": True})

    job = Job.objects.get(key=first.body["job"])
    assert (job.note, job.is_stat) == ("first", False)


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("note", None, "bad_note"),
        ("note", 7, "bad_note"),
        ("note", "x" * 201, "bad_note"),
        ("stat", None, "bad_stat"),
        ("stat", 1, "bad_stat"),
        ("stat", "true", "bad_stat"),
    ],
)
def test_a_note_or_an_urgency_of_another_shape_begins_nothing(
    browser: Browser, field: str, value: object, code: str
) -> None:
    answer = browser.create({"request": str(uuid.uuid4()), field: value})

    assert answer.refusal == (400, code)
    assert Job.objects.count() == 1


def test_whom_the_person_confirmed_is_kept_without_a_patients_data(browser: Browser) -> None:
    before = job_of(browser).confirmed

    for _ in range(2):
        answer = browser.declare({"files": [], "confirmed": [JANE, {**JANE, "name": "DOE^J"}]})

    assert answer.status == 200
    (new,) = set(job_of(browser).confirmed) - set(before)
    assert job_of(browser).confirmed[new] == f"user:{browser.client.session['_auth_user_id']}"
    assert "DOE" not in str(job_of(browser).confirmed)


def test_warnings_with_words_are_kept_once_and_others_are_dropped(browser: Browser) -> None:
    warnings = [
        {"code": "few_slices", "series_uid": "1.2", "count": 3},
        {"code": "under_age", "series_uid": "1.2", "years": 18},
        {"code": "neither_head_ct_nor_chest_xray", "study_uid": "1"},
        {"code": "of_the_future", "anything": []},
    ]

    for _ in range(2):
        browser.declare({"files": [], "warnings": warnings})

    assert job_of(browser).warnings == [
        ["few_slices", "1.2", 3],
        ["under_age", "1.2", 18],
        ["neither_head_ct_nor_chest_xray", "1", None],
    ]


def test_the_most_that_was_chosen_of_a_series_is_kept_and_shown_beside_what_arrived(browser: Browser) -> None:
    series = make_series(browser.job, study_uid=STUDY, series_uid="1.1")
    make_file(browser.job, series=series, status=FileStatus.VALID)

    for count in (2, 3, 1):
        chosen = {"study_uid": STUDY, "series_uid": "1.1", "count": count}
        browser.declare({"files": [], "series": [chosen, {**chosen, "series_uid": "1.2"}]})

    (ledger,) = outcomes.series_ledgers(browser.job)
    assert (ledger.selected, ledger.received) == (3, 1)
    assert 'data-label="Chosen">3<' in page_of(browser)


def test_of_a_series_that_nobody_chose_in_a_browser_what_arrived_was_chosen(browser: Browser) -> None:
    make_file(browser.job, series=make_series(browser.job), status=FileStatus.VALID)

    (ledger,) = outcomes.series_ledgers(browser.job)

    assert (ledger.selected, ledger.received) == (1, 1)


def test_more_warnings_than_anybody_reads_block_nothing(browser: Browser) -> None:
    warnings = [{"code": "gaps", "series_uid": f"1.{number}", "count": 1} for number in range(1500)]

    answer = browser.declare({"files": [], "warnings": warnings})

    assert answer.status == 200
    assert len(job_of(browser).warnings) == 1000


@pytest.mark.parametrize(
    "details",
    [
        {"confirmed": None},
        {"confirmed": {}},
        {"confirmed": [None]},
        {"confirmed": [{}]},
        {"confirmed": [{**JANE, "id": 1}]},
        {"confirmed": [{**JANE, "name": None}]},
        {"confirmed": [{"id": "P1", "name": "DOE"}]},
        {"confirmed": [{**JANE, "birth_date": "1" * 1025}]},
        {"confirmed": [JANE] * 10_001},
        {"warnings": "few_slices"},
        {"warnings": ["few_slices"]},
        {"warnings": [{"code": 1}]},
        {"warnings": [{"code": "gaps", "count": -1}]},
        {"warnings": [{"code": "gaps", "count": "3"}]},
        {"warnings": [{"code": "gaps", "series_uid": "<b>"}]},
        {"studies": "1.2"},
        {"studies": [None]},
        {"studies": [""]},
        {"studies": ["1" * 65]},
        {"studies": ["1.2/3"]},
        {"series": "1.2"},
        {"series": [None]},
        {"series": [{"study_uid": "1", "series_uid": "1.1"}]},
        {"series": [{"study_uid": "1", "series_uid": "<b>", "count": 1}]},
        {"series": [{"study_uid": "1", "series_uid": "1.1", "count": -1}]},
        {"series": [{"study_uid": "1", "series_uid": "1.1", "count": True}]},
        {"series": [{"study_uid": "1", "series_uid": "1.1", "count": 2**31}]},
    ],
    ids=lambda details: repr(details)[:50],
)
def test_a_review_of_another_shape_is_refused_whole(browser: Browser, details: dict[str, object]) -> None:
    answer = browser.declare({"files": [{"path": "a", "size": 1}], **details})

    assert answer.refusal == (400, "bad_manifest")
    assert browser.statuses() == []
    assert job_of(browser).warnings == []


def test_a_study_that_the_team_has_sent_is_named(browser: Browser) -> None:
    earlier = make_job(browser.job.team, status=JobStatus.ACCEPTED)
    make_series(earlier, study_uid=STUDY)

    answer = browser.declare({"files": [], "studies": [STUDY, "2.25.2"]})

    assert answer.body["known"] == [
        {
            "study_uid": STUDY,
            "job_url": reverse("job", args=[earlier.key]),
            "continue_url": None,
            "status": "accepted",
            "status_label": "Accepted by Qure",
            "at": earlier.created_at.isoformat(),
            "by": earlier.created_by.get_username(),
        }
    ]


def test_a_study_that_a_colleague_is_about_to_send_is_named(browser: Browser) -> None:
    colleague = Browser(client_of(make_user(browser.job.team)), make_job(browser.job.team))
    colleague.declare({"files": [], "studies": [STUDY]})

    answer = browser.declare({"files": [], "studies": [STUDY]})

    assert [known["job_url"] for known in answer.body["known"]] == [colleague.url("job")]


def test_an_announcement_that_came_to_nothing_is_not_named(browser: Browser) -> None:
    colleague = Browser(client_of(make_user(browser.job.team)), make_job(browser.job.team))
    colleague.declare({"files": [], "studies": [STUDY]})
    Job.objects.filter(pk=colleague.job.pk).update(status=JobStatus.CANCELLED)

    answer = browser.declare({"files": [], "studies": [STUDY]})

    assert answer.body["known"] == []


def test_neither_the_upload_itself_nor_another_teams_is_named(browser: Browser) -> None:
    make_series(browser.job, study_uid=STUDY)
    make_series(make_job(make_team()), study_uid=STUDY)

    answer = browser.declare({"files": [], "studies": [STUDY]})

    assert answer.body["known"] == []


def test_the_newest_twenty_are_named(browser: Browser) -> None:
    jobs = [make_job(browser.job.team) for _ in range(21)]
    for job in jobs:
        make_series(job, study_uid=STUDY)

    answer = browser.declare({"files": [], "studies": [STUDY]})

    expected = [reverse("job", args=[job.key]) for job in reversed(jobs[1:])]
    assert [known["job_url"] for known in answer.body["known"]] == expected


def test_the_page_names_the_patient_whose_images_are_held_back(browser: Browser) -> None:
    held(browser, name="ROE^RICHARD=ろう", patient_id="P2", birth_date="19700102", sex="M")

    page = page_of(browser)

    sentence = "A patient's images are held back"
    for text in (sentence, "ROE, RICHARD (ろう)", "P2", "2 Jan 1970", "1 image belongs"):
        assert text in page


def test_an_upload_of_which_all_is_held_back_says_what_it_waits_for() -> None:
    browser = open_browser(status=JobStatus.ATTENTION)
    held(browser)

    page = page_of(browser)

    assert "1 file waits for a decision. Qure has accepted nothing of this upload so far." in page
    assert "Nothing of this upload was accepted by Qure" not in page


def test_a_page_with_a_question_follows_what_others_decide() -> None:
    browser = open_browser(status=JobStatus.ATTENTION)
    held(browser)

    assert f'hx-get="{browser.url("job-progress")}"' in page_of(browser)


def test_the_page_says_when_a_name_may_read_otherwise(browser: Browser) -> None:
    held(browser, has_undecodable_text=True)

    assert "Some characters could not be read" in page_of(browser)


@pytest.mark.parametrize(
    ("send", "of_file", "of_patient"),
    [
        ("yes", FileStatus.VALID, PatientStatus.CONFIRMED),
        ("no", FileStatus.CANCELLED, PatientStatus.DECLINED),
        ("", FileStatus.QUARANTINED, PatientStatus.UNCONFIRMED),
        ("maybe", FileStatus.QUARANTINED, PatientStatus.UNCONFIRMED),
    ],
)
def test_a_decision_is_what_the_button_says(
    browser: Browser, send: str, of_file: FileStatus, of_patient: PatientStatus
) -> None:
    patient = held(browser)

    decide(browser.client, patient, send)

    assert File.objects.get().status == of_file
    assert Patient.objects.get().status == of_patient


def test_a_decided_patient_is_asked_about_no_more(browser: Browser) -> None:
    patient = held(browser)

    page = decide(browser.client, patient, "no")

    assert "These images will not be sent." in page
    assert "decide/" not in page


def test_a_second_decision_is_told_that_it_came_late(browser: Browser) -> None:
    patient = held(browser)
    decide(browser.client, patient, "yes")

    assert "This was decided before" in decide(browser.client, patient, "no")


def test_a_stranger_decides_nothing(browser: Browser) -> None:
    patient = held(browser)

    decide(open_browser().client, patient, "yes")

    assert File.objects.get().status == FileStatus.QUARANTINED


def test_a_cancelled_upload_asks_nothing(browser: Browser) -> None:
    held(browser)
    Job.objects.update(status=JobStatus.CANCELLED)

    assert "decide/" not in page_of(browser)


def test_the_page_offers_to_leave_conflicts_out(browser: Browser) -> None:
    series = make_series(browser.job)
    make_file(browser.job, series=series, sop_uid="1.2", status=FileStatus.VALID)
    conflict = make_file(browser.job, series=series, sop_uid="1.2", status=FileStatus.QUARANTINED)
    File.objects.filter(pk=conflict.pk).update(reason=Reason.CONFLICT)
    page = page_of(browser)

    browser.client.post(browser.url("decide-conflicts"), {"send": "no"})

    assert "Two different images with the same number" in page
    assert "send-conflicts" not in page
    assert browser.statuses() == [FileStatus.VALID, FileStatus.CANCELLED]


def test_the_page_says_what_was_warned_of_and_about_which_series(browser: Browser) -> None:
    make_series(browser.job, series_uid="1.2", description="Head 5 mm")
    browser.declare({"files": [], "warnings": [{"code": "few_slices", "series_uid": "1.2", "count": 3}]})

    page = page_of(browser)

    assert "CT Head 5 mm" in page
    assert Caution.FEW_SLICES.sentence(3) in page


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"study_date": "20260312", "study_description": "HEAD"}, "The study of 12 Mar 2026, CT HEAD"),
        ({"study_date": "", "study_description": ""}, "The study, CT"),
        ({"study_date": "2026", "study_description": ""}, "The study of 2026, CT"),
    ],
)
def test_the_page_says_what_was_warned_of_and_about_which_study(
    browser: Browser, values: dict[str, str], name: str
) -> None:
    make_series(browser.job, study_uid=STUDY, **values)
    browser.declare({"files": [], "warnings": [{"code": "contrast", "study_uid": STUDY}]})

    page = page_of(browser)

    assert f"<strong>{name}</strong>: " in page


def test_what_was_warned_of_a_study_that_is_not_here_is_said_without_its_uid(browser: Browser) -> None:
    browser.declare({"files": [], "warnings": [{"code": "contrast", "study_uid": STUDY}]})

    page = page_of(browser)

    assert Caution.CONTRAST.sentence(None) in page
    assert STUDY not in page


def test_the_other_image_of_a_number_can_be_sent_where_the_first_was_not(browser: Browser) -> None:
    series = make_series(browser.job)
    for status, reason in (
        (FileStatus.REFUSED, Reason.REFUSED_BY_QURE),
        (FileStatus.QUARANTINED, Reason.CONFLICT),
    ):
        make_file(browser.job, series=series, sop_uid="1.2", status=status, reason=reason)
    page = page_of(browser)

    browser.client.post(browser.url("decide-conflicts"), {"send": "yes"})

    assert "Send the 1 whose first file was not sent" in page
    assert browser.statuses() == [FileStatus.REFUSED, FileStatus.VALID]


def test_the_page_links_to_other_uploads_of_its_study(browser: Browser) -> None:
    earlier = make_job(browser.job.team)
    make_series(earlier, study_uid=STUDY)
    make_series(browser.job, study_uid=STUDY)

    assert reverse("job", args=[earlier.key]) in page_of(browser)


@pytest.mark.parametrize("code", Caution)
def test_every_warning_has_words(code: Caution) -> None:
    assert code.sentence(7).endswith(".")
    assert "{" not in code.sentence(None)


def test_page_and_history_show_note_and_stat(browser: Browser) -> None:
    Job.objects.update(note="Bed 7", is_stat=True)

    pages = [page_of(browser), text_of(browser.client.get(reverse("job-list")))]

    assert all("Bed 7" in page and "STAT" in page for page in pages)
