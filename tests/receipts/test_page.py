"""The receipt as a page."""

import re

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from tests.factories import make_job, make_user
from tests.receipts.uploads import ANSWER, accepted_job, short_job, tidied_job
from tests.views.browser import text_of
from uploads import receipts
from uploads.models import Job
from uploads.reasons import Reason

pytestmark = pytest.mark.django_db


def page_of(job: Job, name: str = "receipt") -> str:
    """A page of the job, as a member of its team sees it."""
    client = Client()
    client.force_login(make_user(job.team))
    return text_of(client.get(reverse(name, args=[job.key])))


def test_it_shows_the_reference_the_digests_and_qures_answer() -> None:
    job = accepted_job()

    page = page_of(job)

    assert str(job.key) in page
    assert receipts.receipt(job).digest in page
    assert ANSWER.replace('"', "&quot;") in page
    assert "PROVISIONAL" not in page


def test_an_upload_that_has_not_ended_is_provisional() -> None:
    assert "PROVISIONAL" in page_of(make_job())


def test_green_is_only_what_the_receipts_prove() -> None:
    assert "is-all" in page_of(accepted_job())
    assert "is-all" not in page_of(short_job())


def test_what_was_left_out_on_the_computer_is_said_with_its_reasons() -> None:
    page = page_of(tidied_job(unlisted=4000))

    said = [
        "3 files were left out on the computer, as expected; they are not counted as chosen.",
        "4,000 more files were left out on the computer and are not listed.",
        *map(escape, (Reason.SYSTEM_FILE.sentence, Reason.NOT_AN_IMAGE.sentence, Reason.NOT_CHOSEN.sentence)),
    ]
    assert [sentence for sentence in said if sentence not in page] == []


def test_an_upload_of_which_nothing_was_left_out_has_no_word_of_it() -> None:
    assert "left out" not in page_of(accepted_job())


def test_the_title_names_nobody() -> None:
    assert re.findall(r"<title>(\w+)", page_of(accepted_job())) == ["Receipt"]


@pytest.mark.parametrize("name", ["receipt-pdf", "receipt-csv", "job"])
def test_it_leads_to_the_documents_and_back(name: str) -> None:
    job = accepted_job()

    assert f'href="{reverse(name, args=[job.key])}"' in page_of(job)


def test_the_uploads_page_leads_to_it() -> None:
    job = accepted_job()

    assert f'href="{reverse("receipt", args=[job.key])}"' in page_of(job, "job")


def test_it_belongs_to_the_history() -> None:
    assert 'aria-current="true">History</a>' in page_of(accepted_job())
