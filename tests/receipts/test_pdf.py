"""The receipt on paper: it opens, holds its text in any script, and can't be mistaken for more than it is."""

import hashlib
import io

import pytest
from django.test import Client
from django.urls import reverse
from pypdf import PdfReader

from tests.factories import make_job, make_patient, make_series, make_user
from tests.receipts.uploads import ANSWER, accepted_job, cancelled_job, short_job, tidied_job
from uploads import receipts
from uploads.documents import sheet
from uploads.documents.receipt_pdf import ANSWER_CHARACTERS, receipt_pdf
from uploads.models import Job
from uploads.reasons import Reason
from uploads.states import JobStatus

pytestmark = pytest.mark.django_db


def pages_of(content: bytes) -> list[str]:
    """The text of each page, without the breaks of lines."""
    reader = PdfReader(io.BytesIO(content), strict=True)
    return [page.extract_text().replace("\n", " ") for page in reader.pages]


def printed(job: Job) -> str:
    """The receipt's text, without spaces: where a line is broken says nothing."""
    text = "".join(pages_of(receipt_pdf(receipts.receipt(job))))
    return squeezed(text.replace("\0", ""))  # pypdf reads the codes of CJK letters as two


def squeezed(text: str) -> str:
    return "".join(text.split())


def test_it_says_what_the_receipt_says() -> None:
    job = accepted_job(description="Head without contrast", note="second look")
    series = job.series.get()

    text = printed(job)

    said = [
        *(str(job.key), job.team.name, job.created_by.username, "second look"),
        *(series.study_uid, series.series_uid, "Head without contrast", ANSWER),
        "3 chosen, 3 received, 3 good, 3 sent, 3 accepted by Qure",
        "Qure has accepted 3 images: all images of this upload.",
        *(receipts.receipt(job).digest, "UTC+00:00"),
    ]
    assert [part for part in said if squeezed(part) not in text] == []
    assert "PROVISIONAL" not in text


def test_of_what_was_cancelled_after_a_request_it_says_that_qure_may_have_it() -> None:
    text = printed(cancelled_job())

    assert squeezed("Qure may have 2 images that it has not confirmed.") in text
    assert squeezed(Reason.MAY_HAVE_ARRIVED.sentence) in text
    assert "notsent" not in text.lower()


@pytest.mark.parametrize("status", [JobStatus.UPLOADING, JobStatus.PROCESSING])
def test_of_an_upload_that_has_not_ended_it_begins_with_provisional(status: JobStatus) -> None:
    assert printed(make_job(status=status)).startswith("PROVISIONAL")


def test_a_series_that_is_short_is_not_called_accepted() -> None:
    text = printed(short_job())

    assert squeezed("Qure has 2 of 3") in text
    assert "AcceptedbyQure" not in text
    assert ":Accepted" not in text


def test_what_was_left_out_on_the_computer_is_said_with_its_reasons() -> None:
    text = printed(tidied_job(unlisted=4000))

    said = [
        "Left out 3 files were left out on the computer, as expected; they are not counted as chosen.",
        "4,000 more files were left out on the computer and are not listed.",
        *(Reason.SYSTEM_FILE.sentence, Reason.NOT_AN_IMAGE.sentence, Reason.NOT_CHOSEN.sentence),
    ]
    assert [sentence for sentence in said if squeezed(sentence) not in text] == []


def test_an_upload_of_which_nothing_was_left_out_has_no_word_of_it() -> None:
    assert squeezed("left out") not in printed(accepted_job())


@pytest.mark.parametrize(
    "description",
    ["Schädel Łódź", "Κρανίο", "Череп", "מוח", "头部 山田太郎", "두부 검사", "मर", "ศีรษะ"],
)
def test_text_in_any_script_is_printed(description: str) -> None:
    assert squeezed(description) in printed(accepted_job(description=description))


def test_arabic_is_printed_from_right_to_left() -> None:
    assert "محمد" in printed(accepted_job(description="محمد"))


def test_a_letter_that_no_font_has_is_replaced_by_its_number() -> None:
    assert "Head[U+1F9E0][U+1200]" in printed(accepted_job(description="Head \U0001f9e0\u1200"))


@pytest.mark.parametrize("text", ["bell\a", "override\u202edesrever", "\ue000 private"])
def test_what_shows_nothing_or_turns_text_around_is_replaced(text: str) -> None:
    assert "[U+" in sheet.readable(text)


def test_a_long_answer_is_cut_and_it_is_said() -> None:
    job = accepted_job()
    job.batches.get().attempts.update(receipt="y" * (ANSWER_CHARACTERS + 1234))

    assert squeezed("[1,234 more characters: the CSV has all]") in printed(job)


def test_many_series_go_over_pages_that_say_whose_they_are() -> None:
    job = make_job()
    for _ in range(60):
        make_series(job, description="D" * 64)
    make_patient(job, name="N" * 200)

    pages = pages_of(receipt_pdf(receipts.receipt(job)))

    assert len(pages) > 3
    assert all(str(job.key) in page for page in pages)
    assert f"page {len(pages)} of {len(pages)}" in pages[-1]


def test_only_the_fonts_that_are_needed_are_opened() -> None:
    assert sheet.fonts_for(["Head", "Ω"]) == []
    assert sheet.fonts_for(["山", "ก"]) == ["thai", "cjk"]


def test_the_fonts_are_those_that_were_taken_in() -> None:
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sheet.FONTS.glob("*.ttf")}

    assert found == {
        "DejaVuSans.ttf": "7da195a74c55bef988d0d48f9508bd5d849425c1770dba5d7bfc6ce9ed848954",
        "DejaVuSans-Bold.ttf": "e6476c1b80502924294eed40894c5b18e06c181444ca953e5334262df9c27724",
    }
    assert "Bitstream Vera" in (sheet.FONTS / "LICENSE").read_text(encoding="utf-8")


def test_it_is_a_download_under_a_name_that_says_nothing(client: Client) -> None:
    job = accepted_job()
    client.force_login(make_user(job.team))

    response = client.get(reverse("receipt-pdf", args=[job.key]))

    assert response["Content-Disposition"] == f'attachment; filename="receipt-{job.key}.pdf"'
    assert response["Content-Type"] == "application/pdf"
    assert response.content.startswith(b"%PDF-")


def test_five_thousand_files_make_a_short_receipt() -> None:
    assert len(pages_of(receipt_pdf(receipts.receipt(accepted_job(count=5000))))) <= 2
