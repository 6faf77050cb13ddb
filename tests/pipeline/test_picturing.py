"""Each series gets a picture; nothing waits for it, and whatever goes wrong with it comes to an end."""

import errno
import io
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.utils.timezone import now
from PIL import Image
from pytest_django.fixtures import Settings

from tests.dicoms import encapsulated, headerless, report
from tests.factories import make_file, make_job, make_series
from tests.pipeline.journeys import (
    check_all,
    declare,
    image,
    images,
    job_to,
    staged_objects,
    statuses,
    store,
    upload,
    work_off,
)
from tests.sandboxes import Sandbox
from uploads import tasks
from uploads.dicom.reader import ReaderBroken
from uploads.management.commands.beat import Hints, sweep
from uploads.models import File, Job, Parcel, Picture, Series
from uploads.pipeline import picturing
from uploads.states import FileStatus, JobStatus
from uploads.verification.staging import staging_holds_nothing_else

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module", autouse=True)
def no_child_is_left() -> Iterator[None]:
    yield
    picturing.drawer.close()


def due_series(job: Job, content: bytes, **values: Any) -> Series:  # Any: column values
    """A series with one image whose picture is due."""
    series = make_series(job, picture_due_at=now(), **values)
    make_file(job, content, series=series, status=FileStatus.VALID)
    return series


def bright(number: int, gray: int) -> tuple[str, bytes]:
    """An image of one gray, which its window shows as it is."""
    pixels = gray.to_bytes(2, "little") * 256
    window: dict[str, Any] = {  # Any: DICOM values
        "WindowCenter": "128",
        "WindowWidth": "256",
        "RescaleSlope": "1",
        "RescaleIntercept": "0",
    }
    return f"CD/IM{number:04d}", image(number, pixels=pixels, **window)


def gray_of(series: Series) -> int:
    """The gray of the first pixel of the picture."""
    with default_storage.open(series.picture_name) as stored:
        picture = Image.open(io.BytesIO(stored.read()))
    gray = picture.getpixel((0, 0))
    assert isinstance(gray, int)
    return gray


def checked_job(contents: list[tuple[str, bytes]], **values: Any) -> Job:  # Any: column values
    """A job of which everything has arrived and is checked, with its pictures asked for."""
    job = make_job(**values)
    upload(job, contents)
    check_all(job)
    tasks.close_job(job.pk)
    return job


def test_after_a_run_each_series_has_its_picture(sandbox: Sandbox) -> None:
    job = job_to(sandbox)
    upload(job, [*images(3, series=1), *images(2, series=2)])

    work_off()
    for series_id in picturing.due():
        tasks.make_picture(series_id)

    assert statuses(job) == [FileStatus.ACCEPTED] * 5
    assert list(job.series.values_list("picture", "picture_due_at")) == [(Picture.MADE, None)] * 2
    assert all(default_storage.exists(series.picture_name) for series in job.series.all())


def test_the_middle_image_is_shown() -> None:
    job = checked_job([bright(number, 50 * number) for number in range(5)])

    picturing.make(job.series.get().pk)

    assert gray_of(job.series.get()) == 100


def test_images_that_are_left_out_are_not_shown() -> None:
    job = checked_job([bright(number, 50 * number) for number in range(5)])
    File.objects.filter(job=job, number__gt=1).update(status=FileStatus.REJECTED)

    picturing.make(job.series.get().pk)

    assert gray_of(job.series.get()) == 0


def test_images_that_are_held_back_are_shown_to_whoever_decides() -> None:
    job = checked_job([bright(0, 200)], confirmed={})

    picturing.make(job.series.get().pk)

    assert statuses(job) == [FileStatus.QUARANTINED]
    assert gray_of(job.series.get()) == 200


def test_a_file_that_came_without_its_header_has_a_picture() -> None:
    job = checked_job([("CD/IM1", headerless())])

    picturing.make(job.series.get().pk)

    assert job.series.get().picture == Picture.MADE


@pytest.mark.parametrize("content", [report(), encapsulated()], ids=["report", "not a JPEG"])
def test_what_can_t_be_shown_has_no_picture_and_goes_on_its_way(content: bytes) -> None:
    job = checked_job([("CD/IM1", content)])

    picturing.make(job.series.get().pk)

    assert list(job.series.values_list("picture", "picture_due_at")) == [(Picture.NONE, None)]
    assert statuses(job) == [FileStatus.VALID]


def test_nothing_is_asked_for_while_images_may_still_come() -> None:
    job = make_job()
    upload(job, images(2), is_last=False)
    check_all(job)

    assert picturing.ask_for(job.pk) == []


def test_nothing_is_asked_for_while_images_are_still_to_be_checked() -> None:
    job = make_job()
    upload(job, images(1))
    check_all(job)
    upload(job, images(1, series=2))
    Job.objects.filter(pk=job.pk).update(status=JobStatus.PROCESSING)

    assert picturing.ask_for(job.pk) == []


def test_in_a_long_upload_a_series_that_is_about_to_be_sent_is_asked_for(settings: Settings) -> None:
    settings.RELAY_BATCH_MAX_BYTES = 4_000
    job = make_job()
    upload(job, images(9), is_last=False)
    check_all(job)

    tasks.plan_batches(job.pk)

    assert job.files.exclude(batch=None).exists()
    assert picturing.ask_for(job.pk) == [job.series.get().pk]


