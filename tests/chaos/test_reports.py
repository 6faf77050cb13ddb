"""A run that went wrong is called wrong: the judge is no rubber stamp."""

import uuid
from collections import Counter
from dataclasses import replace
from typing import cast
from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse

from tests.chaos.people import Person, Sent
from tests.chaos.plans import Plan
from tests.chaos.reports import Receivers, Report, premature, unseen
from tests.chaos.watching import PAGE, ROW, Sighting
from tests.clients import Upload
from tests.factories import make_file, make_job, make_team, make_user
from uploads.states import FileStatus, JobStatus

GOOD = Report(Plan(1, 1, 1), Counter(), 1.0, 1, 1, 5, [], [], [], [], [], [], [])
JOB = uuid.UUID(int=1)
SOMEBODY = cast(Person, None)  # whom nobody asks
ARRIVED = [{"sha256": "a", "first_at": 10.0}, {"sha256": "b", "first_at": 20.0}]
DIGESTS: dict[UUID, frozenset[str]] = {JOB: frozenset({"a", "b"})}


@pytest.mark.parametrize(
    "wrong", ["lost", "falsely_accepted", "differing", "in_limbo", "violations", "unseen", "trouble"]
)
def test_a_report_with_anything_in_a_list_is_not_good(wrong: str) -> None:
    assert not replace(GOOD, **{wrong: ["something"]}).is_good  # type: ignore[arg-type]  # a list each


def test_a_report_with_nothing_in_its_lists_is_good() -> None:
    assert GOOD.is_good


@pytest.mark.parametrize("looks", [0, 1, 4])
def test_a_run_at_which_nobody_looked_is_not_good(looks: int) -> None:
    report = replace(GOOD, looks=looks)

    assert not report.is_good
    assert "too few looks" in str(report)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ([Sighting(JOB, 11.0, "processing", 1), Sighting(JOB, 21.0, "accepted", 2)], []),
        ([Sighting(JOB, 21.0, "accepted", 2)], []),
        ([Sighting(JOB, 11.0, "processing", 1)], [f"{JOB} never seen as accepted"]),
        ([Sighting(JOB, 21.0, "accepted", 1)], [f"{JOB} never seen as accepted"]),
        ([], [f"{JOB} never seen as accepted"]),
        ([Sighting(UUID(int=2), 21.0, "accepted", 2)], [f"{JOB} never seen as accepted"]),
    ],
    ids=["on its way too", "at its end", "never at its end", "without its files", "not at all", "another"],
)
def test_each_upload_is_to_be_seen_at_its_end(seen: list[Sighting], expected: list[str]) -> None:
    upload = Upload(JOB, JOB, "", [], [])

    assert unseen(seen, [Sent(upload, frozenset("ab"), SOMEBODY, JobStatus.ACCEPTED)]) == expected


def test_a_cancelled_upload_is_to_be_seen_as_cancelled() -> None:
    sent = [Sent(Upload(JOB, JOB, "", [], []), frozenset("ab"), SOMEBODY, JobStatus.CANCELLED)]

    assert unseen([Sighting(JOB, 11.0, "cancelled", 1)], sent) == []
    assert unseen([Sighting(JOB, 11.0, "uploading", 1)], sent) == [f"{JOB} never seen as cancelled"]


@pytest.mark.parametrize(
    ("sightings", "expected"),
    [
        ([Sighting(JOB, 11.0, "processing", 1)], 0),
        ([Sighting(JOB, 9.0, "processing", 1)], 1),
        ([Sighting(JOB, 21.0, "accepted", 2)], 0),
        ([Sighting(JOB, 11.0, "accepted", 1)], 1),
        ([Sighting(JOB, 21.0, "processing", 2), Sighting(JOB, 22.0, "attention", 1)], 1),
    ],
    ids=["true", "a file too early", "all true", "the upload too early", "taken back"],
)
def test_a_page_is_compared_with_what_qure_had_at_that_moment(
    sightings: list[Sighting], expected: int
) -> None:
    assert len(premature(sightings, DIGESTS, ARRIVED)) == expected


def test_what_each_team_sent_and_its_receiver_has_is_neither_lost_nor_differing() -> None:
    receivers = both(have={1: "ab", 2: "c"}, sent={1: "ab", 2: "c"})

    assert (receivers.files, receivers.lost(), receivers.differing()) == (3, [], [])


def test_a_file_of_one_team_that_came_to_the_other_teams_receiver_too_is_called_wrong() -> None:
    receivers = both(have={1: "ab", 2: "ac"}, sent={1: "ab", 2: "c"})

    assert (receivers.lost(), receivers.differing()) == ([], ["a"])


def test_a_file_that_came_to_the_other_teams_receiver_only_is_lost_too() -> None:
    receivers = both(have={1: "b", 2: "ac"}, sent={1: "ab", 2: "c"})

    assert (receivers.lost(), receivers.differing()) == (["a"], ["a"])


def test_of_a_cancelled_upload_nothing_is_lost_and_nothing_may_go_astray() -> None:
    receivers = both(have={1: "a", 2: "b"}, sent={1: "ab", 2: ""}, end=JobStatus.CANCELLED)

    assert (receivers.lost(), receivers.differing()) == ([], ["b"])


def both(have: dict[int, str], sent: dict[int, str], end: JobStatus = JobStatus.ACCEPTED) -> Receivers:
    """Two receivers by their ports; a letter is a file's digest."""
    rows = {port: [{"sha256": digest} for digest in letters] for port, letters in have.items()}
    upload = Upload(JOB, JOB, "", [], [])
    uploads = {port: [Sent(upload, frozenset(its), SOMEBODY, end)] for port, its in sent.items()}
    return Receivers(rows, uploads)


@pytest.mark.django_db
def test_status_and_count_are_read_from_the_pages(client: Client) -> None:
    team = make_team()
    client.force_login(make_user(team))
    job = make_job(team, status=JobStatus.ACCEPTED)
    for _ in range(2):
        make_file(job, status=FileStatus.ACCEPTED)

    listed = ROW.search(client.get(reverse("job-list")).text)
    shown = PAGE.search(client.get(reverse("job-progress", args=[job.key])).text)

    expected = {"status": "accepted", "accepted": "2"}
    assert listed and listed.groupdict() == {"job": str(job.key), **expected}
    assert shown and shown.groupdict() == expected
