"""Who sends a batch: leases that end, workers that wake up late."""

from datetime import timedelta

import pytest
from django.utils.timezone import now

from tests.pipeline.journeys import end_leases, images, job_to, make_due, ready_batch, statuses, work_off
from tests.sandboxes import Launch, Sandbox
from uploads import tasks
from uploads.models import Batch, Job, LostRace
from uploads.pipeline import relay, sweeping
from uploads.pipeline.relay.lease import Claim, LeaseLost, renew
from uploads.pipeline.relay.request import deliver
from uploads.pipeline.relay.verdict import MOST_UNKNOWN, accept, drop_empty, drop_lost_files, wait_for_staging
from uploads.states import BatchStatus, FileStatus, JobStatus, Outcome

pytestmark = pytest.mark.django_db


@pytest.fixture
def abandoned(launch: Launch) -> Sandbox:
    """A sandbox of its own: what it still notes of a request that was given up is nobody else's."""
    return launch()


def claimed_batch(sandbox: Sandbox) -> Claim:
    """A batch that a worker has just begun to send."""
    claimed = relay.claim(ready_batch(job_to(sandbox), images(3)).pk)
    assert claimed is not None
    return claimed


def job_of(claimed: Claim) -> Job:
    """The claimed batch's job."""
    return Job.objects.get(pk=claimed.batch.job_id)


def outcomes(batch: Batch) -> list[str]:
    """How the attempts of a batch ended, in order."""
    return list(batch.attempts.order_by("number").values_list("outcome", flat=True))


def test_the_attempt_is_on_record_before_the_first_byte_leaves(sandbox: Sandbox) -> None:
    claimed = claimed_batch(sandbox)

    assert outcomes(claimed.batch) == [Outcome.STARTED]
    assert sandbox.requests() == []
    assert [line.sent for line in claimed.attempt.lines.all()] == [3]


def test_what_one_worker_has_claimed_no_other_claims(sandbox: Sandbox) -> None:
    claimed = claimed_batch(sandbox)

    assert relay.claim(claimed.batch.pk) is None


def test_a_batch_whose_sender_is_gone_is_sent_by_another(sandbox: Sandbox) -> None:
    claimed = claimed_batch(sandbox)
    end_leases(job_of(claimed))

    work_off()

    assert outcomes(claimed.batch) == [Outcome.UNKNOWN, Outcome.ACCEPTED]
    assert job_of(claimed).status == JobStatus.ACCEPTED


def test_a_sender_that_died_after_qure_had_everything_costs_a_resend_and_no_file(sandbox: Sandbox) -> None:
    claimed = claimed_batch(sandbox)
    deliver(claimed)
    end_leases(job_of(claimed))

    work_off()

    assert [row["received"] for row in sandbox.rows()] == [2] * 3
    assert len({row["sha256"] for row in sandbox.rows()}) == 3
    assert job_of(claimed).status == JobStatus.ACCEPTED


def test_a_sender_that_lives_keeps_its_batch(sandbox: Sandbox) -> None:
    claimed = claimed_batch(sandbox)

    tasks.recover()

    assert Batch.objects.get(pk=claimed.batch.pk).status == BatchStatus.SENDING


def test_a_lease_that_was_renewed_meanwhile_is_left_alone(sandbox: Sandbox) -> None:
    claimed = claimed_batch(sandbox)
    Batch.objects.update(lease_until=now() - timedelta(seconds=1))
    (seen,) = sweeping.expired_batches()
    renew(claimed)

    relay.expire(seen, "sweep")

    assert Batch.objects.get(pk=claimed.batch.pk).status == BatchStatus.SENDING


def test_two_sweepers_take_a_batch_back_once(sandbox: Sandbox) -> None:
    claimed = claimed_batch(sandbox)
    Batch.objects.update(lease_until=now() - timedelta(seconds=1))
    (seen,) = sweeping.expired_batches()
    relay.expire(seen, "first")

    relay.expire(seen, "second")

    assert outcomes(claimed.batch) == [Outcome.UNKNOWN]
    assert Batch.objects.get(pk=claimed.batch.pk).failures == 1


def test_the_first_lost_sender_costs_no_wait_and_the_next_ones_do(sandbox: Sandbox) -> None:
    claimed = claimed_batch(sandbox)
    end_leases(job_of(claimed))
    first_due = Batch.objects.get().next_attempt_at
    relay.claim(claimed.batch.pk)
    end_leases(job_of(claimed))

    second_due = Batch.objects.get().next_attempt_at

    assert first_due is not None
    assert first_due <= now()
    assert second_due is not None
    assert second_due > now() + timedelta(seconds=1)


def test_a_batch_that_takes_down_each_of_its_senders_ends_with_a_person(sandbox: Sandbox) -> None:
    batch = ready_batch(job_to(sandbox), images(1))
    for _ in range(MOST_UNKNOWN):
        assert relay.claim(batch.pk) is not None
        end_leases(batch.job)
        make_due(batch.job)

    assert Batch.objects.get().status == BatchStatus.STUCK
    assert relay.claim(batch.pk) is None


VERDICTS = {
    "accept": relay.attempt,
    "lost files": lambda claimed: drop_lost_files(claimed, [claimed.files[0].pk]),
    "staging": wait_for_staging,
    "empty": drop_empty,
}


@pytest.mark.parametrize("verdict", VERDICTS)
def test_a_frozen_worker_that_wakes_up_late_changes_nothing(abandoned: Sandbox, verdict: str) -> None:
    claimed = claimed_batch(abandoned)
    end_leases(job_of(claimed))
    second = relay.claim(claimed.batch.pk)
    changes = job_of(claimed).changes.count()

    VERDICTS[verdict](claimed)

    batch = Batch.objects.get()
    assert second is not None
    assert (batch.status, batch.token) == (BatchStatus.SENDING, second.batch.token)
    assert outcomes(batch) == [Outcome.UNKNOWN, Outcome.STARTED]
    assert set(statuses(job_of(claimed))) == {FileStatus.VALID}
    assert job_of(claimed).changes.count() == changes


def test_a_late_receipt_changes_nothing(sandbox: Sandbox) -> None:
    claimed = claimed_batch(sandbox)
    answer = deliver(claimed)
    end_leases(job_of(claimed))
    make_due(job_of(claimed))
    relay.send(claimed.batch.pk)
    changes = job_of(claimed).changes.count()

    with pytest.raises(LostRace):
        accept(claimed, answer)

    assert outcomes(claimed.batch) == [Outcome.UNKNOWN, Outcome.ACCEPTED]
    assert job_of(claimed).changes.count() == changes


def test_a_worker_that_has_lost_its_lease_is_told_while_it_sends(abandoned: Sandbox) -> None:
    claimed = claimed_batch(abandoned)
    end_leases(job_of(claimed))

    with pytest.raises(LeaseLost):
        deliver(claimed)


def test_a_lease_is_renewed_while_bytes_move(sandbox: Sandbox) -> None:
    claimed = claimed_batch(sandbox)
    Batch.objects.update(lease_until=now() + timedelta(seconds=1))

    deliver(claimed)

    lease_until = Batch.objects.get().lease_until
    assert lease_until is not None
    assert lease_until > now() + timedelta(seconds=60)


def test_a_hint_that_comes_twice_makes_one_request(sandbox: Sandbox) -> None:
    batch = ready_batch(job_to(sandbox), images(1))

    tasks.send_batch(batch.pk)
    tasks.send_batch(batch.pk)

    assert len(sandbox.requests()) == 1
