"""The receipt as a table: complete, the same when read again, and nothing in it runs."""

import csv
import io

import pytest
from django.test import Client
from django.urls import reverse

from tests.factories import make_file, make_job, make_user
from tests.receipts.uploads import (
    ANSWER,
    accepted_job,
    cancelled_job,
    digest,
    leave_out,
    short_job,
    tidied_job,
)
from uploads import receipts
from uploads.documents.receipt_csv import receipt_csv
from uploads.models import Job
from uploads.reasons import Reason
from uploads.states import FileStatus

pytestmark = pytest.mark.django_db

Rows = list[dict[str, str]]


def table_of(job: Job) -> Rows:
    """The table as a reader gets it."""
    return read("".join(receipt_csv(receipts.receipt(job), receipts.files(job))))


def read(text: str) -> Rows:
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text[1:], newline="")))


def kinds(rows: Rows) -> list[str]:
    return [row["record"] for row in rows]


def test_it_holds_the_upload_its_patients_series_requests_and_files() -> None:
    rows = table_of(accepted_job(count=2))

    assert kinds(rows) == ["upload", "patient", "series", "attempt", "file", "file"]


def test_the_upload_is_told_with_its_times_and_counts() -> None:
    job = accepted_job()

    upload = table_of(job)[0]

    assert upload["number"] == str(job.key)
    assert (upload["team"], upload["by"]) == (job.team.name, job.created_by.username)
    assert [upload[count] for count in ("selected", "received", "valid", "sent", "accepted")] == ["3"] * 5
    assert upload["begun"].endswith("+00:00") and upload["ended"].endswith("+00:00")


def test_qures_answer_is_in_it_whole() -> None:
    job = accepted_job()
    long = ANSWER + "x" * 100_000
    job.batches.get().attempts.update(receipt=long)

    (attempt,) = (row for row in table_of(job) if row["record"] == "attempt")

    assert (attempt["answer"], attempt["http_status"], attempt["status"]) == (long, "200", "Accepted")


def test_a_file_is_told_with_its_digests() -> None:
    file = table_of(accepted_job(count=1))[-1]

    assert (file["sha256_arrived"], file["sha256_sent"]) == (digest("came 0"), digest("went 0"))
    assert (file["path"], file["sop_uid"], file["status"]) == ("CD/IM00000", "1.2.3.7.0", "Accepted by Qure")


def test_what_was_cancelled_after_a_request_is_told_with_the_doubt() -> None:
    rows = table_of(cancelled_job())

    reasons = {row["reason"] for row in rows if row["record"] == "file"}
    assert reasons == {Reason.MAY_HAVE_ARRIVED.sentence}
    assert "Qure may have 2 images" in rows[0]["reason"]
    assert [row["status"] for row in rows if row["record"] == "series"] == ["Qure may have 2 images"]


def test_files_that_stayed_on_the_computer_are_rows_and_counted_apart() -> None:
    job = tidied_job(unlisted=4)
    leave_out(job, 6, FileStatus.REJECTED, Reason.TRUNCATED_PIXELS)

    rows = table_of(job)

    files = [row for row in rows if row["record"] == "file"]
    assert [row["left_out"] for row in files] == ["0", "0", "0", "1", "1", "1", "0"]
    assert [row["status"] for row in files[3:]] == ["Left out"] * 3 + ["Not sent"]
    assert (rows[0]["selected"], rows[0]["received"], rows[0]["left_out"]) == ("4", "3", "7")


def test_a_file_that_stayed_on_the_computer_says_why_and_has_no_digest() -> None:
    file = table_of(tidied_job())[-1]

    assert (file["reason"], file["path"]) == (Reason.NOT_CHOSEN.sentence, "CD/left out 5")
    assert (file["sha256_arrived"], file["sha256_sent"]) == ("", "")


def test_a_series_that_is_short_is_not_called_accepted() -> None:
    (series,) = (row for row in table_of(short_job()) if row["record"] == "series")

    assert (series["status"], series["reported_by_qure"]) == ("Qure has 2 of 3", "2")


def test_an_upload_that_has_not_ended_says_so_first() -> None:
    assert kinds(table_of(make_job()))[:2] == ["PROVISIONAL", "upload"]


@pytest.mark.parametrize(
    "path",
    [
        "=cmd|' /C calc'!A0",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "\uff1d1",
        '=HYPERLINK("http://x";"y")',
    ],
)
def test_a_cell_that_a_spreadsheet_would_run_is_text(path: str) -> None:
    job = make_job()
    make_file(job, path=path)

    assert table_of(job)[-1]["path"] == f"'{path}"


@pytest.mark.parametrize("path", ["山田^太郎/IM1", "Müller, “Łódź”\nund", 'a "quoted", path', "محمد"])
def test_any_text_is_the_same_when_it_is_read_again(path: str) -> None:
    job = make_job()
    make_file(job, path=path)

    assert table_of(job)[-1]["path"] == path


def test_a_negative_number_is_a_number() -> None:
    """Only what others wrote can be a formula."""
    job = accepted_job()
    job.series.get().receipt_lines.update(reported=-1)

    (series,) = (row for row in table_of(job) if row["record"] == "series")

    assert series["reported_by_qure"] == "-1"


def test_it_comes_in_pieces_under_a_name_that_says_nothing(client: Client) -> None:
    job = accepted_job(count=1200)
    client.force_login(make_user(job.team))

    response = client.get(reverse("receipt-csv", args=[job.key]))
    pieces = list(response)

    assert response["Content-Disposition"] == f'attachment; filename="receipt-{job.key}.csv"'
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert len(pieces) > 2
    assert len(read(b"".join(pieces).decode())) == 1204


def test_five_thousand_files_take_a_few_queries(django_assert_max_num_queries: object) -> None:
    job = accepted_job(count=5000)

    with django_assert_max_num_queries(25):  # type: ignore[operator]  # a context manager
        rows = table_of(job)

    assert kinds(rows).count("file") == 5000
