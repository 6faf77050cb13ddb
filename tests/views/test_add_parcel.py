"""A parcel on its way in: acknowledged when it is durable, refused without a trace."""

import uuid
from pathlib import Path
from typing import Final

import pytest
from pytest_django.fixtures import Settings

from tests.parcels import Members, digest_of, tar_of
from tests.views.browser import TAR, Browser, numbered, objects_in, open_browser
from uploads.models import Job, Parcel
from uploads.states import FileStatus, JobStatus

pytestmark = pytest.mark.django_db

CONTENTS: Final = [b"first", b"second file"]


def chosen(browser: Browser) -> Members:
    """Two declared files as members of a parcel."""
    return numbered(browser.choose(*map(len, CONTENTS)), CONTENTS)


def test_a_parcel_is_kept_whole_and_its_files_are_received(
    browser: Browser, staging_of_its_own: Path
) -> None:
    members = chosen(browser)

    answer = browser.send(members)

    assert (answer.status, answer.body) == (201, {"stored": [0, 1]})
    assert browser.statuses() == [FileStatus.RECEIVED] * 2
    assert [path.read_bytes() for path in objects_in(staging_of_its_own)] == [tar_of(members)]


def test_the_same_parcel_again_gets_the_same_answer_and_is_kept_once(
    browser: Browser, staging_of_its_own: Path
) -> None:
    members, key = chosen(browser), uuid.uuid4()

    first, second = browser.send(members, key=key), browser.send(members, key=key)

    assert (first.status, second.status) == (201, 200)
    assert first.body == second.body
    assert len(objects_in(staging_of_its_own)) == 1


def test_other_bytes_under_the_key_of_a_parcel_that_is_here_are_refused_and_change_nothing(
    browser: Browser, staging_of_its_own: Path
) -> None:
    members, key = chosen(browser), uuid.uuid4()
    browser.send(members[:1], key=key)

    answer = browser.send(members, key=key)

    assert answer.refusal == (409, "key_reused")
    assert browser.statuses() == [FileStatus.RECEIVED, FileStatus.DECLARED]
    assert [path.read_bytes() for path in objects_in(staging_of_its_own)] == [tar_of(members[:1])]


def test_a_parcel_is_acknowledged_again_after_the_upload_was_closed(browser: Browser) -> None:
    members, key = chosen(browser), uuid.uuid4()
    browser.send(members, key=key)
    Job.objects.filter(pk=browser.job.pk).update(status=JobStatus.PROCESSING)

    answer = browser.send(members, key=key)

    assert (answer.status, answer.body) == (200, {"stored": [0, 1]})


def test_two_uploads_may_use_the_same_parcel_key(browser: Browser) -> None:
    other, key = open_browser(), uuid.uuid4()

    answers = [one.send(chosen(one), key=key) for one in (browser, other)]

    assert [answer.status for answer in answers] == [201, 201]
    assert Parcel.objects.filter(key=key).count() == 2


def test_the_slices_of_a_big_file_make_it_whole(browser: Browser) -> None:
    browser.choose(10)

    first = browser.send([("0.5", b"56789")], of=b"0123456789")
    half_way = browser.statuses()
    second = browser.send([("0", b"01234")], of=b"0123456789")

    assert (first.body, second.body) == ({"stored": [0]}, {"stored": [0]})
    assert half_way == [FileStatus.DECLARED]
    assert browser.statuses() == [FileStatus.RECEIVED]


def test_a_slice_that_does_not_say_of_which_file_it_is_is_refused_with_a_plain_sentence(
    browser: Browser, staging_of_its_own: Path
) -> None:
    browser.choose(10)

    answer = browser.send([("0", b"01234")])

    assert answer.refusal == (400, "no_file_digest")
    assert "Reload the page" in answer.body["message"]
    assert objects_in(staging_of_its_own) == []


def test_slices_of_two_discs_with_the_same_names_and_sizes_are_not_joined(browser: Browser) -> None:
    browser.choose(10)

    browser.send([("0", b"01234")], of=b"0123456789")
    browser.send([("0.5", b"fghij")], of=b"abcdefghij")

    assert browser.statuses() == [FileStatus.DECLARED]


BAD_BODIES: Final = {
    "no tar": (b"x" * 2048, "bad_parcel", 400),
    "zeros": (bytes(2048), "bad_parcel", 400),
    "no end": (tar_of([("0", b"first")])[:1024], "bad_parcel", 400),
    "a name that is no number": (tar_of([("../0", b"first")]), "bad_parcel", 400),
    "a cut in a file": (tar_of([("0", b"first")])[:514], "bad_parcel", 400),
    "a file that is not in the list": (tar_of([("17", b"first")]), "bad_parcel", 400),
    "a file that is longer than declared": (tar_of([("0", b"first and more")]), "bad_parcel", 400),
    "a slice beyond the end": (tar_of([("0.1", b"first")]), "bad_parcel", 400),
    "a slice beside a file": (tar_of([("0", b"firs"), ("1", b"second file")]), "bad_parcel", 400),
    "a flipped bit": (tar_of([("0", b"First")]), "digest_mismatch", 409),
}

DIGESTS: Final = {
    "a file that is not in the list": digest_of([("17", b"first")]),
    "a file that is longer than declared": digest_of([("0", b"first and more")]),
    "a slice beside a file": digest_of([("0", b"firs"), ("1", b"second file")]),
}


@pytest.mark.parametrize("case", BAD_BODIES)
def test_what_is_no_parcel_is_refused_and_leaves_no_trace(
    browser: Browser, case: str, staging_of_its_own: Path
) -> None:
    chosen(browser)
    body, code, status = BAD_BODIES[case]

    answer = browser.send([], body=body, digest=DIGESTS.get(case, digest_of([("0", b"first")])))

    assert answer.refusal == (status, code)
    assert browser.statuses() == [FileStatus.DECLARED] * 2
    assert objects_in(staging_of_its_own) == []


