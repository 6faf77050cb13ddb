"""Valid files into batches: each file once, no request over the limit, whole series where they fit."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils.timezone import now
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from tests.factories import make_file, make_job, make_series
from uploads.batches import body_bytes, part_bytes, to_plan
from uploads.models import Batch, File, Job, Kind, Series
from uploads.pipeline import batching
from uploads.qure.body import Part, encoded_size
from uploads.states import BatchStatus, FileStatus, JobStatus

pytestmark = pytest.mark.django_db
LIMIT = 10_000


@pytest.fixture(autouse=True)
def small_limit(settings: Settings) -> None:
    settings.RELAY_BATCH_MAX_BYTES = LIMIT


def closed_job() -> Job:
    """A job of which everything has arrived."""
    return make_job(status=JobStatus.PROCESSING, manifest_closed_at=now())


def open_job() -> Job:
    """A job that still waits for a file."""
    job = make_job()
    make_file(job)
    return job


def valid(job: Job, series: Series, size: int, **values: Any) -> File:  # Any: column values
    """A file that is checked and waits to be sent."""
    return make_file(job, size=size, series=series, status=FileStatus.VALID, **values)


def batches(job: Job) -> list[list[int]]:
    """The numbers of the files in each batch, in the order of the batches."""
    rows = Batch.objects.filter(job=job).order_by("pk")
    return [list(batch.files.order_by("number").values_list("number", flat=True)) for batch in rows]


def test_a_closed_job_is_batched_whole() -> None:
    job = closed_job()
    series = make_series(job)
    for _ in range(3):
        valid(job, series, 1000)

    (batch_id,) = batching.plan(job.pk)

    batch = Batch.objects.get(pk=batch_id)
    assert batches(job) == [[0, 1, 2]]
    assert batch.status == BatchStatus.READY
    assert batch.body_bytes == body_bytes(list(batch.files.all()))


def test_the_weight_of_a_batch_is_that_of_its_request() -> None:
    job = closed_job()
    series = make_series(job)
    files = [valid(job, series, 1000), valid(job, series, 2000, wrapper=b"header" * 20)]

    batching.plan(job.pk)

    parts = [Part(file.wire_name, file.wire_size, lambda: None) for file in files]  # type: ignore[arg-type, return-value]
    assert Batch.objects.get().body_bytes == encoded_size(parts)


def test_to_plan_again_makes_no_second_batch() -> None:
    job = closed_job()
    valid(job, make_series(job), 1000)
    batching.plan(job.pk)

    again = batching.plan(job.pk)

    assert again == []
    assert Batch.objects.count() == 1


@pytest.mark.parametrize("status", [JobStatus.ATTENTION, JobStatus.CANCELLED])
def test_nothing_is_batched_of_a_job_that_rests(status: JobStatus) -> None:
    job = make_job(status=status)
    valid(job, make_series(job), 1000)

    assert batching.plan(job.pk) == []


def test_a_full_batch_leaves_while_the_upload_goes_on() -> None:
    job = open_job()
    series = make_series(job)
    for _ in range(3):
        valid(job, series, 4000)

    batching.plan(job.pk)

    assert batches(job) == [[1, 2]]


def test_what_does_not_fill_a_batch_waits_for_more() -> None:
    job = open_job()
    valid(job, make_series(job), 4000)

    assert batching.plan(job.pk) == []


def test_an_upload_that_falls_silent_sends_what_it_has(settings: Settings) -> None:
    job = open_job()
    valid(job, make_series(job), 4000)
    silent_for = timedelta(seconds=settings.UPLOAD_IDLE_SECONDS + 1)
    Job.objects.filter(pk=job.pk).update(last_arrival_at=now() - silent_for)

    batching.plan(job.pk)

    assert batches(job) == [[1]]


@pytest.mark.parametrize(
    ("count", "others", "is_silent"),
    [(1, None, False), (3, None, False), (1, None, True), (1, FileStatus.RECEIVED, False)],
    ids=["more to come", "a full batch", "silent", "one still to be checked"],
)
def test_a_sweep_finds_an_upload_just_when_a_batch_can_be_made_of_it(
    count: int, others: FileStatus | None, is_silent: bool, settings: Settings
) -> None:
    job = open_job() if others is None else closed_job()
    series = make_series(job)
    for _ in range(count):
        valid(job, series, 4000)
    if others:
        make_file(job, status=others)
    if is_silent:
        silent_for = timedelta(seconds=settings.UPLOAD_IDLE_SECONDS + 1)
        Job.objects.filter(pk=job.pk).update(last_arrival_at=now() - silent_for)

    found = list(to_plan())

    assert found == [job] * bool(batching.plan(job.pk))


def test_what_is_not_yet_checked_is_waited_for() -> None:
    job = closed_job()
    make_file(job, status=FileStatus.RECEIVED)
    valid(job, make_series(job), 4000)

    assert batching.plan(job.pk) == []


def test_a_series_that_fits_into_one_batch_is_not_torn() -> None:
    job = closed_job()
    first, second = make_series(job), make_series(job)
    for series in (first, first, second, second):
        valid(job, series, 3000)

    batching.plan(job.pk)

    assert batches(job) == [[0, 1], [2, 3]]


def test_a_series_that_fits_into_no_batch_fills_one_after_the_other() -> None:
    job = closed_job()
    first, second = make_series(job), make_series(job)
    valid(job, first, 3000)
    for _ in range(4):
        valid(job, second, 3000)

    batching.plan(job.pk)

    assert batches(job) == [[0, 1, 2], [3, 4]]


def test_one_series_uid_in_two_studies_is_never_in_one_batch() -> None:
    job = closed_job()
    first = make_series(job)
    twin, other = make_series(job, series_uid=first.series_uid), make_series(job)
    for series in (first, twin, other, twin):
        valid(job, series, 1000)

    batching.plan(job.pk)

    assert batches(job) == [[0, 2], [1, 3]]


def test_a_series_uid_in_two_studies_sends_nothing_before_a_batch_is_full() -> None:
    job = open_job()
    first = make_series(job)
    twin = make_series(job, series_uid=first.series_uid)
    for series in (first, twin, twin, twin):
        valid(job, series, 4000)

    batching.plan(job.pk)

    assert batches(job) == [[2, 3]]


def test_images_go_first_and_documents_last() -> None:
    job = closed_job()
    series = make_series(job)
    kinds = [Kind.DOCUMENT, Kind.REPORT, Kind.SECONDARY, Kind.OTHER, Kind.IMAGE]
    for kind in kinds:
        valid(job, series, 6000, kind=kind)

    batching.plan(job.pk)

    assert batches(job) == [[4], [3], [2], [1], [0]]


def test_a_batch_may_be_as_large_as_the_limit_and_no_larger() -> None:
    job = closed_job()
    series = make_series(job)
    file = valid(job, series, 1000)
    exact = LIMIT - body_bytes([file]) - (part_bytes(file) - file.size)
    valid(job, series, exact)
    valid(job, series, 1)

    batching.plan(job.pk)

    assert batches(job) == [[0, 1], [2]]
    first = Batch.objects.earliest("pk")
    assert first.body_bytes == LIMIT


sizes = st.integers(1, 9_000)
upload_of = st.lists(st.tuples(st.integers(0, 4), sizes, st.sampled_from(Kind)), min_size=1, max_size=40)


@hypothesis_settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(upload_of)
def test_every_file_is_in_one_batch_and_no_batch_is_over_the_limit(
    files: list[tuple[int, int, Kind]],
) -> None:
    with transaction.atomic():
        job = closed_job()
        uids = ["1.2.1", "1.2.2", "1.2.1", "1.2.3", "1.2.1"]  # three studies have a series of one UID
        series = {
            number: make_series(job, series_uid=uids[number]) for number in {number for number, _, _ in files}
        }
        for number, size, kind in files:
            valid(job, series[number], size, kind=kind)

        planned = batching.plan(job.pk)

        times = Counter(number for batch in batches(job) for number in batch)
        rows = Batch.objects.filter(job=job)
        assert times == Counter(range(len(files)))
        assert all(body_bytes(list(batch.files.all())) == batch.body_bytes <= LIMIT for batch in rows)
        assert set(planned) == set(rows.values_list("pk", flat=True))
        assert _torn_though_they_fit(job) == []
        assert not any(_is_of_twins(batch) for batch in rows)


def _torn_though_they_fit(job: Job) -> list[Series]:
    """Series that were put into two batches though one would have held them."""
    torn = []
    for series in Series.objects.filter(job=job):
        files = list(series.files.all())
        is_torn = len({file.batch_id for file in files}) > 1
        if is_torn and body_bytes(files) <= LIMIT:
            torn.append(series)
    return torn


def _is_of_twins(batch: Batch) -> bool:
    """Whether it holds series of two studies that have one UID."""
    uids = list(Series.objects.filter(files__batch=batch).distinct().values_list("series_uid", flat=True))
    return len(uids) != len(set(uids))
