"""Each fault that can be planted turns just its own invariant red."""

from collections.abc import Callable
from typing import Final

import pytest
from pytest_django.fixtures import Settings

from tests.factories import make_destination
from tests.sandboxes import Sandbox
from tests.verification import jobs, plants
from tests.verification.jobs import Planted, kinds, put, violations
from tests.verification.plants import Plant
from uploads.models import (
    Attempt,
    Delivery,
    File,
    Notice,
    Parcel,
    StateChange,
)
from uploads.reasons import Reason
from uploads.states import FileStatus, JobStatus
from uploads.verification.receiver import (
    accepted_files_are_in_the_receiver,
    the_receiver_holds_nothing_else,
)

pytestmark = pytest.mark.django_db

FAULTS: Final[list[tuple[Callable[[Sandbox], Planted], Plant, str]]] = [
    (jobs.delivered, plants.without_receipt, "1: file {file} is accepted without a receipt"),
    (
        jobs.delivered,
        plants.receipt_without_the_series,
        "1: file {file} is accepted, but the receipt does not name its series",
    ),
    (
        jobs.delivered,
        plants.receipt_of_another_series,
        "1: the receipt of attempt {attempt} does not name series {series}",
    ),
    (
        jobs.delivered,
        plants.receipt_that_cannot_be_read,
        "1: the receipt of attempt {attempt} does not name series {series}",
    ),
    (
        jobs.delivered,
        plants.accepted_in_a_cancelled_batch,
        "1: file {file} is accepted, but its batch is not",
    ),
    (jobs.declared, plants.no_reason, "2: file {file} was not sent and has no reason"),
    (
        jobs.with_junk,
        plants.accepted_job_with_a_rejected_file,
        "2: file {last_file} was not accepted, but its job has ended as accepted",
    ),
    (
        jobs.declared,
        plants.declared_in_a_closed_job,
        "2: file {file} has not arrived, and its job does not wait for it",
    ),
    (
        jobs.received,
        plants.received_in_a_checked_parcel,
        "2: file {file} was received, but nothing will check it",
    ),
    (
        jobs.checked,
        plants.unbatched_in_a_resting_job,
        "2: file {file} is valid, but its job will make no batch of it",
    ),
    (
        jobs.waiting,
        plants.valid_in_a_replaced_batch,
        "2: file {file} is valid, but its batch will never be sent",
    ),
    (
        jobs.waiting,
        plants.valid_in_an_accepted_batch,
        "2: file {file} is valid, but its batch will never be sent",
    ),
    (jobs.waiting, plants.sent_in_a_stuck_batch, "2: file {file} was sent, but its batch was not"),
    (
        jobs.delivered,
        plants.unconfirmed_in_an_accepted_batch,
        "2: file {file} is not confirmed, but its batch is",
    ),
    (jobs.delivered, plants.lower_count, "3: series {series} is complete without proof"),
    (
        jobs.delivered,
        plants.receipt_with_another_count,
        "3: the receipt of attempt {attempt} counts series {series} otherwise",
    ),
    (
        jobs.delivered,
        plants.complete_with_an_unconfirmed_file,
        "3: series {series} is complete without proof",
    ),
    (jobs.delivered, plants.attempt_over_the_limit, "4: attempt {attempt} was over the limit"),
    (jobs.waiting, plants.other_weight, "4: batch {batch} does not weigh what its row says"),
    (jobs.waiting, plants.sent_by_nobody, "5: batch {batch} is being sent by nobody"),
    (jobs.received, plants.checked_by_nobody, "5: parcel {parcel} is being checked by nobody"),
    (
        jobs.declared,
        plants.arrived_next_month,
        "5: job {job} has last_arrival_at further ahead than anything asks for",
    ),
    (
        jobs.received,
        plants.checked_next_month,
        "5: parcel {parcel} has due_at further ahead than anything asks for",
    ),
    (
        jobs.received,
        plants.checked_until_next_month,
        "5: parcel {parcel} has lease_until further ahead than anything asks for",
    ),
    (
        jobs.waiting,
        plants.due_next_month,
        "5: batch {batch} has next_attempt_at further ahead than anything asks for",
    ),
    (
        jobs.waiting,
        plants.sent_until_next_month,
        "5: batch {batch} has lease_until further ahead than anything asks for",
    ),
    (
        jobs.waiting,
        plants.tried_next_month,
        "5: destination {destination} has not_before further ahead than anything asks for",
    ),
    (
        jobs.delivered,
        plants.drawn_next_month,
        "5: series {series} has picture_due_at further ahead than anything asks for",
    ),
    (
        jobs.declared,
        plants.mailed_next_month,
        "5: notice {notice} has mail_due_at further ahead than anything asks for",
    ),
    (
        jobs.declared,
        plants.called_next_month,
        "5: delivery {delivery} has due_at further ahead than anything asks for",
    ),
    (
        jobs.waiting,
        plants.stuck_in_a_cancelled_job,
        "5: batch {batch} waits for a person, but its job does not say so",
    ),
    (
        jobs.delivered,
        plants.paused_without_a_word,
        "5: destination {destination} is paused, but nobody is told why",
    ),
    (jobs.declared, plants.silent_upload, "5: job {job} waits for files that nobody sends"),
    (jobs.delivered, plants.idle_job, "5: job {job} is not at rest, but nothing of it moves"),
    (jobs.received, plants.object_gone, "6: the object of parcel {parcel} is gone"),
    (jobs.waiting, plants.object_longer, "6: the object of parcel {parcel} has another size"),
    (jobs.waiting, plants.object_cut_off, "6: the bytes of file {last_file} are gone"),
    (jobs.waiting, plants.byte_changed, "6: the bytes of file {file} have changed"),
    (
        jobs.with_a_sliced_file,
        plants.slice_of_another_file,
        "6: file {file} is not the file that one of its slices was cut from",
    ),
    (jobs.delivered, plants.past_its_retention, "6: parcel {parcel} is past its retention"),
    (jobs.delivered, plants.purged_but_there, "6: the object {object} was to be removed"),
    (jobs.delivered, plants.more_attempts_than_leases, "7: batch {batch} has 1 attempts for 2 leases"),
    (jobs.waiting, plants.attempt_that_nobody_makes, "7: batch {batch} has an attempt that nobody makes"),
    (jobs.delivered, plants.accepted_twice, "7: batch {batch} was accepted more than once"),
    (
        jobs.waiting,
        plants.accepted_without_an_attempt,
        "7: batch {batch} is accepted without an accepted attempt",
    ),
    (jobs.waiting, plants.no_birth, "8: the trail of batch {batch} does not lead to its status"),
    (jobs.delivered, plants.other_end, "8: the trail of series {series} does not lead to its status"),
    (jobs.delivered, plants.forbidden_move, "8: the trail of job {job} does not lead to its status"),
    (jobs.delivered, plants.gap_in_the_trail, "8: the trail of file {file} does not lead to its status"),
    (jobs.delivered, plants.sent_unconfirmed, "9: file {file} leaves, but its patient is not confirmed"),
    (jobs.checked, plants.declined_but_valid, "9: file {file} leaves, but its patient is not confirmed"),
    (jobs.delivered, plants.of_another_jobs_patient, "9: file {file} is of a patient of another job"),
    (jobs.delivered, plants.born_elsewhere, "8: the trail of job {job} does not lead to its status"),
    (jobs.waiting, plants.turned_away_in_a_batch, "4: file {file} is not to be sent, but is in a batch"),
    (jobs.declared, plants.move_by_nobody, "8: nobody made change {change}"),
    (jobs.with_junk, plants.row_gone, "11: job {job} has 2 files, but 3 were named"),
    (jobs.delivered, plants.higher_count, "11: job {job} shows 3 files, but has 2"),
    (jobs.declared, plants.all_rows_gone, "11: job {job} shows 1 files, but has 0"),
    (
        jobs.delivered,
        plants.sent_in_a_pause,
        "12: attempt {attempt} was no probe, but its destination was closed",
    ),
    (
        jobs.delivered,
        plants.sent_seconds_after_a_silence_began,
        "12: attempt {attempt} was no probe, but its destination was closed",
    ),
    (
        jobs.delivered,
        plants.sent_before_the_end_of_a_silence,
        "12: attempt {attempt} was no probe, but its destination was closed",
    ),
]