@pytest.mark.parametrize("case", BAD_BODIES)
def test_after_a_refusal_the_good_parcel_is_taken_under_the_same_key(browser: Browser, case: str) -> None:
    members, key = chosen(browser), uuid.uuid4()
    browser.send([], body=BAD_BODIES[case][0], key=key, digest=digest_of([("0", b"first")]))

    answer = browser.send(members, key=key)

    assert answer.status == 201
    assert browser.statuses() == [FileStatus.RECEIVED] * 2


def test_a_bad_parcel_takes_nothing_from_what_arrived_before(
    browser: Browser, staging_of_its_own: Path
) -> None:
    members = chosen(browser)
    browser.send(members[:1])
    kept = objects_in(staging_of_its_own)

    browser.send(members[1:], digest="0" * 64)

    assert objects_in(staging_of_its_own) == kept
    assert browser.statuses() == [FileStatus.RECEIVED, FileStatus.DECLARED]


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"X-Parcel": ""}, "bad_key"),
        ({"X-Parcel": "no key"}, "bad_key"),
        ({"X-Parcel-Digest": ""}, "bad_digest"),
        ({"X-Parcel-Digest": "A" * 64}, "bad_digest"),
        ({"X-Parcel-Digest": "a" * 63}, "bad_digest"),
        ({"X-Parcel-Digest": "a" * 64 + "\n"}, "bad_digest"),
        ({"X-Parcel-Digest": "٣" * 64}, "bad_digest"),
        ({"X-File-Digest": "a" * 63}, "bad_digest"),
        ({"X-File-Digest": "A" * 64}, "bad_digest"),
    ],
)
def test_a_parcel_without_its_key_or_digest_is_refused(
    browser: Browser, headers: dict[str, str], code: str
) -> None:
    members = chosen(browser)
    good = {"X-Parcel": str(uuid.uuid4()), "X-Parcel-Digest": digest_of(members)}

    answer = browser.post(browser.url("add-parcel"), tar_of(members), TAR, good | headers)

    assert answer.refusal == (400, code)


@pytest.mark.parametrize(
    ("length", "refusal"),
    [
        ("", (411, "length_required")),
        ("-1", (411, "length_required")),
        ("1e3", (411, "length_required")),
        (str(35_651_585), (413, "too_large")),
        ("9" * 18, (413, "too_large")),
        ("9" * 5000, (413, "too_large")),
        ("0", (400, "bad_parcel")),
        ("5", (400, "bad_parcel")),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_parcel_of_no_or_another_length_is_refused(
    browser: Browser, length: str, refusal: tuple[int, str], staging_of_its_own: Path
) -> None:
    members = chosen(browser)

    answer = browser.send(members, length=length)

    assert answer.refusal == refusal
    assert objects_in(staging_of_its_own) == []


@pytest.mark.parametrize("arrived", [0, 1, 512, 1000, -1])
def test_a_parcel_that_was_cut_off_leaves_no_trace_and_is_taken_when_it_is_sent_again(
    browser: Browser, arrived: int, staging_of_its_own: Path
) -> None:
    members, key = chosen(browser), uuid.uuid4()
    whole = tar_of(members)

    refused = browser.send(members, body=whole[:arrived], length=len(whole), key=key)
    left = objects_in(staging_of_its_own)
    taken = browser.send(members, key=key)

    assert refused.refusal == (409, "digest_mismatch")
    assert left == []
    assert taken.status == 201


def test_a_strangers_parcel_is_not_found(browser: Browser, staging_of_its_own: Path) -> None:
    members, stranger = chosen(browser), open_browser()

    answer = Browser(stranger.client, browser.job).send(members)

    assert answer.refusal == (404, "not_found")
    assert objects_in(staging_of_its_own) == []


def test_a_person_who_was_signed_out_is_told_so_and_goes_on_afterwards(browser: Browser) -> None:
    members, key = chosen(browser), uuid.uuid4()
    browser.client.logout()

    refused = browser.send(members, key=key)
    browser.client.force_login(browser.job.created_by)
    taken = browser.send(members, key=key)

    assert refused.refusal == (401, "signed_out")
    assert taken.status == 201


@pytest.mark.parametrize(
    "status", [JobStatus.PROCESSING, JobStatus.ACCEPTED, JobStatus.ATTENTION, JobStatus.CANCELLED]
)
def test_a_closed_upload_takes_no_parcel(
    browser: Browser, status: JobStatus, staging_of_its_own: Path
) -> None:
    members = chosen(browser)
    Job.objects.filter(pk=browser.job.pk).update(status=status)

    answer = browser.send(members)

    assert answer.refusal == (409, "job_closed")
    assert objects_in(staging_of_its_own) == []


def test_a_full_disk_is_said_before_a_byte_is_written(
    browser: Browser, settings: Settings, staging_of_its_own: Path
) -> None:
    members, key = chosen(browser), uuid.uuid4()
    settings.UPLOAD_FREE_BYTES_FLOOR = 2**62

    refused = browser.send(members, key=key)
    settings.UPLOAD_FREE_BYTES_FLOOR = 0
    taken = browser.send(members, key=key)

    assert refused.refusal == (507, "storage_full")
    assert refused.retry_after == "60"
    assert taken.status == 201


def test_a_parcel_needs_the_post_method(browser: Browser) -> None:
    answers = [getattr(browser.client, name)(browser.url("add-parcel")) for name in ("get", "put", "delete")]

    assert [answer.status_code for answer in answers] == [405] * 3
