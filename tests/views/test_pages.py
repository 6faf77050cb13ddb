"""The pages: what they say, in how many queries, and that they show what others wrote as text only."""

import re
from datetime import timedelta
from html import unescape

import pytest
from cryptography.fernet import Fernet
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from tests.factories import make_batch, make_file, make_job, make_patient, make_series, make_team, make_user
from tests.receipts.uploads import cancelled_job
from tests.views.browser import Browser, client_of, open_browser, text_of
from uploads import history
from uploads.models import Attempt, Destination, File, Job, ReceiptLine, Series
from uploads.pipeline.manifest import path_digest
from uploads.reasons import Reason
from uploads.states import (
    BatchStatus,
    DestinationStatus,
    FileStatus,
    JobStatus,
    Outcome,
    SeriesStatus,
)

pytestmark = pytest.mark.django_db

SCRIPT = "<script>alert(1)</script>"
ESCAPED = "&lt;script&gt;alert(1)&lt;/script&gt;"
QUERIES_A_PAGE = 20
PAGES = ("job", "job-files", "job-progress")


def words_of(response: object) -> str:
    """What a person reads: the text without its tags, in single spaces."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", text_of(response))).split())


def fill(job: Job, count: int, series: int = 1, **values: object) -> None:
    """Files of a job, spread over series, quickly."""
    rows = [make_series(job) for _ in range(series)]
    File.objects.bulk_create(
        File(
            job=job,
            number=number,
            path=f"CD/{number}",
            path_digest=path_digest(str(number)),
            size=1000,
            series=rows[number % series] if rows else None,
            sop_uid=str(number),
            **values,
        )
        for number in range(count)
    )


def left_out(job: Job, path: str, status: FileStatus, reason: Reason) -> None:
    """A file that the upload page left where it was."""
    make_file(job, path=path, status=status, reason=reason, is_left_out=True)


# An upload


@pytest.mark.parametrize(
    ("status", "headline"),
    [
        (JobStatus.UPLOADING, "Uploading. What has arrived is checked and sent while the rest follows."),
        (JobStatus.PROCESSING, "Everything has arrived. You can close this page; we finish without you."),
        (JobStatus.ACCEPTED, "Qure has accepted 2 images: all images of this upload."),
        (JobStatus.ATTENTION, "Qure has accepted 2 images; 1 file needs your attention."),
        (JobStatus.CANCELLED, "Cancelled. Qure had accepted 2 images before."),
    ],
)
def test_an_upload_says_how_it_stands(status: JobStatus, headline: str) -> None:
    browser = open_browser(status=status)
    fill(browser.job, 2, status=FileStatus.ACCEPTED)
    if status == JobStatus.ATTENTION:
        make_file(browser.job, status=FileStatus.REJECTED, reason=Reason.NOT_DICOM)

    response = browser.client.get(browser.url("job"))

    assert headline in words_of(response)


def test_of_a_cancelled_upload_the_page_says_what_qure_may_have() -> None:
    job = cancelled_job()

    page = words_of(client_of(job.created_by).get(reverse("job", args=[job.key])))

    assert "Qure may have 2 images that it has not confirmed." in page
    assert Reason.MAY_HAVE_ARRIVED.sentence in page
    assert "not sent" not in page.lower()


def test_while_a_request_of_a_cancelled_upload_is_under_way_the_page_says_what_qure_may_have() -> None:
    browser = open_browser(status=JobStatus.CANCELLED)
    series = make_series(browser.job)
    file = make_file(browser.job, series=series, status=FileStatus.VALID)
    make_batch(browser.job, file, status=BatchStatus.SENDING, lease_until=now())

    page = words_of(browser.client.get(browser.url("job")))

    assert "Qure may have 1 image that it has not confirmed." in page
    assert "Qure may have 1 image" in page.replace("Qure may have 1 image that", "")
    assert "not sent" not in page.lower()


def test_what_the_page_left_out_is_named_but_is_not_among_the_chosen() -> None:
    browser = open_browser(status=JobStatus.ACCEPTED)
    fill(browser.job, 2, status=FileStatus.ACCEPTED)
    for name in ("CD/viewer.exe", "CD/autorun.txt"):
        left_out(browser.job, name, FileStatus.IGNORED, Reason.NOT_DICOM)

    page = words_of(browser.client.get(browser.url("job")))
    every = words_of(browser.client.get(browser.url("job-files")))

    assert "Chosen 2 Received 2 Checked, good 2 Sent 2 Accepted by Qure 2" in page
    assert "2 left out, as expected" in page
    assert "CD/viewer.exe" in page
    assert "CD/viewer.exe" in every


def test_a_damaged_file_that_the_page_left_out_is_missed_among_the_received_and_needs_a_look() -> None:
    browser = open_browser(status=JobStatus.ATTENTION)
    fill(browser.job, 2, status=FileStatus.ACCEPTED)
    left_out(browser.job, "CD/IM7", FileStatus.REJECTED, Reason.UNREADABLE_HEADER)

    page = words_of(browser.client.get(browser.url("job")))

    assert "Chosen 3 Received 2 Checked, good 2" in page
    assert "1 needs a look" in page


def test_an_upload_without_any_image_says_so() -> None:
    browser = open_browser(status=JobStatus.ATTENTION)
    fill(browser.job, 2, status=FileStatus.IGNORED, reason=Reason.NOT_DICOM)

    page = words_of(browser.client.get(browser.url("job")))

    assert "There was no image in this upload, so nothing was sent to Qure." in page
    assert "need a look" not in page


def test_files_that_were_left_out_without_a_line_of_their_own_are_counted() -> None:
    browser = open_browser(status=JobStatus.ACCEPTED, unlisted=990_000)

    page = words_of(browser.client.get(browser.url("job")))

    assert "990,000 more files were left out on the computer and are not listed." in page


@pytest.mark.parametrize("status", list(JobStatus))
def test_the_live_part_stops_itself_when_the_upload_rests(status: JobStatus) -> None:
    browser = open_browser(status=status)

    polls = "hx-get" in text_of(browser.client.get(browser.url("job-progress")))

    assert polls == (status in (JobStatus.UPLOADING, JobStatus.PROCESSING))


@pytest.mark.parametrize("status", [JobStatus.UPLOADING, JobStatus.ATTENTION])
def test_the_live_part_is_the_pages_own(status: JobStatus) -> None:
    browser = open_browser(status=status)
    fill(browser.job, 3, status=FileStatus.REJECTED, reason=Reason.NOT_DICOM)
    token = re.compile(r'name="csrfmiddlewaretoken" value="[^"]+"')

    page = token.sub("", text_of(browser.client.get(browser.url("job"))))
    part = token.sub("", text_of(browser.client.get(browser.url("job-progress"))))

    assert part.strip() in page


def test_a_short_series_says_what_qure_has_and_can_be_sent_again() -> None:
    browser = open_browser(status=JobStatus.ATTENTION)
    make_short(browser.job, sent=3, reported=2)

    response = browser.client.get(browser.url("job"))

    assert "Qure has 2 of 3" in words_of(response)
    assert "Send again" in words_of(response)


def test_a_cancelled_upload_counts_what_had_arrived_as_its_series_does() -> None:
    browser = open_browser(status=JobStatus.CANCELLED)
    series = make_series(browser.job, status=SeriesStatus.SHORT)
    make_file(browser.job, series=series, status=FileStatus.ACCEPTED)
    make_file(browser.job, series=series, status=FileStatus.CANCELLED, reason=Reason.CANCELLED)
    make_file(browser.job, status=FileStatus.CANCELLED, reason=Reason.CANCELLED)

    page = words_of(browser.client.get(browser.url("job")))

    assert history.progress(browser.job).received == 2
    assert "Qure has 1 of 2" in page


def test_an_upload_whose_list_of_files_broke_off_says_that_there_may_be_more() -> None:
    browser = open_browser(status=JobStatus.UPLOADING)
    fill(browser.job, 3, status=FileStatus.DECLARED)
    pages = [browser.url("job"), f"{reverse('upload')}?job={browser.job.key}"]
    sentence = "The list of files is not complete yet. 0 of 3 are here"

    open_ended = [sentence in words_of(browser.client.get(page)) for page in pages]
    Job.objects.update(manifest_closed_at=now())
    ended = [sentence in words_of(browser.client.get(page)) for page in pages]

    assert (open_ended, ended) == ([True, True], [False, False])


def test_a_clock_that_was_set_back_while_qure_answered_hides_no_count() -> None:
    browser = open_browser(status=JobStatus.ATTENTION)
    make_short(browser.job, sent=3, reported=2)
    Attempt.objects.update(ended_at=now() - timedelta(hours=1))

    response = browser.client.get(browser.url("job"))

    assert "Qure has 2 of 3" in words_of(response)


def test_images_that_qure_has_not_confirmed_need_a_look() -> None:
    browser = open_browser(status=JobStatus.ATTENTION)
    make_short(browser.job, sent=3, reported=2)
    make_file(browser.job, status=FileStatus.REJECTED)
    make_file(browser.job, status=FileStatus.ACCEPTED)

    upload = words_of(browser.client.get(browser.url("job")))
    history = text_of(browser.client.get(reverse("job-list")))

    assert "Qure has accepted 1 image; 4 files need your attention." in upload
    assert '<td class="number" data-label="Need a look">4</td>' in history


def make_short(job: Job, sent: int, reported: int) -> Series:
    """A series of which Qure counted fewer images than were sent."""
    series = make_series(job, status=SeriesStatus.SHORT)
    files = [make_file(job, series=series, status=FileStatus.SENT) for _ in range(sent)]
    batch = make_batch(job, *files, status=BatchStatus.ACCEPTED)
    attempt = Attempt.objects.create(
        batch=batch,
        destination=job.team.destination,
        number=1,
        outcome=Outcome.ACCEPTED,
        body_bytes=1,
        ended_at=now() + timedelta(seconds=1),
    )
    ReceiptLine.objects.create(attempt=attempt, series=series, sent=sent, reported=reported)
    return series


@pytest.mark.parametrize("name", PAGES)
def test_an_upload_of_two_thousand_files_takes_few_queries(
    browser: Browser, name: str, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    fill(browser.job, 2000, series=40, status=FileStatus.REJECTED, reason=Reason.NOT_DICOM)

    with django_assert_max_num_queries(QUERIES_A_PAGE):
        response = browser.client.get(browser.url(name))

    assert "2,000" in words_of(response)


@pytest.mark.parametrize("name", ["job", "job-progress"])
def test_many_short_series_take_no_query_each(
    name: str, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    browser = open_browser(status=JobStatus.ATTENTION)
    for _ in range(30):
        make_short(browser.job, sent=2, reported=1)

    with django_assert_max_num_queries(QUERIES_A_PAGE):
        response = browser.client.get(browser.url(name))

    assert words_of(response).count("Qure has 1 of 2") == 30


def test_every_reason_at_once_is_shown_with_its_sentence(browser: Browser) -> None:
    for reason in Reason:
        make_file(browser.job, status=FileStatus.REJECTED, reason=reason)

    response = browser.client.get(browser.url("job"))

    assert [reason for reason in Reason if reason.sentence not in words_of(response)] == []


@pytest.mark.parametrize("name", PAGES)
def test_what_a_file_says_is_shown_as_text(browser: Browser, name: str) -> None:
    series = make_series(browser.job, description=SCRIPT, modality="<b>CT</b>")
    path = f'"><img src=x onerror=alert(1)>/{SCRIPT}'
    make_file(browser.job, series=series, path=path, status=FileStatus.REJECTED, reason=Reason.NOT_DICOM)

    source = text_of(browser.client.get(browser.url(name)))

    assert ESCAPED in source
    assert SCRIPT not in source
    assert "<img src=x" not in source
    assert "<b>CT" not in source


def test_names_of_people_and_teams_are_shown_as_text() -> None:
    team = make_team(name=SCRIPT)
    user = make_user(team, username="<i>name</i>")
    job = make_job(team, created_by=user)
    client = client_of(user)

    sources = [
        text_of(client.get(url))
        for url in (
            reverse("job-list"),
            reverse("upload"),
            reverse("token-list"),
            reverse("job", args=[job.key]),
        )
    ]

    assert [source for source in sources if SCRIPT in source or "<i>name" in source] == []


# Whose images they are


@pytest.mark.parametrize("name", ["job", "job-progress"])
def test_an_upload_says_whose_images_it_sends(browser: Browser, name: str) -> None:
    make_patient(browser.job, name="DOE^JANE", patient_id="P73", birth_date="19500102", status="confirmed")

    words = words_of(browser.client.get(browser.url(name)))

    assert "DOE, JANE P73 born 2 Jan 1950" in words


@pytest.mark.parametrize("status", ["unconfirmed", "declined"])
def test_of_whom_nothing_is_sent_is_not_named_as_the_patient(browser: Browser, status: str) -> None:
    make_patient(browser.job, name="ROE^JOHN", status=status)

    assert 'class="whose"' not in text_of(browser.client.get(browser.url("job")))


def test_of_many_patients_a_few_are_named(browser: Browser) -> None:
    for number in range(5):
        make_patient(browser.job, name=f"DOE^{number}", status="confirmed")

    words = words_of(browser.client.get(browser.url("job")))

    assert re.findall(r"DOE, \d", words) == ["DOE, 0", "DOE, 1", "DOE, 2"]
    assert "and 2 more" in words


def test_a_patients_name_is_shown_as_text(browser: Browser) -> None:
    make_patient(browser.job, name=SCRIPT, patient_id=SCRIPT, birth_date=SCRIPT[:8], status="confirmed")

    assert SCRIPT[:8] not in text_of(browser.client.get(browser.url("job"))).split("whose", 1)[1]


# The files of an upload


def test_files_are_shown_by_the_hundred_and_the_filter_stays(browser: Browser) -> None:
    fill(browser.job, 150, status=FileStatus.REJECTED, reason=Reason.NOT_DICOM)

    response = browser.client.get(browser.url("job-files"), {"status": "rejected", "page": "2"})

    assert "Page 2 of 2" in words_of(response)
    assert text_of(response).count('class="path"') == 50
    assert "status=rejected&amp;page=1" in text_of(response)


def test_a_filter_shows_the_files_of_one_outcome(browser: Browser) -> None:
    make_file(browser.job, path="good", status=FileStatus.ACCEPTED)
    make_file(browser.job, path="bad", status=FileStatus.REJECTED, reason=Reason.EMPTY)

    response = browser.client.get(browser.url("job-files"), {"status": "rejected"})

    assert re.findall(r'class="path">([^<]+)<', text_of(response)) == ["bad"]
    assert Reason.EMPTY.sentence in words_of(response)


@pytest.mark.parametrize("status", ["junk", "\0", "'", SCRIPT, "ACCEPTED", "x" * 5000, "\ud800"])
def test_a_filter_that_does_not_exist_shows_all_files(browser: Browser, status: str) -> None:
    fill(browser.job, 2)

    response = browser.client.get(browser.url("job-files"), {"status": status.encode("utf-8", "replace")})

    assert text_of(response).count('class="path"') == 2
    assert SCRIPT not in text_of(response)
    assert 'aria-current="true">All' in text_of(response)


# What a person does


def test_to_cancel_stops_what_was_not_sent_and_says_so(browser: Browser) -> None:
    browser.choose(5)

    response = browser.client.post(browser.url("cancel-job"), follow=True)

    assert browser.statuses() == [FileStatus.CANCELLED]
    assert "The upload is cancelled. What Qure had accepted before stays with Qure." in words_of(response)


@pytest.mark.parametrize("status", [JobStatus.ACCEPTED, JobStatus.CANCELLED])
def test_to_cancel_what_has_ended_says_that_there_is_nothing_to_cancel(status: JobStatus) -> None:
    browser = open_browser(status=status)

    response = browser.client.post(browser.url("cancel-job"), follow=True)

    assert "This upload has already ended; there is nothing to cancel." in words_of(response)
    assert Job.objects.get().status == status


def test_to_send_a_short_series_again_says_so() -> None:
    browser = open_browser(status=JobStatus.ATTENTION)
    series = make_short(browser.job, sent=3, reported=2)

    response = browser.client.post(reverse("resend-series", args=[series.key]), follow=True)

    assert "The series is being sent again." in words_of(response)


def test_to_send_a_complete_series_again_says_that_there_is_nothing_to_send(browser: Browser) -> None:
    series = make_series(browser.job, status=SeriesStatus.COMPLETE)

    response = browser.client.post(reverse("resend-series", args=[series.key]), follow=True)

    assert "There is nothing to send again in this series." in words_of(response)


# The alarm


@pytest.mark.parametrize("name", ["upload", "job-list", "token-list"])
def test_a_paused_destination_is_said_on_every_page_of_its_teams(browser: Browser, name: str) -> None:
    destination = browser.job.team.destination
    destination.advance(DestinationStatus.PAUSED, "test")

    response = browser.client.get(reverse(name))

    sentence = f"Sending to {destination.name} is paused until an administrator has acted."
    assert sentence in words_of(response)


def test_another_teams_alarm_is_not_said(browser: Browser) -> None:
    make_team().destination.advance(DestinationStatus.PAUSED, "test")

    response = browser.client.get(reverse("upload"))

    assert 'class="alarm"' not in text_of(response)


def test_an_administrator_sees_the_alarm_of_every_destination() -> None:
    destinations = [make_team().destination for _ in range(2)]
    for destination in destinations:
        Destination.objects.filter(pk=destination.pk).update(alarm=f"{destination.name} is silent.")
    administrator = client_of(make_user(is_staff=True))

    words = words_of(administrator.get(reverse("upload")))

    assert [d.name for d in destinations if f"{d.name} is silent." not in words] == []


# Errors


@pytest.mark.parametrize(
    "path",
    ["/nothing/", "/jobs/not-a-key/", "/jobs/f3b0e3e4-2f6d-4b0a-9f52-0d6f0e6d1c11/", "/studies/", "/\0"],
)
def test_what_does_not_exist_is_a_page_that_says_so(browser: Browser, path: str) -> None:
    response = browser.client.get(path)

    assert response.status_code == 404


@pytest.mark.parametrize("client", [client_of(None)])
def test_an_address_of_the_intake_that_does_not_exist_is_answered_in_json(client: Client) -> None:
    response = client.get("/intake/nothing/")

    assert response.status_code == 404
    assert response.json()["error"] == "not_found"


def test_an_unknown_host_is_a_bad_request(browser: Browser) -> None:
    response = browser.client.get(reverse("upload"), headers={"Host": "evil.example"})

    assert response.status_code == 400


def test_a_form_that_is_too_large_is_a_bad_request(browser: Browser, settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10

    response = browser.client.post(reverse("token-list"), {"name": "x" * 100})

    assert response.status_code == 400
    assert "The request could not be read" in words_of(response)


@pytest.mark.parametrize("name", ["upload", "job-list", "token-list"])
def test_nobody_keeps_a_page(browser: Browser, name: str) -> None:
    response = browser.client.get(reverse(name))

    assert response["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/upload/", "/jobs/", "job"])
def test_a_token_that_cannot_be_decrypted_takes_no_page_with_it(
    browser: Browser, settings: Settings, path: str
) -> None:
    settings.FIELD_KEYS = [Fernet.generate_key().decode()]

    response = browser.client.get(reverse("job", args=[browser.job.key]) if path == "job" else path)

    assert response.status_code == 200
