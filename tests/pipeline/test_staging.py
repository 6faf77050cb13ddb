"""Parcels into staging: whole and noted, or not at all."""

import errno
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import InterfaceError, connection
from pytest_django.fixtures import Settings

from tests.factories import make_job, make_parcel
from tests.parcels import digest_of
from tests.pipeline.journeys import BY, arriving, declare, image, sha256_of, staged_objects, statuses, store
from uploads.models import File, Job, Parcel, extents_of_all
from uploads.parcel_format import BadParcel, DigestMismatch, Member
from uploads.pipeline import staging
from uploads.room import StorageFull
from uploads.staged import StagedReader
from uploads.states import FileStatus, JobStatus, ParcelStatus

pytestmark = pytest.mark.django_db
BIG, OTHER = os.urandom(3_000), os.urandom(3_000)


def job_of(*sizes: int) -> Job:
    """A job that waits for files of these sizes."""
    job = make_job()
    declare(job, [(f"CD/{number}", b"x" * size) for number, size in enumerate(sizes)])
    return job


def read_back(file: File) -> bytes:
    """The file's bytes as they are staged."""
    with StagedReader() as reader:
        return reader.open(extents_of_all([file])[file.pk]).read()


def test_a_parcel_is_noted_with_what_lies_in_it() -> None:
    job = job_of(3, 5)

    stored = store(job, ("0", b"abc"), ("1", b"defgh"))

    parcel = Parcel.objects.get(pk=stored.parcel_id)
    assert (stored.numbers, stored.is_repeated) == ([0, 1], False)
    assert parcel.status == ParcelStatus.STORED
    assert [row[4] for row in parcel.layout] == [sha256_of(b"abc"), sha256_of(b"defgh")]
    assert [read_back(file) for file in job.files.order_by("number")] == [b"abc", b"defgh"]
    assert statuses(job) == [FileStatus.RECEIVED] * 2


def test_an_object_is_named_by_ids_only() -> None:
    job = job_of(3)

    store(job, ("0", b"abc"))

    (name,) = staged_objects()
    folder, _, rest = name.partition("/")
    assert (folder, str(uuid.UUID(rest))) == (str(job.key), rest)


def test_the_same_parcel_again_is_acknowledged_and_kept_once() -> None:
    job, key = job_of(3), uuid.uuid4()
    first = store(job, ("0", b"abc"), key=key)

    again = store(job, ("0", b"abc"), key=key)

    assert (again.parcel_id, again.numbers, again.is_repeated) == (first.parcel_id, [0], True)
    assert len(staged_objects()) == 1


def test_a_parcel_that_was_stored_is_found_by_its_key() -> None:
    job, key = job_of(3), uuid.uuid4()
    stored = store(job, ("0", b"abc"), key=key)

    found = staging.find_parcel(job, key, digest_of([("0", b"abc")]))

    assert found == staging.Stored(stored.parcel_id, [0], is_repeated=True)
    assert staging.find_parcel(job, uuid.uuid4(), "0" * 64) is None


class _Overtaken:
    """A parcel that another of its key, mostly its twin, overtakes while it is being read."""

    def __init__(self, job: Job, key: uuid.UUID, other: bytes = b"abc") -> None:
        self._job, self._key, self._other = job, key, other
        self._inner = arriving([("0", b"abc")])
        self.length, self.digest, self.file_sha256 = self._inner.length, self._inner.digest, ""
        self.members = self._inner.members

    def chunks(self, chunk_size: int = 1024) -> Iterator[bytes]:
        yield from self._inner.chunks(chunk_size)
        store(self._job, ("0", self._other), key=self._key)


def test_of_two_equal_parcels_at_once_one_is_kept() -> None:
    job, key = job_of(3), uuid.uuid4()

    stored = staging.store_parcel(job, key, _Overtaken(job, key), BY)

    assert stored.is_repeated
    assert job.parcels.count() == len(staged_objects()) == 1
    assert read_back(job.files.get()) == b"abc"


def test_of_two_parcels_of_one_key_at_once_the_later_is_refused_when_it_has_other_bytes() -> None:
    job, key = job_of(3), uuid.uuid4()

    with pytest.raises(staging.KeyReused):
        staging.store_parcel(job, key, _Overtaken(job, key, b"xyz"), BY)

    assert job.parcels.count() == len(staged_objects()) == 1
    assert read_back(job.files.get()) == b"xyz"


def test_what_is_here_already_stays_where_it_is() -> None:
    job = job_of(3, 3)
    first = store(job, ("0", b"abc"))

    store(job, ("0", b"abc"), ("1", b"def"))

    assert job.files.get(number=0).parcel_id == first.parcel_id
    assert statuses(job) == [FileStatus.RECEIVED] * 2


