"""The manifest: what is to come, said as often as one likes."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from tests.factories import make_file, make_job, make_parcel, make_series
from uploads.forms import Entry, LeftOut
from uploads.models import File, Job, StateChange, staged_bytes
from uploads.pipeline import manifest
from uploads.pipeline.manifest import (
    JobClosed,
    Line,
    SizeChanged,
    TooManyFiles,
    declare,
    report_unreadable,
)
from uploads.reasons import Reason
from uploads.states import FileStatus, JobStatus

pytestmark = pytest.mark.django_db
SIZE_LIMIT = 99_998_000


def say(job: Job, *entries: tuple[str, int], is_last: bool = False) -> list[Line]:
    return declare(job.pk, [Entry(*entry) for entry in entries], is_last, "test")


def test_each_new_file_gets_the_next_number_and_is_wanted() -> None:
    job = make_job()

    lines = say(job, ("a", 1), ("b", 2))

    assert lines == [Line(0, True, False, None), Line(1, True, False, None)]


def test_to_say_it_again_changes_nothing() -> None:
    job = make_job()
    first = say(job, ("a", 1), ("b", 2))

    again = say(job, ("b", 2), ("a", 1))

    assert again == list(reversed(first))
    assert job.files.count() == 2


def test_numbers_stay_when_more_is_said() -> None:
    job = make_job()
    say(job, ("b", 1))

    lines = say(job, ("a", 1), ("b", 1), ("c", 1))

    assert [line.number for line in lines] == [1, 0, 2]


def test_what_is_here_is_not_wanted_again() -> None:
    job = make_job()
    say(job, ("a", 1))
    job.files.get().advance(FileStatus.RECEIVED, "test")

    lines = say(job, ("a", 1))

    assert lines == [Line(0, False, True, None)]


@pytest.mark.parametrize(
    ("size", "reason"),
    [(SIZE_LIMIT, None), (SIZE_LIMIT + 1, Reason.TOO_LARGE), (2**53, Reason.TOO_LARGE), (0, Reason.EMPTY)],
)
def test_what_cannot_be_sent_is_refused_before_its_bytes_travel(size: int, reason: Reason | None) -> None:
    job = make_job()

    (line,) = say(job, ("a", size))

    assert line == Line(0, reason is None, False, reason)
    assert job.files.get().reason == (reason or "")


def test_a_refusal_is_repeated_with_its_reason() -> None:
    job = make_job()
    say(job, ("a", 0))

    (line,) = say(job, ("a", 0))

    assert line == Line(0, False, False, Reason.EMPTY)


def test_a_file_that_changed_its_size_is_not_the_same_file() -> None:
    job = make_job()
    say(job, ("a", 1))

    with pytest.raises(SizeChanged):
        say(job, ("b", 1), ("a", 2))

    assert job.files.count() == 1


@pytest.mark.parametrize("status", [JobStatus.PROCESSING, JobStatus.ACCEPTED, JobStatus.ATTENTION])
def test_new_files_open_a_job_again_until_they_are_here(status: JobStatus) -> None:
    job = make_job(status=status, manifest_closed_at=now(), last_arrival_at=now() - timedelta(hours=48))

    lines = say(job, ("a", 1))

    job.refresh_from_db()
    assert lines == [Line(0, True, False, None)]
    assert (job.status, job.manifest_closed_at) == (JobStatus.UPLOADING, None)
    assert job.last_arrival_at > now() - timedelta(hours=1)


@pytest.mark.parametrize(
    ("status", "hours"), [(JobStatus.CANCELLED, 0), (JobStatus.ACCEPTED, 71.5), (JobStatus.ATTENTION, 500)]
)
def test_what_is_cancelled_or_about_to_be_cleared_away_takes_no_new_files(
    status: JobStatus, hours: float
) -> None:
    job = make_job(status=status, last_arrival_at=now() - timedelta(hours=hours))

    with pytest.raises(JobClosed):
        say(job, ("a", 1))

    assert not job.files.exists()


def test_to_say_what_is_here_opens_nothing() -> None:
    job = make_job(status=JobStatus.ACCEPTED)
    make_file(job, path="a", size=1, status=FileStatus.ACCEPTED)

    say(job, ("a", 1), is_last=True)

    assert Job.objects.get(pk=job.pk).status == JobStatus.ACCEPTED


def test_a_closed_job_still_says_what_it_has() -> None:
    job = make_job()
    say(job, ("a", 1), ("b", 1))
    job.advance(JobStatus.CANCELLED, "test")
    File.objects.filter(number=0).update(status=FileStatus.ACCEPTED)

    lines = say(job, ("a", 1), ("b", 1))

    assert lines == [Line(0, False, True, None), Line(1, False, True, None)]


def test_a_job_holds_no_more_files_than_it_may(settings: Settings) -> None:
    settings.UPLOAD_JOB_MAX_FILES = 3
    job = make_job()
    say(job, ("a", 1), ("b", 1))

    with pytest.raises(TooManyFiles):
        say(job, ("c", 1), ("d", 1))
    lines = say(job, ("a", 1), ("c", 1))

    assert [line.number for line in lines] == [0, 2]


def test_the_manifest_is_closed_by_its_last_entries_and_opened_by_new_ones() -> None:
    job = make_job()

    say(job, ("a", 1), is_last=True)
    closed = Job.objects.get(pk=job.pk).manifest_closed_at
    say(job, ("a", 1))
    still_closed = Job.objects.get(pk=job.pk).manifest_closed_at
    say(job, ("b", 1))
    opened = Job.objects.get(pk=job.pk).manifest_closed_at

    assert closed is not None
    assert still_closed == closed
    assert opened is None


def test_new_entries_that_are_the_last_close_the_manifest_again() -> None:
    job = make_job()
    say(job, ("a", 1), is_last=True)

    say(job, ("b", 1), is_last=True)

    assert Job.objects.get(pk=job.pk).manifest_closed_at is not None


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("CD/a\0b", "CD/ab"),
        ("\0", ""),
        ("CD/\ud800x", "CD/x"),
        ("CD/\u202egpj.exe", "CD/gpj.exe"),
        ("../../etc/passwd", "../../etc/passwd"),
        ("CD/Mu\u0308ller", "CD/M\u00fcller"),
        ("CD/<script>'\"&", "CD/<script>'\"&"),
        ("CD/line\nbreak\u2028", "CD/linebreak"),
        ("x" * 4096, "x" * 1024),
    ],
)
def test_an_odd_path_is_kept_clean_and_known_again(path: str, shown: str) -> None:
    job = make_job()
    (first,) = say(job, (path, 1))

    (again,) = say(job, (path, 1))

    assert first == again
    assert job.files.get().path == shown


@pytest.mark.parametrize(
    ("one", "other"),
    [("a\0", "a"), ("a\ud800", "a\udfff"), ("e\u0301", "\u00e9"), ("x" * 1024 + "1", "x" * 1024 + "2")],
)
def test_paths_that_are_equal_only_after_cleaning_stay_two_files(one: str, other: str) -> None:
    job = make_job()

    lines = say(job, (one, 1), (other, 2))

    assert [line.number for line in lines] == [0, 1]
    assert len(set(job.files.values_list("path", flat=True))) == 1


def test_a_path_that_is_said_twice_at_once_is_one_file() -> None:
    job = make_job()

    lines = say(job, ("a", 1), ("a", 1))

    assert [line.number for line in lines] == [0, 0]
    assert job.files.count() == 1


def test_a_file_that_the_computer_cannot_read_is_named_and_not_waited_for() -> None:
    job = make_job()
    say(job, ("a", 1), ("b", 1), ("c", 1))
    job.files.filter(number=1).update(status=FileStatus.RECEIVED)

    report_unreadable(job.pk, [0, 1, 17], "test")

    rows = job.files.order_by("number").values_list("status", "reason")
    assert list(rows) == [
        (FileStatus.REJECTED, Reason.UNREADABLE_SOURCE),
        (FileStatus.RECEIVED, ""),
        (FileStatus.DECLARED, ""),
    ]


def leave_out(job: Job, *left_out: tuple[str, int, Reason], is_last: bool = False) -> None:
    declare(job.pk, [], is_last, "test", [LeftOut(*one) for one in left_out])


def say_anew(job: Job, *entries: tuple[str, int]) -> list[Line]:
    return declare(job.pk, [Entry(*entry) for entry in entries], True, "test", anew=True)


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        (Reason.NOT_DICOM, FileStatus.IGNORED),
        (Reason.NOT_CHOSEN, FileStatus.IGNORED),
        (Reason.UNREADABLE_HEADER, FileStatus.REJECTED),
        (Reason.TOO_LARGE, FileStatus.REJECTED),
        (Reason.ARCHIVE_ENCRYPTED, FileStatus.REJECTED),
        (Reason.OTHER, FileStatus.REJECTED),
    ],
)
def test_what_is_left_out_is_a_file_that_is_not_waited_for(reason: Reason, status: FileStatus) -> None:
    job = make_job()

    leave_out(job, ("a", 7, reason))

    row = job.files.get()
    assert (row.status, row.reason, row.is_left_out) == (status, reason, True)


def test_to_leave_it_out_again_changes_nothing() -> None:
    job = make_job()
    leave_out(job, ("a", 7, Reason.NOT_DICOM))
    changes = StateChange.objects.count()

    leave_out(job, ("a", 7, Reason.NOT_DICOM), ("a", 7, Reason.EMPTY))

    assert job.files.count() == 1
    assert StateChange.objects.count() == changes


def test_what_has_come_stays_although_it_is_left_out_later() -> None:
    job = make_job()
    file = make_file(job, path="a", size=7, status=FileStatus.ACCEPTED)

    leave_out(job, ("a", 7, Reason.UNREADABLE_SOURCE))

    file.refresh_from_db()
    assert (file.status, file.is_left_out) == (FileStatus.ACCEPTED, False)


@pytest.mark.parametrize(("size", "status"), [(7, FileStatus.REJECTED), (8, FileStatus.DECLARED)])
def test_what_was_to_come_is_not_waited_for_when_it_turns_out_damaged(size: int, status: FileStatus) -> None:
    job = make_job()
    say(job, ("a", 7))

    leave_out(job, ("a", size, Reason.TRUNCATED_PIXELS))

    assert job.files.get().status == status


def test_only_what_a_person_should_know_of_counts_among_the_chosen() -> None:
    job = make_job()
    say(job, ("a", 1))

    leave_out(job, ("b", 1, Reason.NOT_DICOM), ("c", 1, Reason.UNREADABLE_HEADER))

    assert Job.objects.get(pk=job.pk).file_count == 2


def test_a_cd_full_of_other_things_leaves_room_for_the_images(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.UPLOAD_JOB_MAX_FILES = 1
    monkeypatch.setattr(manifest, "MOST_LEFT_OUT", 3)
    job = make_job()

    leave_out(job, *((str(number), 1, Reason.NOT_DICOM) for number in range(5)))
    lines = say(job, ("image", 1))

    assert job.files.filter(is_left_out=True).count() == 3
    assert lines == [Line(3, True, False, None)]


def test_what_is_left_out_of_a_job_at_rest_lets_it_say_its_last_word_again() -> None:
    job = make_job(status=JobStatus.ACCEPTED)

    leave_out(job, ("a", 1, Reason.UNREADABLE_HEADER), is_last=True)

    assert Job.objects.get(pk=job.pk).status == JobStatus.UPLOADING


@pytest.mark.parametrize(
    "values",
    [
        {"status": FileStatus.IGNORED, "reason": Reason.NOT_CHOSEN, "is_left_out": True},
        {"status": FileStatus.REJECTED, "reason": Reason.UNREADABLE_HEADER, "is_left_out": True},
        {"status": FileStatus.REJECTED, "reason": Reason.TRUNCATED_PIXELS},
        {"status": FileStatus.REJECTED, "reason": Reason.UNREADABLE_SOURCE},
        {"status": FileStatus.MISSING, "reason": Reason.NEVER_ARRIVED},
        {"status": FileStatus.MISSING, "reason": Reason.STAGED_BYTES_LOST},
    ],
    ids=lambda values: values["reason"],
)
@pytest.mark.parametrize("size", [7, 9])
def test_what_is_chosen_again_is_wanted_where_nothing_usable_came(
    values: dict[str, Any],  # Any: column values
    size: int,
) -> None:
    job = make_job(status=JobStatus.ATTENTION)
    series = make_series(job)
    file = make_file(job, path="a", size=7, series=series, sha256="ab", **values)

    lines = say_anew(job, ("a", size))

    file.refresh_from_db()
    assert lines == [Line(0, True, False, None)]
    assert (file.status, file.reason, file.is_left_out) == (FileStatus.DECLARED, "", False)
    assert (file.size, file.sha256, file.series) == (size, "", None)
    assert Job.objects.get(pk=job.pk).status == JobStatus.UPLOADING


@pytest.mark.parametrize(
    "values",
    [
        {"status": FileStatus.ACCEPTED},
        {"status": FileStatus.DUPLICATE, "reason": Reason.DUPLICATE},
        {"status": FileStatus.IGNORED, "reason": Reason.NOT_DICOM},
        {"status": FileStatus.QUARANTINED, "reason": Reason.CONFLICT},
        {"status": FileStatus.REFUSED, "reason": Reason.REFUSED_BY_QURE},
        {"status": FileStatus.CANCELLED, "reason": Reason.DECLINED},
    ],
    ids=lambda values: values["status"],
)
def test_what_is_chosen_again_is_not_wanted_where_its_bytes_have_had_their_say(
    values: dict[str, Any],  # Any: column values
) -> None:
    job = make_job(status=JobStatus.ATTENTION)
    make_file(job, path="a", size=7, **values)

    (line,) = say_anew(job, ("a", 7))

    assert not line.is_wanted
    assert job.files.get().status == values["status"]


def test_the_slices_of_a_damaged_file_are_not_part_of_its_next_copy() -> None:
    job = make_job()
    say(job, ("a", 7))
    parcel = make_parcel(job, b"1234567", 0, slice_of=job.files.get())
    job.files.update(status=FileStatus.REJECTED, reason=Reason.TRUNCATED_PIXELS)

    say_anew(job, ("a", 7))

    parcel.refresh_from_db()
    assert parcel.slice_of is None
    assert staged_bytes(job.files.get()) == 0


def test_an_empty_file_that_never_was_an_image_is_left_out_and_nothing_to_look_at() -> None:
    job = make_job()

    (line,) = say(job, ("CD/README.TXT", 0))

    file = job.files.get()
    assert (file.status, file.reason) == (FileStatus.IGNORED, Reason.SYSTEM_FILE)
    assert line == Line(0, False, True, None)


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        ("CD/README.TXT", FileStatus.IGNORED, Reason.SYSTEM_FILE),
        ("CD/IM0001", FileStatus.REJECTED, Reason.EMPTY),
    ],
)
def test_an_empty_file_that_was_left_out_needs_a_look_only_if_it_was_an_image(
    path: str, status: FileStatus, reason: Reason
) -> None:
    job = make_job()

    leave_out(job, (path, 0, Reason.EMPTY))

    file = job.files.get()
    assert (file.status, file.reason, file.is_left_out) == (status, reason, True)


def test_an_empty_file_that_is_chosen_again_is_refused_again_without_a_move() -> None:
    job = make_job()
    say(job, ("a", 0))
    changes = StateChange.objects.count()

    lines = say_anew(job, ("a", 0))

    assert lines == [Line(0, False, False, Reason.EMPTY)]
    assert StateChange.objects.count() == changes
