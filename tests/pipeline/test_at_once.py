"""Several workers, web processes and sweepers at the same rows at the same moment."""

import threading
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Final

import pytest
from django.db import transaction
from django.utils.timezone import now

from tests.at_once import PATIENCE, all_at_once
from tests.factories import make_batch, make_destination, make_file, make_job, make_series, make_team
from tests.pipeline.journeys import BY, declare, image, images, statuses, store
from uploads import tasks
from uploads.forms import Entry
from uploads.models import Attempt, Batch, Destination, File, Job, LostRace, Patient, Series
from uploads.pipeline import destinations, manifest, relay, sweeping
from uploads.pipeline.relay.breaker import FIRST_ROOM, receipted
from uploads.pipeline.relay.lease import Claim
from uploads.room import NoRoom
from uploads.states import DestinationStatus, FileStatus, JobStatus, Outcome

pytestmark = pytest.mark.usefixtures("shared_database")
MANY: Final = 6
ROUNDS: Final = 5
MEANWHILE: Final = 0.5  # seconds in which another one comes to wait


def claim(batch: Batch) -> Claim | None:
    """Take a batch, as a relay worker does."""
    try:
        return relay.claim(batch.pk)
    except LostRace:
        return None


def ready_batches(destination: Destination, count: int) -> list[Batch]:
    """Batches of as many jobs of one team."""
    team = make_team(destination=destination)
    return [_ready_batch(make_job(team, status=JobStatus.PROCESSING)) for _ in range(count)]


def _ready_batch(job: Job) -> Batch:
    return make_batch(job, make_file(job, b"bytes", status=FileStatus.VALID, series=make_series(job)))


def claims_of(batches: list[Batch]) -> list[Claim]:
    """What came of it when as many workers took a batch each."""
    taken = all_at_once([partial(claim, batch) for batch in batches])
    return [claimed for claimed in taken if claimed]


def test_a_batch_is_claimed_once() -> None:
    for batch in ready_batches(make_destination(), ROUNDS):
        claims = claims_of([batch] * MANY)

        assert len(claims) == batch.attempts.count() == 1


@pytest.mark.parametrize("room", [1, 2, 5])
def test_no_more_requests_are_under_way_than_there_is_room_for(room: int) -> None:
    batches = ready_batches(make_destination(room=room), MANY)

    claims = claims_of(batches)

    assert len(claims) == Attempt.objects.count() == room


@pytest.mark.parametrize("status", [DestinationStatus.SILENT, DestinationStatus.PAUSED])
def test_a_destination_that_is_not_open_gets_one_probe(status: DestinationStatus) -> None:
    since = now() - timedelta(minutes=1)
    destination = make_destination(status=status, not_before=since, failing_since=since)

    claims = claims_of(ready_batches(destination, MANY))

    assert [claimed.attempt.is_probe for claimed in claims] == [True]


def test_a_parcel_that_comes_twice_at_once_is_kept_once() -> None:
    for _ in range(ROUNDS):
        job, key = make_job(), uuid.uuid4()
        declare(job, images(2))
        members = [(str(number), content) for number, (_, content) in enumerate(images(2))]

        stored = all_at_once([partial(store, job, *members, key=key)] * MANY)

        assert len({one.parcel_id for one in stored}) == job.parcels.count() == 1
        assert [one.is_repeated for one in stored].count(False) == 1
        assert statuses(job) == [FileStatus.RECEIVED] * 2


def test_a_manifest_that_comes_in_many_pieces_at_once_numbers_each_file_once() -> None:
    job = make_job()
    pieces = [[Entry(f"CD/{piece}/{number}", 5) for number in range(20)] for piece in range(MANY)]
    every = [entry for piece in pieces for entry in piece]

    def say(entries: list[Entry]) -> Callable[[], object]:
        return lambda: manifest.declare(job.pk, entries, False, BY)

    all_at_once([*(say(piece) for piece in pieces), say(every), say(every[::-1])])

    assert sorted(job.files.values_list("number", flat=True)) == list(range(len(every)))
    assert Job.objects.get(pk=job.pk).file_count == len(every)


def test_a_request_for_an_upload_that_comes_twice_at_once_begins_one() -> None:
    job = make_job()

    def open_again() -> tuple[Job, bool]:
        return manifest.open_job(job.team, job.created_by, request, job.source)  # type: ignore[arg-type]  # a CharField

    request = uuid.uuid4()
    opened = all_at_once([open_again] * MANY)

    assert len({each.pk for each, _ in opened}) == 1
    assert [is_new for _, is_new in opened].count(True) == 1


def test_what_a_team_may_have_under_way_is_not_exceeded_by_several_at_once() -> None:
    team = make_team(quota_bytes=100)
    jobs = [make_job(team) for _ in range(MANY)]

    def announce(job: Job) -> bool:
        try:
            manifest.declare(job.pk, [Entry("CD/IM1", 40)], True, BY)
        except NoRoom:
            return False
        return True

    taken = all_at_once([partial(announce, job) for job in jobs])

    assert taken.count(True) == File.objects.count() == 2


def test_parcels_of_one_series_that_are_checked_at_once_make_one_series_and_one_patient() -> None:
    job = make_job()
    declare(job, images(MANY * 2))
    for start in range(0, MANY * 2, 2):
        pair = [(str(start + more), image(start + more)) for more in range(2)]
        store(job, *pair)
    parcels = list(job.parcels.values_list("pk", flat=True))

    all_at_once([partial(tasks.check_parcel, pk) for pk in [*parcels, *parcels]])

    assert statuses(job) == [FileStatus.VALID] * MANY * 2
    assert (Series.objects.count(), Patient.objects.count()) == (1, 1)


def test_a_destination_that_opens_while_many_wait_lets_out_no_more_than_it_has_room_for() -> None:
    for _ in range(ROUNDS):
        since = now() - timedelta(minutes=1)
        destination = make_destination(status=DestinationStatus.SILENT, not_before=since, failing_since=since)
        probe, *others = ready_batches(destination, MANY)
        claimed = claim(probe)
        assert claimed is not None

        def answer(claimed: Claim = claimed) -> Claim | None:
            with transaction.atomic():
                claimed.attempt.advance(Outcome.ACCEPTED, BY, ended_at=now())
                receipted(claimed, "")
            return None

        works: list[Callable[[], Claim | None]] = [answer, *(partial(claim, batch) for batch in others)]
        taken = all_at_once(works)

        assert len([each for each in taken if each]) <= FIRST_ROOM


@pytest.mark.parametrize("is_swept", [False, True], ids=["an administrator", "a sweep"])
def test_whoever_makes_many_batches_due_holds_none_while_waiting_for_another(is_swept: bool) -> None:
    destination, later = make_destination(), now() + timedelta(days=1)
    job = make_job(make_team(destination=destination), status=JobStatus.PROCESSING)
    first, second = (make_batch(job, next_attempt_at=later) for _ in range(2))
    is_held = threading.Event()

    def hold() -> None:
        with transaction.atomic():
            Batch.objects.filter(pk=second.pk).update(body_bytes=2)
            is_held.set()
            time.sleep(MEANWHILE)
            Batch.objects.filter(pk=first.pk).update(body_bytes=2)

    def make_due() -> None:
        is_held.wait(PATIENCE)
        if is_swept:
            sweeping.mend_times()
        else:
            destinations.resume(destination, BY)

    all_at_once([hold, make_due])

    assert Batch.objects.filter(next_attempt_at__lt=later, body_bytes=2).count() == 2