@pytest.mark.parametrize("status", [JobStatus.PROCESSING, JobStatus.ATTENTION, JobStatus.CANCELLED])
def test_a_closed_job_takes_no_bytes(status: JobStatus, staging_of_its_own: Path) -> None:
    job = job_of(3)
    Job.objects.filter(pk=job.pk).update(status=status)

    with pytest.raises(staging.UploadClosed):
        store(job, ("0", b"abc"))

    assert staged_objects() == []


def test_a_job_that_closes_while_the_parcel_arrives_takes_no_bytes() -> None:
    job = job_of(3)
    Job.objects.filter(pk=job.pk).update(status=JobStatus.CANCELLED)

    with pytest.raises(staging.UploadClosed):
        staging.store_parcel(job, uuid.uuid4(), arriving([("0", b"abc")]), BY)

    assert staged_objects() == []


@pytest.mark.parametrize(
    "members",
    [
        [("7", b"abc")],
        [("0", b"abcd")],
        [("0.2", b"ab")],
        [("0.1", b"a"), ("1", b"def")],
        [("0", b"abc"), ("1.2", b"f")],
        [("name", b"abc")],
    ],
)
def test_bytes_that_the_manifest_does_not_know_are_turned_away(
    members: list[tuple[str, bytes]], staging_of_its_own: Path
) -> None:
    job = job_of(3, 3)

    with pytest.raises(BadParcel):
        store(job, *members)

    assert staged_objects() == []
    assert statuses(job) == [FileStatus.DECLARED] * 2


def test_damaged_bytes_are_not_kept() -> None:
    job = job_of(3)

    with pytest.raises(DigestMismatch):
        staging.store_parcel(job, uuid.uuid4(), arriving([("0", b"abc")], digest="0" * 64), BY)

    assert staged_objects() == []
    assert statuses(job) == [FileStatus.DECLARED]


def test_a_parcel_that_breaks_off_is_not_kept() -> None:
    job = job_of(3)

    with pytest.raises(DigestMismatch):
        staging.store_parcel(job, uuid.uuid4(), arriving([("0", b"abc")], length=100_000), BY)

    assert staged_objects() == []


@pytest.mark.disk
def test_a_full_disk_is_said_before_the_bytes_are_read(settings: Settings, staging_of_its_own: Path) -> None:
    job = job_of(3)
    settings.UPLOAD_FREE_BYTES_FLOOR = 2**62

    with pytest.raises(StorageFull):
        store(job, ("0", b"abc"))

    assert staged_objects() == []


class _FillingUp:
    """A parcel over which the disk fills up."""

    def __init__(self, number: int) -> None:
        self._errno = number
        self.length, self.digest, self.file_sha256 = 3, "0" * 64, ""
        self.members: list[Member] = []

    def chunks(self, chunk_size: int = 1024) -> Iterator[bytes]:
        yield b"ab"
        raise OSError(self._errno, "the disk")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_disk_that_fills_up_on_the_way_leaves_nothing_behind(number: int, staging_of_its_own: Path) -> None:
    job = job_of(3)

    with pytest.raises(StorageFull):
        staging.store_parcel(job, uuid.uuid4(), _FillingUp(number), BY)

    assert staged_objects() == []


def test_a_disk_that_fails_in_another_way_is_not_called_full() -> None:
    job = job_of(3)

    with pytest.raises(OSError, match="the disk"):
        staging.store_parcel(job, uuid.uuid4(), _FillingUp(errno.EIO), BY)

    assert staged_objects() == []


def test_the_object_stays_when_nobody_knows_whether_its_row_was_committed() -> None:
    job, key = job_of(3), uuid.uuid4()

    def lose_the_answer(execute: Any, sql: str, *args: Any) -> object:  # Any: Django's execute wrapper
        result = execute(sql, *args)
        if sql.startswith("INSERT") and "uploads_parcel" in sql:
            raise InterfaceError("the connection was lost")
        return result

    with connection.execute_wrapper(lose_the_answer), pytest.raises(InterfaceError):
        store(job, ("0", b"abc"), key=key)

    assert default_storage.listdir(str(job.key))[1] != []


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_a_big_file_is_received_with_the_last_of_its_slices(order: tuple[int, ...]) -> None:
    job = job_of(len(BIG))
    seen = []

    for index in order:
        start = 1000 * index
        store(job, (f"0.{start}", BIG[start : start + 1000]), of=BIG)
        seen += statuses(job)

    assert seen == [FileStatus.DECLARED, FileStatus.DECLARED, FileStatus.RECEIVED]
    assert read_back(job.files.get()) == BIG


