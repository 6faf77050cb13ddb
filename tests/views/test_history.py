"""The team's history, as its members use it."""

import csv
import io
import logging
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.timezone import now

from tests.factories import make_file, make_job, make_patient, make_series, make_team, make_user
from tests.views.browser import Browser, client_of, text_of
from uploads.forms import Entry
from uploads.job_list import rows
from uploads.job_list.filters import Filters
from uploads.models import DeclaredStudy, Job, Source
from uploads.pipeline import manifest
from uploads.states import FileStatus, JobStatus

pytestmark = pytest.mark.django_db

QUERIES_A_PAGE = 20
JUNK = ["junk", "\0", "'", "<script>alert(1)</script>", "-1", "9" * 5000, "\ud800", "1.5", "%00", "²"]


def words_of(response: Any) -> str:  # Any: Django's test response
    """What a person reads."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", text_of(response))).split())


def listed(response: Any) -> list[str]:  # Any: Django's test response
    """The keys of the uploads in the table, in its order."""
    return re.findall(r'<tr id="row-([0-9a-f-]{36})"', text_of(response))


def look(browser: Browser, **values: Any) -> Any:  # Any: what is typed, and Django's test response
    """Open the history with these filters in the address."""
    return browser.client.get(reverse("job-list"), values)


def search(
    browser: Browser, text: str, **values: Any
) -> Any:  # Any: what is typed, and Django's test response
    """Type a text, press the button, and see the page that follows."""
    return browser.client.post(reverse("job-search"), {"search": text, **values}, follow=True)


def keys(*jobs: Job) -> list[str]:
    """How the table names jobs."""
    return [str(job.key) for job in jobs]


def make_jobs(browser: Browser, count: int, **values: Any) -> list[Job]:  # Any: column values
    """More uploads of the same team, each an hour older than the one before."""
    return [
        make_job(browser.job.team, created_at=now() - timedelta(hours=number), **values)
        for number in range(1, count + 1)
    ]


@pytest.fixture
def found(browser: Browser) -> Job:
    """An upload that a search may find, beside the browser's own, which it must not."""
    sender = make_user(browser.job.team, username="night.nurse", first_name="Åsa", last_name="Öberg")
    job = make_job(browser.job.team, created_by=sender, note="Fell from a ladder, CT before surgery")
    make_patient(job, name="MÜLLER^JÖRG", patient_id="PX-7781")
    series = make_series(
        job, study_uid="1.2.840.99.5", series_uid="1.2.840.99.5.7", accession_number="ACC0042/B"
    )
    make_file(job, series=series, sop_uid="1.2.840.99.5.7.301")
    make_patient(browser.job, name="DOE^JANE", patient_id="P1")
    make_series(browser.job, study_uid="1.2.840.88.1", accession_number="OTHER")
    return job


# The list


def test_the_history_lists_the_teams_uploads_the_newest_first(browser: Browser) -> None:
    second = make_job(browser.job.team, status=JobStatus.ACCEPTED, source=Source.SCRIPT)

    response = look(browser)

    assert listed(response) == keys(second, browser.job)
    assert "Accepted by Qure" in words_of(response)
    assert "(script)" in words_of(response)


@pytest.mark.parametrize(
    ("page", "shown"),
    [
        ("1", 1),
        ("2", 2),
        ("abc", 1),
        ("", 1),
        ("0", 2),
        ("-1", 2),
        ("99", 2),
        ("9" * 5000, 1),
        ("1.5", 1),
        ("\0", 1),
        ("²", 1),
    ],
)
def test_any_page_number_shows_a_page(browser: Browser, page: str, shown: int) -> None:
    make_jobs(browser, 50)

    response = look(browser, page=page)

    assert f"Page {shown} of 2" in words_of(response)


# Searching


@pytest.mark.parametrize(
    "text",
    [
        "müller",
        "MÜLLER",
        "Müller, Jörg",
        "jörg müller",
        "MÜLLER^JÖRG",
        "ller",
        "px-7781",
        "778",
        "acc0042",
        "ACC0042/B",
        "1.2.840.99.5",
        "1.2.840.99",
        "1.2.840.99.5.7",
        "1.2.840.99.5.7.301",
        "night.nurse",
        "nurse",
        "öberg",
        "ÅSA",
        "ladder",
        "LADDER surgery",
        "  müller   ladder\tacc0042 night 1.2.840.99.5 ",
    ],
)
def test_an_upload_is_found_by_what_a_person_knows_of_it(browser: Browser, found: Job, text: str) -> None:
    response = search(browser, text)

    assert listed(response) == keys(found)