def named(at: Planted) -> dict[str, object]:
    """The rows of a job, as sentences name them."""
    first = {"job": at.job.pk, "destination": at.job.team.destination_id}
    numbers = {"file": at.files[0].pk, "last_file": at.files[-1].pk} if at.files else {}
    rows = {"parcel": at.job.parcels, "series": at.job.series, "batch": at.job.batches}
    found = {name: manager.values_list("pk", flat=True).first() for name, manager in rows.items()}  # type: ignore[attr-defined]  # managers of three models
    attempt = Attempt.objects.values_list("pk", flat=True).first()
    stored = Parcel.objects.values_list("object_name", flat=True).first()
    change = StateChange.objects.values_list("pk", flat=True).first()
    told = {
        "notice": Notice.objects.values_list("pk", flat=True).first(),
        "delivery": Delivery.objects.values_list("pk", flat=True).first(),
    }
    return {**first, **numbers, **found, **told, "attempt": attempt, "object": stored, "change": change}


@pytest.mark.parametrize(
    ("stage", "plant", "sentence"), FAULTS, ids=[plant.__name__ for _, plant, _ in FAULTS]
)
def test_a_fault_is_found_and_named_by_its_own_number(
    stage: Callable[[Sandbox], Planted], plant: Plant, sentence: str, sandbox: Sandbox
) -> None:
    at = stage(sandbox)
    assert violations() == []

    plant(at)

    found = violations()
    assert sentence.format(**named(at)) in found
    assert kinds(found) == kinds([sentence])


