"""STAT: ahead of everybody's bulk, in queues of its own; within a job the useful series go first."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest
from pytest_django.fixtures import Settings

from portal.celery import app
from portal.place import Place
from portal.processes import portal as portal_of
from tests.dicoms import SECONDARY_CAPTURE, report
from tests.factories import make_batch, make_job, make_parcel
from tests.pipeline.journeys import check_all, image, images, job_to, ready_batch, upload, work_off
from tests.sandboxes import Sandbox
from uploads import tasks
from uploads.batches import part_bytes
from uploads.models import Batch, Job
from uploads.pipeline import batching, sweeping
from uploads.qure.body import BODY_OVERHEAD
from uploads.states import JobStatus

pytestmark = pytest.mark.django_db
QUEUES: Final = ("checks", "default", "relay", "checks_stat", "relay_stat", "outside", "pictures")
Queued = Callable[[str], list[str]]


def stat_job(sandbox: Sandbox) -> Job:
    job = job_to(sandbox)
    Job.objects.filter(pk=job.pk).update(is_stat=True)
    return job


def test_what_is_due_of_a_stat_job_comes_first(sandbox: Sandbox) -> None:
    bulk, urgent = job_to(sandbox), stat_job(sandbox)
    for job in (bulk, urgent):
        ready_batch(job, images(1))
        upload(job, [("CD/more", image(9))], is_last=False)

    due = sweeping.due()

    assert due.batches == [urgent.batches.get().pk, bulk.batches.get().pk]
    assert due.parcels == [urgent.parcels.latest("pk").pk, bulk.parcels.latest("pk").pk]


def test_plans_of_a_stat_job_come_first(sandbox: Sandbox) -> None:
    bulk, urgent = job_to(sandbox), stat_job(sandbox)
    for job in (bulk, urgent):
        upload(job, images(1))
        check_all(job)

    assert sweeping.due().plans == [urgent.pk, bulk.pk]


def test_closings_of_a_stat_job_come_first() -> None:
    bulk, urgent = (make_job(status=JobStatus.PROCESSING, is_stat=is_stat) for is_stat in (False, True))

    assert sweeping.due().closings == [urgent.pk, bulk.pk]


def test_a_stat_job_is_sent_before_the_bulk_that_waited(sandbox: Sandbox) -> None:
    bulk = [ready_batch(job_to(sandbox), images(1, series)).job for series in (1, 2, 3)]
    urgent = ready_batch(stat_job(sandbox), images(1, series=9)).job

    work_off()

    batches = Batch.objects.order_by("attempts__started_at")
    assert [batch.job for batch in batches] == [urgent, *bulk]


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> Queued:
    """Tasks are not run here but put into their queues, in memory."""
    monkeypatch.setitem(app.conf, "task_always_eager", False)

    def take(name: str) -> list[str]:
        with app.connection_for_read() as connection, connection.SimpleQueue(name) as queue:
            tasks_found = []
            with suppress(queue.Empty):
                while True:
                    message = queue.get(block=False)
                    message.ack()
                    tasks_found.append(message.headers["task"].rpartition(".")[2])
            return tasks_found

    for name in QUEUES:
        take(name)
    return take


HINTS: Final = ["check_parcel", "plan_batches", "send_batch", "close_job"]


@pytest.mark.parametrize(
    ("is_stat", "queues"),
    [
        (False, ["checks", "default", "relay", "default"]),
        (True, ["checks_stat", "checks_stat", "relay_stat", "checks_stat"]),
    ],
    ids=["bulk", "STAT"],
)
def test_each_hint_goes_into_its_queue(is_stat: bool, queues: list[str], queued: Queued) -> None:
    job = make_job(is_stat=is_stat)
    rows = [make_parcel(job, b"x", 0).pk, job.pk, make_batch(job).pk, job.pk]

    for name, row_id in zip(HINTS, rows, strict=True):
        assert tasks.publish(getattr(tasks, name), row_id)

    put = {(queue, name) for queue in QUEUES for name in queued(queue)}
    assert put == set(zip(queues, HINTS, strict=True))


def workers() -> list[list[str]]:
    """The queues of each worker of a portal on one machine, in their order."""
    place = Place(Path("data"), 8000, None, Path("broker"), {})
    commands = [program.command for program in portal_of(place)]
    return [command[command.index("-Q") + 1].split(",") for command in commands if "-Q" in command]


def test_every_queue_has_a_worker_and_bulk_never_takes_them_all() -> None:
    listening = workers()

    assert {queue for queues in listening for queue in queues} == set(QUEUES)
    assert {"checks_stat", "relay_stat"} in [set(queues) for queues in listening]
    assert all(queues[0].endswith("_stat") for queues in listening if queues != ["pictures"])


@pytest.fixture
def small_batches(settings: Settings) -> None:
    """One image a request."""
    settings.RELAY_BATCH_MAX_BYTES = 1


def test_within_a_job_what_the_ai_reads_goes_first(small_batches: None) -> None:
    contents = [
        ("CD/report", report(SeriesInstanceUID="2.25.7.1", SOPInstanceUID="2.25.7.1.1")),
        ("CD/scout", of(2, ImageType="ORIGINAL\\PRIMARY\\LOCALIZER", BodyPartExamined="HEAD")),
        ("CD/dose", of(3, SOPClassUID=SECONDARY_CAPTURE, SeriesDescription="Dose report")),
        ("CD/knee", of(4, BodyPartExamined="KNEE")),
        ("CD/head", of(5, BodyPartExamined="HEAD")),
        ("CD/chest", of(6, Modality="DX", BodyPartExamined="CHEST")),
    ]
    job = make_job()
    upload(job, contents)
    check_all(job)

    batching.plan(job.pk)

    order = [batch.files.get().path for batch in Batch.objects.order_by("pk")]
    assert order == ["CD/head", "CD/chest", "CD/knee", "CD/scout", "CD/dose", "CD/report"]


def test_a_scout_within_a_useful_series_goes_with_it(settings: Settings) -> None:
    contents = [
        ("CD/knee", of(4, BodyPartExamined="KNEE")),
        ("CD/scout", image(1, ImageType="ORIGINAL\\PRIMARY\\LOCALIZER")),
        ("CD/head", image(2, BodyPartExamined="HEAD")),
    ]
    job = make_job()
    upload(job, contents)
    check_all(job)
    sizes = [part_bytes(file) for file in job.files.exclude(path="CD/knee")]
    settings.RELAY_BATCH_MAX_BYTES = BODY_OVERHEAD + sum(sizes)

    batching.plan(job.pk)

    first, second = Batch.objects.order_by("pk")
    assert set(first.files.values_list("path", flat=True)) == {"CD/head", "CD/scout"}
    assert second.files.get().path == "CD/knee"


def of(series: int, **overrides: Any) -> bytes:  # Any: as dicom_bytes takes them
    """An image of a series of its own."""
    return image(1, series, **overrides)