@pytest.mark.parametrize(
    "text",
    [
        "nobody",
        "müller jane",
        "042/B",
        "2.840.99.5",
        "1.2.840.99.5.7.30",
        "%",
        "_",
        "\\",
        "' OR 1=1",
    ],
)
def test_an_upload_that_holds_not_every_word_is_not_found(browser: Browser, found: Job, text: str) -> None:
    response = search(browser, text)

    assert listed(response) == []


def test_an_upload_is_found_by_the_reference_on_its_receipt(browser: Browser, found: Job) -> None:
    response = search(browser, str(found.key))

    assert listed(response) == keys(found)


def test_a_study_that_is_still_to_come_is_found_by_its_uid(browser: Browser) -> None:
    job = make_job(browser.job.team)
    DeclaredStudy.objects.create(job=job, study_uid="1.2.3.777")

    response = search(browser, "1.2.3.777")

    assert listed(response) == keys(job)


def test_a_search_keeps_the_filters_that_were_set_with_it(browser: Browser, found: Job) -> None:
    response = search(browser, "müller", status="accepted", sort="-files")

    assert listed(response) == []
    assert 'value="accepted" selected' in text_of(response)
    assert 'value="-files" selected' in text_of(response)
    assert 'value="müller"' in text_of(response)


def test_what_is_searched_for_never_stands_in_an_address(browser: Browser, found: Job) -> None:
    response = search(browser, "müller 7781", status="uploading")

    address = response.redirect_chain[-1][0]
    links = [unescape(link) for link in re.findall(r'(?:href|hx-get|action)="([^"]*)"', text_of(response))]
    assert set(parse_qs(urlsplit(address).query)) == {"q", "status"}
    assert [link for link in [address, *links] if re.search("ller|7781", link)] == []


def test_the_address_of_a_search_finds_the_same_for_the_same_person(browser: Browser, found: Job) -> None:
    address = search(browser, "müller").redirect_chain[-1][0]
    search(browser, "ladder")

    response = browser.client.get(address)

    assert listed(response) == keys(found)


def test_the_same_words_have_the_same_address(browser: Browser, found: Job) -> None:
    first = search(browser, "müller").redirect_chain[-1][0]
    search(browser, "ladder")

    again = search(browser, " müller ").redirect_chain[-1][0]

    assert again == first


def test_the_address_of_a_search_tells_a_colleague_nothing(browser: Browser, found: Job) -> None:
    address = search(browser, "müller").redirect_chain[-1][0]
    colleague = client_of(make_user(browser.job.team))

    response = colleague.get(address)

    assert "The words of this search are not known here" in words_of(response)
    assert 'value="müller"' not in text_of(response)


def test_a_session_remembers_only_the_latest_searches(browser: Browser) -> None:
    for number in range(30):
        search(browser, f"word{number}")

    remembered = Session.objects.get().get_decoded()["searches"]

    assert list(remembered.values()) == [f"word{number}" for number in range(10, 30)]


def test_a_search_of_too_many_words_says_so(browser: Browser) -> None:
    response = search(browser, " ".join(f"w{number}" for number in range(11)))

    assert "Search for at most 10 words." in words_of(response)


# Filtering


def test_filters_narrow_the_list(browser: Browser) -> None:
    team = browser.job.team
    nurse = make_user(team)
    wanted = make_job(
        team,
        status=JobStatus.ATTENTION,
        created_by=nurse,
        is_stat=True,
        created_at=datetime(2026, 3, 10, 23, 59, tzinfo=UTC),
    )
    make_series(wanted, modality="CR")
    make_series(wanted, modality="SR")
    make_series(browser.job, modality="CT")
    filters = {
        "status": "attention",
        "modality": "CR",
        "uploader": nurse.pk,
        "stat": "1",
        "since": "2026-03-10",
        "until": "2026-03-10",
    }

    answers = {
        name: listed(look(browser, **{name: value})) for name, value in filters.items() if name != "since"
    }

    assert answers == dict.fromkeys(answers, keys(wanted))
    assert listed(look(browser, **filters)) == keys(wanted)
    assert listed(look(browser, since="2026-03-11")) == keys(browser.job)
    assert listed(look(browser, until="2026-03-09")) == []


