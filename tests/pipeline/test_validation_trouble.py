"""What befalls a parcel while it is checked: lost workers, a checker or storage out of order, lost bytes."""

import errno
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO

import pytest
from django.core.files.storage import default_storage
from django.utils.timezone import now

from tests.factories import make_job
from tests.pipeline.journeys import (
    check_all,
    declare,
    end_leases,
    image,
    make_due,
    reasons,
    rewrite,
    statuses,
    store,
    upload,
)
from uploads import tasks
from uploads.dicom.checker import Span
from uploads.dicom.findings import Finding
from uploads.dicom.reader import ReaderBroken
from uploads.models import Job, LostRace, Parcel
from uploads.pipeline import sweeping, validation
from uploads.pipeline.validation import MOST_FAILURES, MOST_STRIKES, inspecting
from uploads.reasons import Reason
from uploads.states import FileStatus, ParcelStatus

pytestmark = pytest.mark.django_db


class Killed(BaseException):
    """The worker dies: nothing that it would do next is done."""


def break_over(monkeypatch: pytest.MonkeyPatch, path: str, error: BaseException) -> None:
    """Let the checker fail as soon as it is asked for this path; no file that can do it is known."""
    real = inspecting.checker.check

    def check(file: BinaryIO, spans: Sequence[Span]) -> list[Finding]:
        if any(span.name == path for span in spans):
            raise error
        return real(file, spans)

    monkeypatch.setattr(inspecting.checker, "check", check)


def job_of(count: int) -> Job:
    """A job with a parcel of so many images, CD/0 and so on."""
    job = make_job()
    upload(job, [(f"CD/{number}", image(number)) for number in range(count)])
    return job


def object_of(job: Job) -> str:
    """The name of the job's one object."""
    return job.parcels.get().object_name


def lose_a_worker(job: Job) -> None:
    """A worker begins the parcel and is gone; its lease ends."""
    job.parcels.update(status=ParcelStatus.CHECKING, lease_until=now())
    tasks.recover()


def test_a_parcel_of_a_lost_worker_is_checked_by_another() -> None:
    job = job_of(2)
    lose_a_worker(job)

    check_all(job)

    assert statuses(job) == [FileStatus.VALID] * 2
    assert job.parcels.get().status == ParcelStatus.CHECKED


def test_a_worker_that_lives_keeps_its_parcel() -> None:
    job = job_of(1)
    job.parcels.update(status=ParcelStatus.CHECKING, lease_until=now() + timedelta(minutes=1))

    tasks.recover()

    assert job.parcels.get().status == ParcelStatus.CHECKING


def test_a_lease_that_was_renewed_meanwhile_is_left_alone() -> None:
    job = job_of(1)
    job.parcels.update(status=ParcelStatus.CHECKING, lease_until=now())
    (seen,) = sweeping.expired_parcels()
    job.parcels.update(lease_until=now() + timedelta(minutes=1))

    validation.expire(seen, "sweep")

    assert job.parcels.get().status == ParcelStatus.CHECKING


def test_a_file_that_takes_down_three_workers_is_named_and_the_others_are_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = job_of(5)
    break_over(monkeypatch, "CD/2", Killed())
    for _ in range(MOST_STRIKES):
        with pytest.raises(Killed):
            check_all(job)
        end_leases(job)

    check_all(job)

    rejected, valid = FileStatus.REJECTED, FileStatus.VALID
    assert statuses(job) == [valid, valid, rejected, valid, valid]
    assert reasons(job)[2] == Reason.TOO_COMPLEX
    assert job.parcels.get().status == ParcelStatus.CHECKED


def test_a_sliced_file_that_takes_down_three_workers_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    content, job = image(1), make_job()
    declare(job, [("CD/1", content)])
    store(job, ("0.0", content[:300]), of=content)
    check_all(job)
    store(job, ("0.300", content[300:]), of=content)
    break_over(monkeypatch, "CD/1", Killed())
    for _ in range(MOST_STRIKES):
        with pytest.raises(Killed):
            check_all(job)
        end_leases(job)

    check_all(job)

    assert (statuses(job), reasons(job)) == ([FileStatus.REJECTED], [Reason.TOO_COMPLEX])
    assert set(job.parcels.values_list("status", flat=True)) == {ParcelStatus.CHECKED}


def test_workers_that_were_lost_after_the_last_verdict_blame_no_file() -> None:
    job = job_of(1)
    check_all(job)
    job.parcels.update(strikes=MOST_STRIKES - 1)

    lose_a_worker(job)
    check_all(job)

    assert statuses(job) == [FileStatus.VALID]
    assert job.parcels.get().status == ParcelStatus.CHECKED


TROUBLES = [ReaderBroken("no child starts"), OSError(errno.EIO, "disk"), PermissionError("mount")]


