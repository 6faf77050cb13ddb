"""The manifest on its way in."""

import pytest
from pytest_django.fixtures import Settings

from tests.views.browser import Browser
from uploads.models import Job
from uploads.reasons import Reason
from uploads.states import FileStatus, JobStatus

pytestmark = pytest.mark.django_db


def files(count: int) -> list[dict[str, object]]:
    return [{"path": f"CD/{number}", "size": 1} for number in range(count)]


def test_each_file_is_answered_with_its_number_and_whether_it_is_wanted(browser: Browser) -> None:
    answer = browser.declare({"files": [{"path": "a", "size": 5}, {"path": "b", "size": 0}], "last": True})

    assert answer.status == 200
    assert answer.body["files"] == [
        {"number": 0, "wanted": True},
        {
            "number": 1,
            "wanted": False,
            "reason": "The file is empty (0 bytes). Copy it again from its source.",
        },
    ]


def test_as_many_as_one_request_may_hold_are_taken(browser: Browser) -> None:
    answer = browser.declare({"files": files(2000)})

    assert len(answer.body["files"]) == 2000
    assert browser.job.files.count() == 2000


def test_an_empty_manifest_changes_nothing(browser: Browser) -> None:
    answer = browser.declare({"files": []})

    assert (answer.status, answer.body) == (200, {"files": []})


@pytest.mark.parametrize(
    "data",
    [
        None,
        7,
        "files",
        [],
        [{"path": "a", "size": 1}],
        {},
        {"files": None},
        {"files": {"path": "a", "size": 1}},
        {"files": [None]},
        {"files": ["a"]},
        {"files": [["a", 1]]},
        {"files": [{}]},
        {"files": [{"path": "a"}]},
        {"files": [{"size": 1}]},
        {"files": [{"path": "", "size": 1}]},
        {"files": [{"path": 1, "size": 1}]},
        {"files": [{"path": "x" * 4097, "size": 1}]},
        {"files": [{"path": "a", "size": -1}]},
        {"files": [{"path": "a", "size": 1.0}]},
        {"files": [{"path": "a", "size": float("nan")}]},
        {"files": [{"path": "a", "size": float("inf")}]},
        {"files": [{"path": "a", "size": "1"}]},
        {"files": [{"path": "a", "size": True}]},
        {"files": [{"path": "a", "size": None}]},
        {"files": [{"path": "a", "size": 2**53}]},
        {"files": [{"path": "a", "size": 2**63}]},
        {"files": [{"path": "a", "size": 10**400}]},
        {"files": files(2001)},
    ],
    ids=lambda data: repr(data)[:50],
)
def test_what_is_no_manifest_is_refused_whole(browser: Browser, data: object) -> None:
    browser.choose(5)

    answer = browser.declare(data)

    assert answer.refusal == (400, "bad_manifest")
    assert browser.statuses() == [FileStatus.DECLARED]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe\xfd",
        b"not json",
        b'{"files": [' + b"9" * 5000 + b"]}",
        b"[" * 100_000,
        b'{"files":' * 50_000,
        b'{"a": "\xed\xa0\x80',
    ],
    ids=lambda body: repr(body[:12]),
)
@pytest.mark.parametrize("name", ["create-job", "add-manifest", "report-unreadable", "stop-adding"])
def test_what_is_no_json_is_refused(browser: Browser, name: str, body: bytes) -> None:
    url = "/intake/jobs/" if name == "create-job" else browser.url(name)

    answer = browser.post(url, body)

    assert answer.refusal == (400, "bad_json")


def test_a_bad_entry_among_good_ones_declares_none_and_the_repaired_list_all(browser: Browser) -> None:
    good = {"path": "a", "size": 1}

    refused = browser.declare({"files": [good, {"path": "b"}]})
    repaired = browser.declare({"files": [good, {"path": "b", "size": 1}]})

    assert refused.refusal == (400, "bad_manifest")
    assert [line["number"] for line in repaired.body["files"]] == [0, 1]


@pytest.mark.parametrize("path", ["a\0b", "\ud800", "\udfff\ud800", "../../etc/passwd", "\u202e", " ", "\n"])
def test_an_odd_name_is_taken_and_known_again(browser: Browser, path: str) -> None:
    entry = {"files": [{"path": path, "size": 1}]}

    first, second = browser.declare(entry), browser.declare(entry)

    assert (first.status, first.body) == (200, {"files": [{"number": 0, "wanted": True}]})
    assert second == first