def test_only_people_who_have_sent_something_for_the_team_can_be_chosen(browser: Browser) -> None:
    make_user(browser.job.team, username="has-sent-nothing")
    other = make_job()

    source = text_of(look(browser))

    assert f">{browser.job.created_by.username}</option>" in source
    assert "has-sent-nothing" not in source
    assert f">{other.created_by.username}</option>" not in source


@pytest.mark.parametrize("junk", JUNK)
@pytest.mark.parametrize("route", ["job-list", "job-list-csv"])
def test_junk_in_the_address_is_left_out(browser: Browser, route: str, junk: str) -> None:
    names = ("q", "status", "modality", "uploader", "since", "until", "sort", "page", "search", "other")

    response = browser.client.get(reverse(route), dict.fromkeys(names, junk.encode("utf-8", "replace")))

    content = b"".join(response)
    assert response.status_code == 200
    assert str(browser.job.key).encode() in content
    assert b"<script>alert(1)" not in content


@pytest.mark.parametrize(("name", "value"), [("status", "junk"), ("uploader", "0"), ("since", "0001-01-01")])
def test_a_filter_that_is_none_is_not_left_out_in_silence(browser: Browser, name: str, value: str) -> None:
    response = look(browser, **{name: value})

    assert "A filter in this address can't be understood and was left out." in words_of(response)
    assert listed(response) == keys(browser.job)


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01", "2026-02-30", "tomorrow"])
def test_a_day_that_is_none_is_said_after_the_button(browser: Browser, day: str) -> None:
    response = search(browser, "", until=day)

    assert response.status_code == 200
    assert "notice-warning" in text_of(response)


# Sorting


def test_the_list_is_sorted_as_asked(browser: Browser) -> None:
    team, own = browser.job.team, browser.job
    adam, zoe = make_user(team, username="adam"), make_user(team, username="zoe")
    Job.objects.filter(pk=own.pk).update(created_by=zoe, created_at=now() - timedelta(days=1))
    small = make_job(team, created_by=adam, created_at=now() - timedelta(days=2))
    large = make_job(team, created_by=adam, created_at=now() - timedelta(days=3))
    for job, count in ((own, 0), (small, 1), (large, 3)):
        manifest.declare(job.pk, [Entry(f"IM{number}", 1) for number in range(count)], False, "test")
    Job.objects.filter(pk=small.pk).update(status=JobStatus.ATTENTION)
    Job.objects.filter(pk=large.pk).update(status=JobStatus.ACCEPTED)

    orders = {
        sort: listed(look(browser, sort=sort))
        for sort in ("-date", "date", "status", "by", "-by", "-files", "files")
    }

    assert orders == {
        "-date": keys(own, small, large),
        "date": keys(large, small, own),
        "status": keys(small, own, large),
        "by": keys(small, large, own),
        "-by": keys(own, small, large),
        "-files": keys(large, small, own),
        "files": keys(own, small, large),
    }


@pytest.mark.parametrize(
    ("sort", "said"),
    [
        ("", "descending"),
        ("date", "ascending"),
        ("status", "ascending"),
        ("-files", "descending"),
        ("by", "ascending"),
    ],
)
def test_the_sorted_column_says_so_to_a_screen_reader(browser: Browser, sort: str, said: str) -> None:
    source = text_of(look(browser, sort=sort))

    assert re.findall(r'aria-sort="(\w+)"', source) == [said]


def test_a_column_turns_its_order_and_keeps_the_filters(browser: Browser) -> None:
    source = text_of(look(browser, status="uploading", page="1"))

    links = [unescape(link) for link in re.findall(r'class="sort" href="([^"]*)"', source)]
    assert links == [
        "?status=uploading&sort=date",
        "?status=uploading&sort=status",
        "?status=uploading&sort=-files",
        "?status=uploading&sort=by",
    ]


# What a row shows


def test_a_row_says_whose_images_it_holds_and_how_they_fared(browser: Browser) -> None:
    job = browser.job
    Job.objects.update(status=JobStatus.ATTENTION, is_stat=True, note="before surgery")
    make_patient(job, name="DOE^JANE", patient_id="P1")
    make_patient(job, name="ROE^RICHARD")
    for modality in ("CT", "CT", "SR"):
        make_series(job, modality=modality)
    for status in (FileStatus.ACCEPTED, FileStatus.ACCEPTED, FileStatus.SENT, FileStatus.REJECTED):
        make_file(job, status=status)

    words = words_of(look(browser))

    assert "STAT before surgery Doe, Jane".lower() in words.lower()
    assert "P1 and 1 more CT, SR 3 series Needs attention 4 2 2" in words


