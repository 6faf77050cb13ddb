"""The numbers in an answer: both ways of counting, both types, and the richer form."""

import pytest

from tests.sandbox.wire import image, send, sop
from tests.sandboxes import Launch

A, B = "2.25.1", "2.25.2"


@pytest.mark.parametrize(
    ("counts", "repeats", "first", "second"),
    [
        ("request", "once", {A: 2, B: 1}, {A: 2}),
        ("request", "again", {A: 3, B: 1}, {A: 2}),
        ("series", "once", {A: 2, B: 1}, {A: 3}),
        ("series", "again", {A: 3, B: 1}, {A: 5}),
    ],
)
def test_both_ways_of_counting_with_repeats_counted_once_or_again(
    launch: Launch, counts: str, repeats: str, first: dict[str, int], second: dict[str, int]
) -> None:
    sandbox = launch(counts=counts, repeats=repeats)

    with_a_repeat = send(sandbox, image(1, A), image(2, A), image(9, B), image(2, A))
    with_an_old_one = send(sandbox, image(2, A), image(3, A))

    assert with_a_repeat.numbers == first
    assert with_an_old_one.numbers == second


def test_numbers_may_be_strings(launch: Launch) -> None:
    sandbox = launch(numbers="string")

    assert send(sandbox, image(1, A), image(2, A)).numbers == {A: "2"}


def test_one_uid_in_two_series_is_two_instances(launch: Launch) -> None:
    sandbox = launch(counts="series")

    assert send(sandbox, image(1, A), image(1, B)).numbers == {A: 1, B: 1}
    assert len(sandbox.rows()) == 2


def test_one_uid_with_other_bytes_is_counted_once_and_both_are_kept(launch: Launch) -> None:
    sandbox = launch(counts="series")

    send(sandbox, image(1, A))
    answer = send(sandbox, image(1, A, PatientID="another"))

    assert answer.numbers == {A: 1}
    assert len({row["sha256"] for row in sandbox.rows()}) == 2


def test_a_rich_answer_tells_what_became_of_each_file(launch: Launch) -> None:
    sandbox = launch(answer="rich")
    send(sandbox, image(1, A))

    answer = send(sandbox, image(1, A), image(2, A), b"text").json

    assert answer["message"] == "Success"
    assert answer["status"] == "success"
    assert {name: one["created"] for name, one in answer["messages"].items()} == {
        "file0": False,
        "file1": True,
        "file2": None,
    }
    assert answer["messages"]["file1"]["metadata"]["SOPInstanceUID"] == sop(2)
    assert not any(one["license_expired"] for one in answer["messages"].values())


def test_a_rich_answer_can_say_that_the_license_is_expired(launch: Launch) -> None:
    sandbox = launch(answer="rich", license_expired=True)

    assert send(sandbox, image(1)).json["messages"]["file0"]["license_expired"] is True