def test_sizes_that_add_up_to_the_most_leave_the_page_alive(browser: Browser) -> None:
    entries = [{"path": str(number), "size": 2**46} for number in range(2000)]

    answer = browser.declare({"files": entries})
    page = browser.client.get(browser.url("job"))

    assert (answer.status, page.status_code) == (200, 200)


def test_a_file_that_changed_is_told_from_the_one_before(browser: Browser) -> None:
    browser.declare({"files": [{"path": "a", "size": 1}]})

    answer = browser.declare({"files": [{"path": "a", "size": 2}]})

    assert answer.refusal == (409, "size_changed")


def test_a_cancelled_upload_takes_no_new_files(browser: Browser) -> None:
    Job.objects.filter(pk=browser.job.pk).update(status=JobStatus.CANCELLED)

    answer = browser.declare({"files": files(1)})

    assert answer.refusal == (409, "job_closed")
    assert browser.statuses() == []


def test_more_files_than_an_upload_may_hold_are_refused_and_those_before_stay(
    browser: Browser, settings: Settings
) -> None:
    settings.UPLOAD_JOB_MAX_FILES = 3
    browser.choose(1, 1)

    answer = browser.declare({"files": [{"path": "c", "size": 1}, {"path": "d", "size": 1}]})

    assert answer.refusal == (413, "too_many_files")
    assert browser.statuses() == [FileStatus.DECLARED] * 2


def test_a_body_larger_than_any_manifest_is_refused(browser: Browser, settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100

    answer = browser.declare({"files": files(100)})

    assert answer.refusal == (413, "too_large")


def test_what_is_left_out_is_kept_with_its_reason(browser: Browser) -> None:
    left_out = [
        {"path": "CD/VIEWER.EXE", "size": 10, "reason": "not_dicom"},
        {"path": "CD/IM1", "size": 20, "reason": "truncated_pixels"},
    ]

    answer = browser.declare({"files": files(1), "left_out": left_out})

    rows = browser.job.files.filter(is_left_out=True).order_by("number")
    assert answer.body["files"] == [{"number": 0, "wanted": True}]
    assert list(rows.values_list("path", "size", "status", "reason")) == [
        ("CD/VIEWER.EXE", 10, FileStatus.IGNORED, Reason.NOT_DICOM),
        ("CD/IM1", 20, FileStatus.REJECTED, Reason.TRUNCATED_PIXELS),
    ]


@pytest.mark.parametrize(
    "code", ["eaten_by_a_dog", "", "accepted", "refused_by_qure", "duplicate", None, 7, ["not_dicom"]]
)
def test_a_reason_that_the_page_cannot_have_is_named_as_another(browser: Browser, code: object) -> None:
    browser.declare({"files": [], "left_out": [{"path": "CD/x", "size": 1, "reason": code}]})

    row = browser.job.files.get()
    assert (row.status, row.reason) == (FileStatus.REJECTED, Reason.OTHER)


@pytest.mark.parametrize(
    "left_out",
    [
        None,
        7,
        {"path": "a"},
        ["a"],
        [{"size": 1, "reason": "empty"}],
        [{"path": "a", "reason": "empty"}],
        [{"path": "a", "size": -1, "reason": "empty"}],
        [{"path": "", "size": 1, "reason": "empty"}],
    ],
    ids=repr,
)
def test_what_is_no_list_of_left_out_files_is_refused_whole(browser: Browser, left_out: object) -> None:
    answer = browser.declare({"files": files(1), "left_out": left_out})

    assert answer.refusal == (400, "bad_manifest")
    assert browser.statuses() == []


@pytest.mark.parametrize("count", [-1, 1.5, "7", True, None, 2**31])
def test_a_number_of_unnamed_files_that_is_none_is_refused(browser: Browser, count: object) -> None:
    answer = browser.declare({"files": [], "unlisted": count})

    assert answer.refusal == (400, "bad_manifest")


def test_how_many_more_were_left_out_is_kept(browser: Browser) -> None:
    browser.declare({"files": [], "unlisted": 990_000})
    browser.declare({"files": [], "unlisted": 3})

    assert Job.objects.get(pk=browser.job.pk).unlisted == 990_000