def test_the_history_of_many_uploads_takes_as_many_queries_as_that_of_one(browser: Browser) -> None:
    def fill(job: Job) -> None:
        make_patient(job)
        make_file(job, series=make_series(job))

    fill(browser.job)
    with CaptureQueriesContext(connection) as one:
        look(browser)
    for job in make_jobs(browser, 60):
        fill(job)

    with CaptureQueriesContext(connection) as many:
        response = look(browser)

    assert len(listed(response)) == 50
    assert len(many) == len(one) <= QUERIES_A_PAGE


@pytest.mark.parametrize("filters", [Filters(), Filters(status=JobStatus.ACCEPTED), Filters(sort="date")])
def test_a_page_is_cut_along_an_index_without_sorting(browser: Browser, filters: Filters) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("the plan is read in SQLite's words")

    plan = rows.wanted(browser.job.created_by, filters).values_list("pk", flat=True)[1000:1050].explain()

    assert "COVERING INDEX history_" in plan
    assert "TEMP B-TREE" not in plan


# Other teams


def test_another_teams_uploads_are_in_no_part_of_the_history(browser: Browser, found: Job) -> None:
    stranger = Browser(client_of(make_user(make_team())), found)

    answers = [
        look(stranger),
        search(stranger, "müller"),
        search(stranger, str(found.key)),
        look(stranger, uploader=found.created_by.pk, status="uploading"),
        stranger.client.get(reverse("job-list-rows"), {"job": str(found.key)}),
        stranger.client.get(reverse("unfinished-jobs")),
    ]
    table = b"".join(stranger.client.get(reverse("job-list-csv")).streaming_content).decode()  # type: ignore[attr-defined]  # a stream

    assert [
        answer for answer in answers if str(found.key) in re.sub(r'value="[^"]*"', "", text_of(answer))
    ] == []
    assert [text for text in [*map(text_of, answers), table] if "PX-7781" in text] == []


# Live


@pytest.mark.parametrize("status", list(JobStatus))
def test_rows_are_asked_for_again_as_long_as_one_moves(browser: Browser, status: JobStatus) -> None:
    Job.objects.update(status=status)

    page = text_of(look(browser))
    part = text_of(browser.client.get(reverse("job-list-rows"), {"job": str(browser.job.key)}))

    moves = status in (JobStatus.UPLOADING, JobStatus.PROCESSING)
    assert ("jobs/rows/?job=" in page, "jobs/rows/?job=" in part) == (moves, moves)


def test_an_upload_that_was_left_is_not_asked_for_again(browser: Browser) -> None:
    Job.objects.update(last_arrival_at=now() - timedelta(hours=2))

    assert "hx-get" not in text_of(look(browser))


def test_the_live_rows_are_the_pages_own(browser: Browser) -> None:
    make_patient(browser.job)
    job = make_job(browser.job.team)

    page = look(browser, sort="date")
    address = unescape(re.findall(r'hx-get="([^"]*rows[^"]*)"', text_of(page))[0])
    part = browser.client.get(address)

    assert listed(part) == keys(browser.job, job)
    assert text_of(part).strip() in text_of(page)


@pytest.mark.parametrize("junk", JUNK)
def test_rows_of_junk_are_none(browser: Browser, junk: str) -> None:
    response = browser.client.get(reverse("job-list-rows"), {"job": junk.encode("utf-8", "replace")})

    assert response.status_code == 200
    assert listed(response) == []


def test_so_many_rows_fit_an_address(browser: Browser) -> None:
    make_jobs(browser, 60)

    address = re.findall(r'hx-get="([^"]*rows[^"]*)"', text_of(look(browser)))[0]

    assert len(unescape(address)) < 4000  # gunicorn takes 4,094


# Unfinished uploads


def test_unfinished_uploads_are_on_top_with_what_is_still_to_come(browser: Browser) -> None:
    Job.objects.update(last_arrival_at=now() - timedelta(hours=2))
    make_job(browser.job.team, status=JobStatus.PROCESSING)
    for status in (FileStatus.DECLARED, FileStatus.DECLARED, FileStatus.ACCEPTED):
        make_file(browser.job, status=status)

    source = text_of(look(browser))

    part = source[source.index('id="unfinished"') : source.index('id="rows"')]
    assert re.findall(r'href="/upload/\?job=([0-9a-f-]{36})"', part) == keys(browser.job)
    assert "2 of 3 files still to come" in part
    assert ">Continue<" in part