def test_a_batch_over_the_limit_is_found(sandbox: Sandbox, settings: Settings) -> None:
    at = jobs.waiting(sandbox)
    settings.RELAY_BATCH_MAX_BYTES = at.batch.body_bytes - 1

    assert violations() == [f"4: batch {at.batch.pk} is over the limit"]


def test_a_file_in_another_jobs_batch_is_found(sandbox: Sandbox) -> None:
    one, other = jobs.waiting(sandbox), jobs.checked(sandbox)
    put(other.job, JobStatus.PROCESSING)
    stray = other.file
    File.objects.filter(pk=stray.pk).update(batch=one.batch)

    found = violations()

    assert f"4: file {stray.pk} is in a batch of another job" in found
    assert kinds(found) == {"4"}


def test_a_destination_without_a_trail_is_found() -> None:
    destination = make_destination()

    assert violations() == [f"8: the trail of destination {destination.pk} does not lead to its status"]


@pytest.mark.parametrize("held", [set(), {("2.25.7000.1.0", "0" * 64), ("2.25.7000.1.1", "0" * 64)}])
def test_accepted_bytes_that_the_receiver_does_not_hold_are_found(
    held: set[tuple[str, str]], sandbox: Sandbox
) -> None:
    at = jobs.delivered(sandbox)

    found = list(accepted_files_are_in_the_receiver(held))

    assert found == [
        f"1: file {file.pk} is accepted, but the receiver does not hold its bytes" for file in at.files
    ]


def test_bytes_in_the_receiver_that_nobody_sent_are_found(sandbox: Sandbox) -> None:
    jobs.delivered(sandbox)

    found = list(the_receiver_holds_nothing_else({("2.25.7000.1.0", "0" * 64): 1}))

    assert found == ["10: the receiver holds 1 instances that no file was sent as"]


def test_a_file_that_was_turned_away_and_came_to_the_receiver_is_found(sandbox: Sandbox) -> None:
    at = jobs.with_another_patient(sandbox)
    held_back = at.job.files.get(status=FileStatus.QUARANTINED, reason=Reason.UNCONFIRMED_PATIENT)

    found = list(the_receiver_holds_nothing_else({(held_back.sop_uid, held_back.wire_sha256): 1}))

    assert found == ["10: the receiver holds 1 instances that no file was sent as"]
