"""One writer of each status: who comes second loses, and every move leaves a row."""

import sqlite3
from collections.abc import Iterator

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import TextChoices
from django.utils.timezone import now

from tests.factories import make_batch, make_file, make_job
from tests.models.rows import MAKERS, status_of
from uploads.models import (
    Batch,
    File,
    IllegalMove,
    Job,
    LostRace,
    StateChange,
    Stateful,
    advance_all,
    take_turn,
)
from uploads.reasons import Reason
from uploads.states import BatchStatus, FileStatus, JobStatus

pytestmark = pytest.mark.django_db
USUAL_VARIABLES = 32_766  # that a statement takes; Debian's SQLite takes more


@pytest.fixture
def usual_variables(db: None) -> Iterator[None]:
    """Statements take no more variables than where nobody has raised SQLite's limit."""
    if connection.vendor != "sqlite":
        yield
        return
    kind = sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER
    before = connection.connection.setlimit(kind, USUAL_VARIABLES)
    yield
    connection.connection.setlimit(kind, before)


def make_twins(file: File, count: int) -> None:
    """Add rows like this file's to its job, until there are so many of them."""
    columns = [str(field.column) for field in File._meta.concrete_fields if not field.primary_key]
    values = [{"number": "n", "path_digest": "n"}.get(column, column) for column in columns]
    numbers = "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < %s - 1)"
    with connection.cursor() as cursor:
        cursor.execute(
            f"{numbers} INSERT INTO uploads_file ({', '.join(columns)})"
            f" SELECT {', '.join(values)} FROM uploads_file, numbers WHERE id = %s",
            [count, file.pk],
        )


def test_who_comes_second_loses_and_changes_nothing() -> None:
    first = make_job()
    second = Job.objects.get(pk=first.pk)
    first.advance(JobStatus.PROCESSING, "first")

    with pytest.raises(LostRace):
        second.advance(JobStatus.CANCELLED, "second", turn=99)

    kept = Job.objects.get(pk=first.pk)
    assert (kept.status, kept.turn, second.status) == (JobStatus.PROCESSING, 0, JobStatus.UPLOADING)
    assert not StateChange.objects.filter(by="second").exists()


def test_a_move_stores_what_comes_with_it() -> None:
    file = make_file(make_job())

    file.advance(FileStatus.REJECTED, "task", reason=Reason.EMPTY)

    kept = File.objects.get(pk=file.pk)
    assert (kept.status, kept.reason) == (FileStatus.REJECTED, Reason.EMPTY)
    assert (file.status, file.reason) == (FileStatus.REJECTED, Reason.EMPTY)


def test_a_batch_moves_only_for_the_holder_of_its_newest_lease() -> None:
    old = make_batch(make_job(), status=BatchStatus.SENDING, lease_until=now(), token=1)
    Batch.objects.filter(pk=old.pk).update(token=2)

    with pytest.raises(LostRace):
        old.advance(BatchStatus.ACCEPTED, "the old holder")

    assert status_of(old) == BatchStatus.SENDING


def test_a_lost_race_leaves_the_transaction_usable() -> None:
    job = make_job()
    Job.objects.filter(pk=job.pk).update(status=JobStatus.CANCELLED)

    with transaction.atomic():
        with pytest.raises(LostRace):
            job.advance(JobStatus.PROCESSING, "late")
        make_file(job)

    assert File.objects.filter(job=job).exists()


def test_rows_that_move_together_share_one_change() -> None:
    job = make_job()
    files = [make_file(job) for _ in range(3)]
    other = make_file(job, status=FileStatus.RECEIVED)

    moved = advance_all(
        File.objects.filter(job=job), (FileStatus.DECLARED, FileStatus.MISSING), "task", job.pk, reason="x"
    )

    change = StateChange.objects.latest("pk")
    assert sorted(moved) == sorted(change.subjects) == [file.pk for file in files]
    assert (change.job_id, change.kind, change.by) == (job.pk, "file", "task")
    assert set(File.objects.filter(reason="x").values_list("pk", flat=True)) == set(moved)
    assert status_of(other) == FileStatus.RECEIVED


def test_moving_no_rows_leaves_no_change() -> None:
    job = make_job()
    before = StateChange.objects.count()

    moved = advance_all(
        File.objects.filter(job=job), (FileStatus.DECLARED, FileStatus.MISSING), "task", job.pk
    )

    assert moved == []
    assert StateChange.objects.count() == before


def test_rows_do_not_move_together_where_the_table_forbids_it() -> None:
    file = make_file(make_job())

    with pytest.raises(IllegalMove):
        advance_all(File.objects.all(), (FileStatus.DECLARED, FileStatus.ACCEPTED), "task", file.job_id)


@pytest.mark.usefixtures("usual_variables")
def test_a_hundred_thousand_rows_move_together() -> None:
    job = make_job()
    make_twins(make_file(job), 100_000)

    moved = advance_all(
        File.objects.filter(job=job), (FileStatus.DECLARED, FileStatus.MISSING), "task", job.pk
    )

    assert len(moved) == File.objects.filter(status=FileStatus.MISSING).count() == 100_000


def test_whoever_takes_the_turn_sees_the_job_as_it_is_now() -> None:
    job = make_job()
    Job.objects.filter(pk=job.pk).update(status=JobStatus.CANCELLED)

    with transaction.atomic():
        mine = take_turn(job.pk)

    assert (mine.status, mine.turn) == (JobStatus.CANCELLED, 1)


@pytest.mark.parametrize("model", MAKERS)
def test_the_database_refuses_a_status_that_does_not_exist(model: type[Stateful]) -> None:
    start: TextChoices = next(iter(model.moves))
    row = MAKERS[model](start)

    with pytest.raises(IntegrityError), transaction.atomic():
        model._base_manager.filter(pk=row.pk).update(**{model.status_column: "sent to the moon"})


def test_a_batch_that_is_ready_has_a_due_time() -> None:
    batch = make_batch(make_job())

    with pytest.raises(IntegrityError), transaction.atomic():
        Batch.objects.filter(pk=batch.pk).update(next_attempt_at=None)


def test_a_batch_that_is_being_sent_has_a_lease() -> None:
    batch = make_batch(make_job())

    with pytest.raises(IntegrityError), transaction.atomic():
        Batch.objects.filter(pk=batch.pk).update(status=BatchStatus.SENDING)