def test_an_upload_that_a_script_sends_or_that_moves_is_not_to_be_continued(browser: Browser) -> None:
    make_job(browser.job.team, source=Source.SCRIPT, last_arrival_at=now() - timedelta(hours=2))

    source = text_of(look(browser))

    assert ">Show<" in source
    assert ">Continue<" not in source


def test_of_many_unfinished_uploads_the_newest_are_shown_and_the_rest_are_a_click_away(
    browser: Browser,
) -> None:
    make_jobs(browser, 8)

    source = text_of(look(browser))

    assert source.count('id="continue-') == 3
    assert '?status=uploading">All 9 unfinished uploads' in source


@pytest.mark.parametrize("values", [{"status": "accepted"}, {"page": "2"}])
def test_whoever_looks_for_something_else_is_not_shown_unfinished_uploads(
    browser: Browser, values: dict[str, str]
) -> None:
    make_jobs(browser, 60)

    assert 'id="continue-' not in text_of(look(browser, **values))


# The table


def table_of(browser: Browser, **values: Any) -> list[dict[str, str]]:  # Any: what is typed
    """The CSV that the button gives."""
    response = browser.client.get(reverse("job-list-csv"), values)
    text = b"".join(response.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]  # a stream
    return list(csv.DictReader(io.StringIO(text)))


def test_the_table_has_every_upload_of_the_view_in_its_order(browser: Browser, found: Job) -> None:
    Job.objects.filter(pk=browser.job.pk).update(status=JobStatus.ACCEPTED)
    jobs = make_jobs(browser, 120)

    lines = table_of(browser, status="uploading", sort="date", page="2")

    assert [line["reference"] for line in lines] == keys(*reversed(jobs), found)


def test_the_table_says_what_the_list_says(browser: Browser, found: Job) -> None:
    address = search(browser, "müller").redirect_chain[-1][0]

    (line,) = table_of(browser, q=parse_qs(urlsplit(address).query)["q"][0])

    assert line["patients"] == "Müller, Jörg".upper()
    assert (line["patient_ids"], line["accession_numbers"]) == ("PX-7781", "ACC0042/B")
    assert (line["modalities"], line["study_uids"]) == ("CT", "1.2.840.99.5")
    assert (line["status"], line["by"], line["files"]) == ("Uploading", "night.nurse", "1")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", '=HYPERLINK("http://evil")'])
def test_a_cell_of_the_table_runs_nothing(browser: Browser, text: str) -> None:
    Job.objects.update(note=text)
    make_patient(browser.job, name=text, patient_id=text)

    (line,) = table_of(browser)

    assert [line[column] for column in ("note", "patient_ids")] == [f"'{text}"] * 2
    assert line["patients"][0] not in "=+-@"


def test_the_tables_name_says_nothing(browser: Browser, found: Job) -> None:
    response = browser.client.get(reverse("job-list-csv"))

    assert re.fullmatch(
        r'attachment; filename="uploads-\d{4}-\d\d-\d\d\.csv"', response["Content-Disposition"]
    )


def test_who_saw_or_took_which_uploads_is_logged_by_numbers_only(
    browser: Browser, found: Job, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="uploads.views.job_list")
    user = browser.client.session["_auth_user_id"]

    search(browser, "müller")
    table_of(browser, status="uploading", sort="date")

    assert [record.getMessage() for record in caplog.records] == [
        f"user {user} sees uploads [{found.pk}]",
        f"user {user} exports uploads [{browser.job.pk}, {found.pk}]",
    ]


# Nothing to show


def test_an_empty_history_says_where_to_begin() -> None:
    response = client_of(make_user(make_team())).get(reverse("job-list"))

    assert "Nothing has been uploaded yet" in words_of(response)
    assert 'role="search"' not in text_of(response)


def test_a_search_without_a_result_says_how_to_look_and_how_to_get_back(browser: Browser) -> None:
    response = search(browser, "nobody")

    assert "No upload matches Every word has to be found" in words_of(response)
    assert f'href="{reverse("job-list")}">Clear search and filters' in text_of(response)
    assert 'value="nobody"' in text_of(response)