def test_slices_may_overlap() -> None:
    job = job_of(len(BIG))

    for start, end in ((0, 2000), (1000, 2500), (2400, 3000)):
        store(job, (f"0.{start}", BIG[start:end]), of=BIG)

    assert statuses(job) == [FileStatus.RECEIVED]
    assert read_back(job.files.get()) == BIG


def test_a_gap_between_slices_is_waited_for() -> None:
    job = job_of(len(BIG))

    for start, end in ((0, 1000), (1001, 3000)):
        store(job, (f"0.{start}", BIG[start:end]), of=BIG)

    assert statuses(job) == [FileStatus.DECLARED]


def test_slices_of_two_files_of_one_name_and_size_are_never_joined() -> None:
    job = job_of(len(BIG))

    store(job, ("0.0", BIG[:1000]), of=BIG)
    store(job, ("0.1000", OTHER[1000:]), of=OTHER)

    assert statuses(job) == [FileStatus.DECLARED]


def test_a_file_is_the_first_whose_slices_are_all_here() -> None:
    job = job_of(len(BIG))
    store(job, ("0.0", BIG[:2500]), of=BIG)

    store(job, ("0.0", OTHER[:1000]), of=OTHER)
    store(job, ("0.1000", OTHER[1000:]), of=OTHER)

    assert statuses(job) == [FileStatus.RECEIVED]
    assert read_back(job.files.get()) == OTHER


def test_two_tabs_with_the_same_file_bring_it_together() -> None:
    job = job_of(len(BIG))

    store(job, ("0.0", BIG[:1500]), of=BIG)
    store(job, ("0.0", BIG[:1000]), of=BIG)
    store(job, ("0.1000", BIG[1000:]), of=BIG)

    assert statuses(job) == [FileStatus.RECEIVED]
    assert read_back(job.files.get()) == BIG


def test_slices_that_come_when_their_file_is_here_are_no_part_of_it() -> None:
    job = job_of(len(BIG))
    store(job, ("0.0", BIG[:1000]), of=BIG)
    store(job, ("0.1000", BIG[1000:]), of=BIG)

    store(job, ("0.0", OTHER[:2000]), of=OTHER)
    store(job, ("0.0", BIG[:2500]), of=BIG)

    assert read_back(job.files.get()) == BIG
    assert job.files.get().slices.count() == 2


def test_a_slice_that_does_not_say_of_which_content_it_is_leaves_no_trace(staging_of_its_own: Path) -> None:
    job = job_of(len(BIG))

    with pytest.raises(staging.ContentUnnamed):
        store(job, ("0.0", BIG[:1000]))

    assert staged_objects() == []
    assert job.parcels.count() == 0


def test_a_file_that_was_half_here_before_slices_said_of_which_content_they_are_comes_anew() -> None:
    job = job_of(len(BIG))
    make_parcel(job, OTHER[:1000], 0, slice_of=job.files.get())

    store(job, ("0.1000", BIG[1000:]), of=BIG)
    half_way = statuses(job)
    store(job, ("0.0", BIG[:1000]), of=BIG)

    assert half_way == [FileStatus.DECLARED]
    assert read_back(job.files.get()) == BIG


def test_a_file_that_came_in_part_may_still_come_whole() -> None:
    job = job_of(len(BIG))
    store(job, ("0.0", BIG[:1000]), of=BIG)

    store(job, ("0", BIG))

    assert statuses(job) == [FileStatus.RECEIVED]
    assert read_back(job.files.get()) == BIG


def test_the_last_slice_and_its_file_are_noted_together() -> None:
    job = job_of(len(BIG))
    store(job, ("0.0", BIG[:1000]), of=BIG)

    def die_after_the_slice(execute: Any, sql: str, *args: Any) -> object:  # Any: Django's execute wrapper
        if sql.startswith("UPDATE") and "uploads_file" in sql:
            raise InterfaceError("the process died")
        return execute(sql, *args)

    with connection.execute_wrapper(die_after_the_slice), pytest.raises(InterfaceError):
        store(job, ("0.1000", BIG[1000:]), of=BIG)

    assert job.parcels.count() == 1
    assert statuses(job) == [FileStatus.DECLARED]


def test_a_file_that_was_refused_is_not_received_after_all() -> None:
    job = job_of(3)
    job.files.get().advance(FileStatus.REJECTED, BY)

    store(job, ("0", b"abc"))

    assert statuses(job) == [FileStatus.REJECTED]


def test_an_arrival_is_a_sign_of_life() -> None:
    job = job_of(3)

    store(job, ("0", b"abc"))

    assert Job.objects.get(pk=job.pk).last_arrival_at > job.last_arrival_at


def test_images_are_staged_as_they_are() -> None:
    content = image(1)
    job = make_job()
    declare(job, [("CD/1", content)])

    store(job, ("0", content))

    assert read_back(job.files.get()) == content
