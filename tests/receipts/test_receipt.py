"""What a receipt says of an upload: no more than is proven, and all of it."""

import uuid

import pytest

from tests.factories import make_batch, make_file, make_job
from tests.receipts.uploads import (
    ANSWER,
    accepted_job,
    add_attempt,
    cancelled_job,
    digest,
    leave_out,
    short_job,
    tidied_job,
)
from uploads import history, outcomes, receipts
from uploads.models import Patient, Series
from uploads.reasons import Reason
from uploads.states import BatchStatus, FileStatus, JobStatus, Outcome

pytestmark = pytest.mark.django_db


def test_it_says_who_sent_what_where_and_when() -> None:
    job = accepted_job(note="second look", is_stat=True)

    receipt = receipts.receipt(job)

    assert receipt.reference == job.key
    assert (receipt.team, receipt.uploader) == (job.team.name, job.created_by.username)
    assert receipt.destinations == [job.team.destination.name]
    assert (receipt.note, receipt.is_stat, receipt.source) == ("second look", True, "Browser")
    assert receipt.ended_at is not None and receipt.created_at <= receipt.ended_at <= receipt.made_at


def test_its_counts_and_words_are_those_of_the_uploads_page() -> None:
    job = short_job()

    receipt = receipts.receipt(job)

    assert receipt.progress == history.progress(job)
    assert [one.ledger for study in receipt.studies for one in study.series] == outcomes.series_ledgers(job)
    assert list(receipt.reasons) == outcomes.reason_groups(job)


def test_it_says_what_qure_reported_of_a_series_that_is_short() -> None:
    receipt = receipts.receipt(short_job())

    ((series,),) = [study.series for study in receipt.studies]
    assert (series.ledger.sent, series.reported, series.ledger.sentence) == (3, 2, "Qure has 2 of 3")
    assert not receipt.is_accepted


@pytest.mark.parametrize(
    ("accepted", "headline", "sentence"),
    [
        (0, "Cancelled. Qure had accepted 0 images before.", "Qure may have 2 images"),
        (1, "Cancelled. Qure had accepted 1 image before.", "Qure has 1, may have 2 more"),
    ],
)
def test_of_what_was_cancelled_after_a_request_it_does_not_say_that_it_was_not_sent(
    accepted: int, headline: str, sentence: str
) -> None:
    receipt = receipts.receipt(cancelled_job(accepted))

    ((series,),) = [study.series for study in receipt.studies]
    assert receipt.progress.headline == f"{headline} Qure may have 2 images that it has not confirmed."
    assert series.ledger.sentence == sentence
    assert [(group.sentence, group.tone) for group in receipt.reasons] == [
        (Reason.MAY_HAVE_ARRIVED.sentence, "problem")
    ]
    assert receipt.attempts[-1].files == 2


@pytest.mark.parametrize(
    ("stored", "written"), [("20240229", "2024-02-29"), ("2024-02-29", "2024-02-29"), ("?", "?"), ("", "")]
)
def test_a_date_of_dicom_is_written_as_the_receipts_other_dates(stored: str, written: str) -> None:
    job = accepted_job()
    Series.objects.update(study_date=stored)
    Patient.objects.update(birth_date=stored)

    receipt = receipts.receipt(job)

    assert [study.date for study in receipt.studies] == [written]
    assert [patient.birth_date for patient in receipt.patients] == [written]


def test_it_keeps_qures_answers_whole() -> None:
    (attempt,) = receipts.receipt(accepted_job()).attempts

    assert (attempt.batch, attempt.number, attempt.files, attempt.http_status) == (1, 1, 3, 200)
    assert attempt.answer == ANSWER
    assert attempt.is_accepted


def test_an_attempt_that_failed_is_told_too() -> None:
    job = accepted_job()
    add_attempt(job, Series.objects.get(), outcome=Outcome.NOT_REACHED, http_status=None, receipt="")

    attempts = receipts.receipt(job).attempts

    assert [(one.batch, one.outcome, one.is_accepted) for one in attempts] == [
        (1, "Accepted", True),
        (2, "Not reached", False),
    ]


def test_an_answer_that_counts_too_few_is_not_called_accepted() -> None:
    (attempt,) = receipts.receipt(short_job()).attempts

    assert attempt.outcome == "Answered; the counts prove less than was sent"
    assert not attempt.is_accepted


