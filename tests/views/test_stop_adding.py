"""Somebody stops adding files to an upload: what is there stays."""

from typing import Final

import pytest

from tests.factories import make_file
from tests.views.browser import Browser, open_browser
from uploads.models import Job
from uploads.pipeline import closing
from uploads.reasons import Reason
from uploads.states import FileStatus, JobStatus

pytestmark = pytest.mark.django_db


def an_upload_with_one_image() -> Browser:
    """An upload that Qure has accepted, and to which files are added under the number 1."""
    browser = open_browser(status=JobStatus.ACCEPTED, additions=1)
    make_file(browser.job, path="CD/IM1", status=FileStatus.ACCEPTED)
    return browser


def add(browser: Browser, *paths: str) -> list[int]:
    """Declare files that are to be added; answer their numbers."""
    answer = browser.declare({"files": [{"path": path, "size": 1} for path in paths], "last": True})
    return [line["number"] for line in answer.body["files"]]


def stop(browser: Browser, **data: object) -> tuple[int, object]:
    """Stop adding, as the page does."""
    answer = browser.stop(data)
    return answer.status, answer.body


def test_what_has_not_arrived_stays_on_the_computer_and_counts_no_more() -> None:
    browser = an_upload_with_one_image()
    numbers = add(browser, "added 1/CD/IM1", "added 1/CD/IM2")

    answer = stop(browser, addition=1, numbers=numbers)

    assert answer == (200, {})
    added = browser.job.files.filter(number__in=numbers)
    assert set(added.values_list("status", "reason", "is_left_out")) == {
        (FileStatus.IGNORED, Reason.ADDING_STOPPED, True)
    }
    assert Job.objects.get().file_count == 1


def test_an_accepted_upload_is_accepted_as_before() -> None:
    browser = an_upload_with_one_image()
    numbers = add(browser, "added 1/CD/IM1")

    stop(browser, addition=1, numbers=numbers)
    closing.close(browser.job.pk)

    assert Job.objects.get().status == JobStatus.ACCEPTED
    assert browser.statuses() == [FileStatus.ACCEPTED, FileStatus.IGNORED]


def test_what_is_stopped_before_the_list_has_ended_is_waited_for_no_longer() -> None:
    browser = an_upload_with_one_image()
    answer = browser.declare({"files": [{"path": "added 1/CD/IM1", "size": 1}], "last": False})

    stop(browser, addition=1, numbers=[answer.body["files"][0]["number"]])

    assert Job.objects.get().manifest_closed_at is not None


def test_a_file_that_lacked_before_lacks_again() -> None:
    browser = an_upload_with_one_image()
    missing = make_file(
        browser.job, path="CD/IM2", size=1, status=FileStatus.MISSING, reason=Reason.NEVER_ARRIVED
    )
    add(browser, "CD/IM2")

    stop(browser, addition=1, numbers=[missing.number])

    missing.refresh_from_db()
    assert (missing.status, missing.reason) == (FileStatus.MISSING, Reason.NEVER_ARRIVED)


def test_what_has_arrived_stays() -> None:
    browser = an_upload_with_one_image()
    here, coming = add(browser, "added 1/CD/IM1", "added 1/CD/IM2")
    browser.send([(str(here), b"1")])

    stop(browser, addition=1, numbers=[here, coming])

    statuses = dict(browser.job.files.values_list("number", "status"))
    assert statuses[here] not in (FileStatus.IGNORED, FileStatus.MISSING, FileStatus.CANCELLED)
    assert statuses[coming] == FileStatus.IGNORED


def test_files_that_stayed_can_be_added_after_all() -> None:
    browser = an_upload_with_one_image()
    numbers = add(browser, "added 1/CD/IM1")
    stop(browser, addition=1, numbers=numbers)

    answer = browser.declare({"files": [{"path": "added 1/CD/IM1", "size": 1}], "last": True})

    assert answer.body["files"] == [{"number": numbers[0], "wanted": True}]


@pytest.mark.parametrize("status", [JobStatus.ACCEPTED, JobStatus.CANCELLED])
def test_an_upload_that_waits_for_nothing_stays_as_it_is(status: JobStatus) -> None:
    browser = open_browser(status=status)
    file = make_file(browser.job, status=FileStatus.ACCEPTED)

    answer = stop(browser, addition=1, numbers=[file.number])

    assert answer == (200, {})
    assert (Job.objects.get().status, browser.statuses()) == (status, [FileStatus.ACCEPTED])


NO_NUMBERS: Final[list[object]] = [None, -1, "1", True, 1.5, [1]]


@pytest.mark.parametrize("addition", NO_NUMBERS, ids=repr)
def test_without_the_addition_s_number_nothing_is_stopped(browser: Browser, addition: object) -> None:
    numbers = browser.choose(1)

    answer = browser.stop({"addition": addition, "numbers": numbers})

    assert answer.refusal == (400, "bad_addition")
    assert browser.statuses() == [FileStatus.DECLARED]
