"""A clock that was wrong for a while: nothing waits for the hour that it has written."""

from datetime import datetime, timedelta

import pytest
import time_machine
from django.utils.timezone import now

from tests.factories import make_batch, make_destination, make_job, make_parcel
from tests.pipeline.journeys import images, job_to, ready_batch, upload, work_off
from tests.sandboxes import Sandbox
from uploads import tasks
from uploads.models import Batch, Destination, Job, Parcel
from uploads.pipeline import relay
from uploads.pipeline.relay.lease import Claim
from uploads.states import BatchStatus, DestinationStatus, JobStatus, Outcome, ParcelStatus

pytestmark = pytest.mark.django_db
WRONG = timedelta(hours=3)


def assert_fenced_off(batch: Batch, claimed: Claim | None) -> None:
    """The sender whose batch was taken from it sends, and changes nothing; the next one delivers."""
    assert claimed is not None
    relay.attempt(claimed)
    work_off()

    outcomes = list(batch.attempts.order_by("number").values_list("outcome", flat=True))
    assert outcomes == [Outcome.UNKNOWN, Outcome.ACCEPTED]
    assert Job.objects.get().status == JobStatus.ACCEPTED


def test_a_sweep_by_a_clock_that_is_ahead_frees_a_lease_and_the_fence_still_holds(sandbox: Sandbox) -> None:
    batch = ready_batch(job_to(sandbox), images(2))
    claimed = relay.claim(batch.pk)
    with time_machine.travel(now() + WRONG, tick=True):
        tasks.recover()  # takes the batch from a worker that lives
    tasks.recover()

    assert_fenced_off(batch, claimed)


def test_a_sender_whose_clock_is_behind_loses_its_lease_and_changes_nothing(sandbox: Sandbox) -> None:
    batch = ready_batch(job_to(sandbox), images(2))
    Batch.objects.update(next_attempt_at=now() - 2 * WRONG)
    with time_machine.travel(now() - WRONG, tick=True):
        claimed = relay.claim(batch.pk)
    tasks.recover()

    assert_fenced_off(batch, claimed)


def test_what_was_due_before_the_clock_was_set_back_does_not_wait_until_then_again(sandbox: Sandbox) -> None:
    upload(job_to(sandbox), images(2))

    with time_machine.travel(now() - WRONG, tick=True):
        tasks.recover()
        due = Parcel.objects.filter(due_at__lte=now()).count()
    work_off()

    assert due == 1
    assert Job.objects.get().status == JobStatus.ACCEPTED


def test_a_wait_that_a_wrong_clock_has_written_ends_with_the_next_sweep(sandbox: Sandbox) -> None:
    batch = ready_batch(job_to(sandbox), images(1))
    sandbox.script({"kind": "503"})
    with time_machine.travel(now() + WRONG, tick=True):
        relay.send(batch.pk)

    tasks.recover()
    work_off()

    assert Batch.objects.get().status == BatchStatus.ACCEPTED


def test_a_parcel_does_not_wait_for_a_wrong_hour() -> None:
    make_parcel(make_job(), b"x", 0, due_at=now() + WRONG)

    tasks.recover()

    assert Parcel.objects.get(status=ParcelStatus.STORED).due_at <= now()


def test_a_lease_of_hours_is_cut_to_a_lease(sandbox: Sandbox) -> None:
    make_batch(make_job(), status=BatchStatus.SENDING, lease_until=now() + WRONG)

    tasks.recover()

    assert lease_of_the_batch() < now() + timedelta(minutes=3)


@pytest.mark.parametrize("minutes", [1, 59, 75])
def test_times_that_may_be_right_are_kept(minutes: int) -> None:
    due = now() + timedelta(minutes=minutes)
    make_batch(make_job(), next_attempt_at=due)
    make_destination(status=DestinationStatus.SILENT, not_before=due, failing_since=now())

    tasks.recover()

    assert Batch.objects.get().next_attempt_at == due
    assert Destination.objects.get(status=DestinationStatus.SILENT).not_before == due


def lease_of_the_batch() -> datetime:
    lease_until = Batch.objects.get().lease_until
    assert lease_until is not None
    return lease_until