@pytest.mark.parametrize("status", JobStatus)
def test_it_is_final_only_of_an_upload_at_rest(status: JobStatus) -> None:
    job = make_job(status=status)

    assert receipts.receipt(job).is_final == job.is_at_rest


@pytest.mark.parametrize("status", JobStatus)
def test_only_an_accepted_upload_is_said_to_be_accepted(status: JobStatus) -> None:
    job = make_job(status=status)

    assert receipts.receipt(job).is_accepted == (status == JobStatus.ACCEPTED)


def test_a_cancelled_upload_with_a_request_under_way_is_not_final_yet() -> None:
    job = make_job(status=JobStatus.CANCELLED)
    make_batch(job, status=BatchStatus.SENDING, lease_until=job.created_at)

    assert not receipts.receipt(job).is_final


def test_the_digest_is_the_one_that_its_rule_says() -> None:
    receipt = receipts.receipt(accepted_job(count=11))

    lines = sorted(f"1.2.3.7.{number} {digest(f'went {number}')}\n" for number in range(11))
    assert receipt.digest == receipt.studies[0].series[0].digest == digest("".join(lines))


def test_a_file_that_was_not_sent_has_no_part_in_the_digest() -> None:
    job = accepted_job()
    before = receipts.receipt(job).digest
    make_file(job, series=Series.objects.get(), status=FileStatus.REFUSED, wire_sha256=digest("refused"))

    assert receipts.receipt(job).digest == before


def test_nothing_sent_has_no_digest() -> None:
    assert receipts.receipt(make_job()).digest == ""


def test_each_file_is_told_with_its_digests_and_its_outcome() -> None:
    job = accepted_job(count=1)

    (file,) = receipts.files(job)

    assert (file.number, file.path, file.outcome) == (0, "CD/IM00000", "Accepted by Qure")
    assert (file.sha256, file.wire_sha256) == (digest("came 0"), digest("went 0"))
    assert file.reason.startswith("The file had no DICOM file header")


@pytest.mark.parametrize("wire", ["", digest("the same")])
def test_a_file_that_is_sent_as_it_came_needs_no_word(wire: str) -> None:
    job = make_job()
    make_file(job, sha256=digest("the same"), wire_sha256=wire)

    (file,) = receipts.files(job)

    assert file.reason == ""


def test_why_a_file_was_not_sent_is_said() -> None:
    files = list(receipts.files(short_job()))

    assert [file.reason for file in files][3:] == ["This is not a DICOM file, so it was left out."]


def test_what_stayed_on_the_computer_is_told_apart_from_what_was_chosen() -> None:
    receipt = receipts.receipt(tidied_job(unlisted=4))

    assert (receipt.left_out, receipt.unlisted) == (3, 4)
    assert (receipt.progress.selected, receipt.progress.received, receipt.progress.accepted) == (3, 3, 3)
    assert receipt.is_accepted


def test_each_reason_to_leave_a_file_out_is_told() -> None:
    groups = receipts.receipt(tidied_job()).reasons

    told = {group.code: (group.count, group.tone) for group in groups}
    expected = dict.fromkeys(("system_file", "not_an_image", "not_chosen"), (1, "left_out"))
    assert told == expected


def test_a_damaged_file_that_was_left_out_is_chosen_and_not_received() -> None:
    job = tidied_job()
    leave_out(job, 6, FileStatus.REJECTED, Reason.TRUNCATED_PIXELS)

    receipt = receipts.receipt(job)

    assert (receipt.progress.selected, receipt.progress.received, receipt.left_out) == (4, 3, 3)
    assert (receipt.reasons[0].code, receipt.reasons[0].tone) == ("truncated_pixels", "problem")


def test_a_report_that_came_and_was_left_out_here_is_chosen_and_received() -> None:
    job = accepted_job()
    make_file(job, status=FileStatus.IGNORED, reason=Reason.NOT_AN_IMAGE, sha256=digest("report"))

    receipt = receipts.receipt(job)

    assert (receipt.progress.selected, receipt.progress.received, receipt.left_out) == (4, 4, 0)


def test_what_stayed_on_the_computer_has_no_part_in_the_digest() -> None:
    assert receipts.receipt(tidied_job()).digest == receipts.receipt(accepted_job()).digest


def test_the_reference_is_the_uploads() -> None:
    key = uuid.uuid4()

    assert receipts.receipt(make_job(key=key)).reference == key
