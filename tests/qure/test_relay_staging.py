"""What the relay does when its own staging fails it in the middle of a request."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.utils.timezone import now

from tests.factories import make_batch, make_destination, make_file, make_job, make_series, make_team
from tests.qure.servers import Server, answers, receipt, serve
from uploads.models import Batch, File, Job, Series
from uploads.pipeline import relay
from uploads.pipeline.relay.verdict import MOST_UNKNOWN
from uploads.reasons import Reason
from uploads.states import BatchStatus, FileStatus, Outcome

pytestmark = pytest.mark.django_db(transaction=True)
CONTENTS = (b"a" * 3_000_000, b"b" * 3_000_000, b"c" * 3_000_000)


def make_sendable(server: Server, contents: Sequence[bytes] = CONTENTS) -> tuple[Batch, list[File]]:
    """A batch that is due, of files in parcels of their own."""
    job = make_job(make_team(destination=make_destination(base_url=server.base_url)))
    series = make_series(job, series_uid="1.2.3.4")
    files = [_valid_file(job, series, content) for content in contents]
    return make_batch(job, *files), files


def _valid_file(job: Job, series: Series, content: bytes) -> File:
    return make_file(job, content, status=FileStatus.VALID, series=series)


def object_of(file: File) -> Path:
    """Where the file's parcel lies."""
    assert file.parcel is not None
    return Path(default_storage.path(file.parcel.object_name))


def outcome_of(batch: Batch) -> str:
    """How the last attempt ended."""
    attempt = batch.attempts.order_by("number").last()
    assert attempt is not None
    return attempt.outcome


def test_a_file_from_before_there_were_seals_is_sent() -> None:
    with serve(answers(200, receipt(count=3))) as server:
        batch, _ = make_sendable(server)
        File.objects.update(wire_seal="")

        relay.send(batch.pk)

    assert set(File.objects.values_list("status", flat=True)) == {FileStatus.ACCEPTED}


def test_a_changed_byte_of_a_file_from_before_there_were_seals_is_found() -> None:
    with serve(answers(200, receipt(count=2))) as server:
        batch, files = make_sendable(server)
        File.objects.update(wire_seal="")
        object_of(files[1]).write_bytes(b"B" + CONTENTS[1][1:])

        relay.send(batch.pk)

    files[1].refresh_from_db()
    assert outcome_of(batch) == Outcome.BYTES_LOST
    assert (files[1].status, files[1].reason) == (FileStatus.MISSING, Reason.STAGED_BYTES_LOST)


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("cut", [None, 0, 1_500_000, 2_999_999])
def test_a_file_whose_bytes_are_gone_is_named_and_the_others_go(place: int, cut: int | None) -> None:
    with serve(answers(200, receipt(count=2))) as server:
        batch, files = make_sendable(server)
        staged = object_of(files[place])
        if cut is None:
            staged.unlink()
        else:
            staged.write_bytes(CONTENTS[place][:cut])

        relay.send(batch.pk)
        first_outcome = outcome_of(batch)
        relay.send(batch.pk)

    lost = File.objects.get(pk=files[place].pk)
    batch.refresh_from_db()
    assert (lost.status, lost.reason, lost.batch_id) == (FileStatus.MISSING, Reason.STAGED_BYTES_LOST, None)
    assert first_outcome == Outcome.BYTES_LOST
    assert batch.status == BatchStatus.ACCEPTED
    assert [request.is_complete for request in server.requests if request.is_complete] == [True]


def test_all_files_whose_bytes_are_gone_are_named_at_once() -> None:
    with serve(answers()) as server:
        batch, files = make_sendable(server)
        for file in files[1:]:
            object_of(file).unlink()

        relay.send(batch.pk)

    assert File.objects.filter(status=FileStatus.MISSING).count() == 2
    assert File.objects.get(batch=batch).pk == files[0].pk
    assert batch.attempts.count() == 1


def test_a_batch_that_lost_all_its_files_is_over() -> None:
    with serve(answers()) as server:
        batch, files = make_sendable(server)
        for file in files:
            object_of(file).unlink()

        relay.send(batch.pk)

    batch.refresh_from_db()
    assert batch.status == BatchStatus.REPLACED


def test_a_file_that_is_longer_than_its_row_says_is_not_sent_longer() -> None:
    with serve(answers(200, receipt(count=3))) as server:
        batch, files = make_sendable(server)
        with object_of(files[0]).open("ab") as staged:
            staged.write(b"more")

        relay.send(batch.pk)

    assert server.requests[0].is_complete
    assert b"more" not in server.requests[0].body


@pytest.mark.parametrize("place", [0, 2])
def test_a_storage_that_cannot_be_read_is_waited_for(place: int) -> None:
    with serve(answers()) as server:
        batch, files = make_sendable(server)
        staged = object_of(files[place])
        staged.unlink()
        staged.mkdir()  # opening it raises an OSError that is not "not found"

        relay.send(batch.pk)

    batch.refresh_from_db()
    assert batch.status == BatchStatus.READY
    assert batch.next_attempt_at is not None
    assert batch.next_attempt_at > now() + timedelta(seconds=1)
    assert (batch.failures, outcome_of(batch)) == (1, Outcome.ABANDONED)
    assert batch.job.team.destination.failing_since is None
    assert set(File.objects.values_list("status", flat=True)) == {FileStatus.VALID}
    assert not any(request.is_complete for request in server.requests)


def test_a_storage_that_stays_away_is_for_a_person() -> None:
    with serve(answers()) as server:
        batch, files = make_sendable(server)
        object_of(files[0]).unlink()
        object_of(files[0]).mkdir()
        Batch.objects.filter(pk=batch.pk).update(failures=MOST_UNKNOWN - 1)

        relay.send(batch.pk)

    batch.refresh_from_db()
    assert batch.status == BatchStatus.STUCK


def test_a_batch_without_files_is_over_and_nothing_is_sent() -> None:
    with serve(answers()) as server:
        batch, _ = make_sendable(server, contents=())

        relay.send(batch.pk)

    batch.refresh_from_db()
    assert (batch.status, outcome_of(batch)) == (BatchStatus.REPLACED, Outcome.ABANDONED)
    assert server.connection_count == 0


def test_a_batch_that_another_worker_took_is_left_alone() -> None:
    with serve(answers()) as server:
        batch, _ = make_sendable(server)
        Batch.objects.filter(pk=batch.pk).update(status=BatchStatus.CANCELLED)

        was_attempted = relay.send(batch.pk)

    assert not was_attempted
    assert server.connection_count == 0
