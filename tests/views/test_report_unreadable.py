"""Files that the person's computer can't read."""

from typing import Final

import pytest

from tests.views.browser import Browser
from uploads.reasons import Reason
from uploads.states import FileStatus

pytestmark = pytest.mark.django_db


def test_the_file_is_named_and_the_others_are_waited_for(browser: Browser) -> None:
    _, second = browser.choose(1, 1)

    answer = browser.report({"numbers": [second]})

    assert (answer.status, answer.body) == (200, {})
    assert list(browser.job.files.order_by("number").values_list("status", "reason")) == [
        (FileStatus.DECLARED, ""),
        (FileStatus.REJECTED, Reason.UNREADABLE_SOURCE),
    ]


def test_to_report_twice_is_harmless(browser: Browser) -> None:
    numbers = browser.choose(1)

    first, second = browser.report({"numbers": numbers}), browser.report({"numbers": numbers})

    assert first == second


@pytest.mark.parametrize("numbers", [[], [0, 0], [1], [2**31], [2**46], list(range(100_000))], ids=len)
def test_numbers_of_no_file_that_is_waited_for_change_nothing(browser: Browser, numbers: list[int]) -> None:
    browser.choose(0)

    answer = browser.report({"numbers": numbers})

    assert answer.status == 200
    assert browser.job.files.get().reason == Reason.EMPTY


NO_NUMBERS: Final[list[object]] = [-1, 1.5, "1", None, True, [1], {}, float("nan"), 2**46 + 1, 10**30]


@pytest.mark.parametrize(
    "data",
    [None, [], 5, {}, {"numbers": 5}, {"numbers": "1"}, *({"numbers": [0, bad]} for bad in NO_NUMBERS)],
    ids=repr,
)
def test_what_is_no_list_of_numbers_is_refused(browser: Browser, data: object) -> None:
    browser.choose(1)

    answer = browser.report(data)

    assert answer.refusal == (400, "bad_numbers")
    assert browser.statuses() == [FileStatus.DECLARED]