def test_a_picture_is_asked_for_once() -> None:
    job = checked_job(images(1))

    assert picturing.due() == [job.series.get().pk]
    assert picturing.ask_for(job.pk) == []


def test_nothing_is_asked_for_of_a_cancelled_job() -> None:
    job = make_job(status=JobStatus.CANCELLED)
    make_series(job)

    assert picturing.ask_for(job.pk) == []


def test_pictures_of_a_stat_job_come_first() -> None:
    bulk, urgent = (due_series(make_job(is_stat=is_stat), image(1)) for is_stat in (False, True))

    assert picturing.due() == [urgent.pk, bulk.pk]


def test_a_picture_that_is_made_is_not_made_again() -> None:
    series = due_series(make_job(), image(1))
    picturing.make(series.pk)
    picturing.make(series.pk)

    series.refresh_from_db()
    assert (series.picture, series.picture_tries) == (Picture.MADE, 1)


def test_a_worker_that_dies_costs_a_lease_and_the_next_one_makes_the_picture(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    series = due_series(make_job(), image(1))

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(picturing.drawer, "draw", die)
        picturing.make(series.pk)
    before = picturing.due()
    Series.objects.update(picture_due_at=now())
    picturing.make(series.pk)

    series.refresh_from_db()
    assert (before, series.picture, series.picture_tries) == ([], Picture.MADE, 2)


TROUBLES = [ReaderBroken("no child starts"), OSError(errno.EIO, "disk")]


@pytest.mark.parametrize("trouble", TROUBLES, ids=["child", "disk"])
def test_what_is_no_fault_of_the_image_is_tried_again(
    trouble: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    series = due_series(make_job(), image(1))

    def fail(*_: object) -> None:
        raise trouble

    monkeypatch.setattr(picturing.drawer, "draw", fail)
    picturing.make(series.pk)

    series.refresh_from_db()
    assert series.picture == Picture.WAITING
    assert series.picture_due_at is not None
    assert series.picture_due_at > now()


def test_it_is_not_tried_for_ever() -> None:
    series = due_series(make_job(), image(1), picture_tries=picturing.MOST_TRIES)

    picturing.make(series.pk)

    series.refresh_from_db()
    assert (series.picture, series.picture_due_at) == (Picture.NONE, None)


def test_an_image_whose_bytes_are_gone_has_no_picture() -> None:
    series = due_series(make_job(), image(1))
    default_storage.delete(Parcel.objects.get().object_name)

    picturing.make(series.pk)

    series.refresh_from_db()
    assert (series.picture, series.picture_due_at) == (Picture.NONE, None)


def test_a_picture_that_was_given_up_meanwhile_leaves_no_object(
    monkeypatch: pytest.MonkeyPatch, staging_of_its_own: Path
) -> None:
    series = due_series(make_job(), image(1))
    before = staged_objects()
    draw = picturing.drawer.draw

    def draw_while_the_job_is_cleared(stream: Any, size: int) -> bytes | None:  # Any: a file
        Series.objects.update(picture=Picture.NONE, picture_due_at=None)
        return draw(stream, size)

    monkeypatch.setattr(picturing.drawer, "draw", draw_while_the_job_is_cleared)
    picturing.make(series.pk)

    assert staged_objects() == before


@pytest.mark.django_db(transaction=True)  # beat closes what connections are old
def test_beat_leaves_pictures_to_workers_so_that_what_is_sent_need_not_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    series = due_series(make_job(), image(1))
    monkeypatch.setattr(tasks, "publish", lambda task, row_id: False)

    sweep(Hints())

    series.refresh_from_db()
    assert (series.picture, series.picture_tries) == (Picture.WAITING, 0)


def old_job(settings: Settings, status: JobStatus = JobStatus.ACCEPTED) -> Job:
    """A job whose retention is over."""
    long_ago = now() - timedelta(hours=settings.STAGING_RETENTION_HOURS + 48)
    return make_job(status=status, last_arrival_at=long_ago)


def test_pictures_go_with_the_staged_bytes(settings: Settings, staging_of_its_own: Path) -> None:
    job = old_job(settings)
    series = due_series(job, image(1))
    picturing.make(series.pk)
    File.objects.update(status=FileStatus.ACCEPTED)
    Parcel.objects.update(status="checked")

    tasks.recover()

    series.refresh_from_db()
    assert series.picture == Picture.NONE
    assert staged_objects() == []


@pytest.mark.disk
def test_a_picture_belongs_where_it_is(settings: Settings) -> None:
    series = due_series(old_job(settings, JobStatus.ATTENTION), image(1))
    picturing.make(series.pk)
    series.refresh_from_db()
    os.utime(default_storage.path(series.picture_name), (0, 0))

    found = list(staging_holds_nothing_else())
    Series.objects.update(picture=Picture.NONE)
    without_row = list(staging_holds_nothing_else())

    assert (found, len(without_row)) == ([], 1)


def test_slices_of_a_big_file_are_joined_for_its_picture() -> None:
    _, content = bright(1, 99)
    job = make_job()
    declare(job, [("CD/IM1", content)])
    for offset in (0, 300):
        store(job, (f"0.{offset}", content[offset : offset + 300 if offset == 0 else None]), of=content)
    check_all(job)
    tasks.close_job(job.pk)

    picturing.make(job.series.get().pk)

    assert gray_of(job.series.get()) == 99