@pytest.mark.parametrize("trouble", TROUBLES)
def test_trouble_that_is_no_files_fault_is_waited_for(
    trouble: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = job_of(2)
    break_over(monkeypatch, "CD/1", trouble)

    check_all(job)

    parcel = job.parcels.get()
    assert (parcel.status, parcel.failures) == (ParcelStatus.STORED, 1)
    assert parcel.due_at > now() + timedelta(seconds=1)
    assert set(statuses(job)) == {FileStatus.RECEIVED}


def test_a_parcel_that_waits_is_not_checked_before_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    job = job_of(1)
    job.parcels.update(due_at=now() + timedelta(seconds=60))

    check_all(job)

    assert statuses(job) == [FileStatus.RECEIVED]
    assert sweeping.due().parcels == []


def test_when_the_trouble_is_over_all_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    job = job_of(3)
    with monkeypatch.context() as patch:
        break_over(patch, "CD/1", OSError(errno.EIO, "disk"))
        check_all(job)
    make_due(job)

    check_all(job)

    assert statuses(job) == [FileStatus.VALID] * 3


def test_waits_for_the_checker_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    job = job_of(1)
    break_over(monkeypatch, "CD/0", OSError(errno.EIO, "disk"))
    waits: list[datetime] = []
    for _ in range(6):
        check_all(job)
        waits.append(job.parcels.get().due_at)
        make_due(job)

    assert waits == sorted(waits)
    assert waits[-1] - now() > timedelta(seconds=100)


def test_trouble_that_lasts_for_hours_names_what_was_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    job = job_of(4)
    break_over(monkeypatch, "CD/2", OSError(errno.EIO, "a bad sector"))
    for _ in range(MOST_FAILURES):
        check_all(job)
        make_due(job)

    assert statuses(job) == [FileStatus.VALID] * 2 + [FileStatus.REJECTED] * 2
    assert reasons(job)[2:] == [Reason.NOT_CHECKED] * 2
    assert job.parcels.get().status == ParcelStatus.CHECKED


@pytest.mark.disk
def test_an_object_that_cannot_be_opened_now_is_not_lost() -> None:
    job = job_of(1)
    staged = Path(default_storage.path(object_of(job)))
    content = staged.read_bytes()
    staged.unlink()
    staged.mkdir()  # opening it raises an OSError that is not "not found"
    check_all(job)
    after_trouble = statuses(job)
    staged.rmdir()
    staged.write_bytes(content)
    make_due(job)

    check_all(job)

    assert after_trouble == [FileStatus.RECEIVED]
    assert statuses(job) == [FileStatus.VALID]


def test_an_object_that_is_gone_names_its_files() -> None:
    job = job_of(2)
    default_storage.delete(object_of(job))

    check_all(job)

    assert statuses(job) == [FileStatus.MISSING] * 2
    assert reasons(job) == [Reason.STAGED_BYTES_LOST] * 2
    assert job.parcels.get().status == ParcelStatus.CHECKED


@pytest.mark.parametrize("missing", [1, 2000])
def test_an_object_that_was_cut_is_our_loss_and_not_the_files_fault(missing: int) -> None:
    job = job_of(2)
    rewrite(object_of(job), lambda content: content[:-missing])

    check_all(job)

    assert reasons(job) == [Reason.STAGED_BYTES_LOST] * 2


def test_a_slice_that_is_gone_names_the_file() -> None:
    content, job = image(1), make_job()
    declare(job, [("CD/1", content)])
    store(job, ("0.0", content[:300]), of=content)
    first = object_of(job)
    store(job, ("0.300", content[300:]), of=content)
    default_storage.delete(first)

    check_all(job)

    assert (statuses(job), reasons(job)) == ([FileStatus.MISSING], [Reason.STAGED_BYTES_LOST])
    assert set(job.parcels.values_list("status", flat=True)) == {ParcelStatus.CHECKED}


def test_a_frozen_worker_that_wakes_up_late_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    job = job_of(1)
    frozen = job.parcels.get()

    real = inspecting.checker.check

    def thaw(file: BinaryIO, spans: Sequence[Span]) -> list[Finding]:
        """While the first worker was frozen, its lease ended and another took the parcel."""
        end_leases(job)
        Parcel.objects.get(pk=frozen.pk).advance(
            ParcelStatus.CHECKING, "another", lease_until=now() + timedelta(minutes=1)
        )
        return real(file, spans)

    monkeypatch.setattr(inspecting.checker, "check", thaw)
    with pytest.raises(LostRace):
        validation.check(frozen)

    assert job.parcels.get().status == ParcelStatus.CHECKING
    assert statuses(job) == [FileStatus.RECEIVED]


def test_a_hint_for_a_parcel_that_another_worker_has_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    job = job_of(1)
    parcel_id = job.parcels.get().pk
    job.parcels.update(status=ParcelStatus.CHECKING, lease_until=now() + timedelta(minutes=1))

    tasks.check_parcel(parcel_id)

    assert statuses(job) == [FileStatus.RECEIVED]
