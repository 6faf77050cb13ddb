"""What a receiver has more often than attempts explain is found, and what they explain is not."""

import pytest
from django.core.files.storage import default_storage
from pytest_django.fixtures import Settings

from tests.factories import make_job
from tests.pipeline.journeys import images, job_to, make_due, ready_batch, statuses, upload, work_off
from tests.sandboxes import Sandbox
from tests.verification import jobs
from uploads.models import Attempt, Destination, Job
from uploads.pipeline import relay, resending
from uploads.states import DestinationStatus, FileStatus, Outcome
from uploads.verification.receiver import the_receiver_holds_nothing_else

pytestmark = pytest.mark.django_db


def came(job: Job, times: int) -> list[str]:
    """What is said if each file of the job came so often."""
    return list(the_receiver_holds_nothing_else({(f.sop_uid, f.wire_sha256): times for f in job.files.all()}))


def too_often(job: Job, times: int, most: int) -> list[str]:
    """The sentences that say so of each file of the job."""
    return [
        f"10: file {file.pk} came {times} times, but {most} attempts may have brought it"
        for file in job.files.order_by("pk")
    ]


def test_an_instance_that_came_twice_without_a_fault_is_found(sandbox: Sandbox) -> None:
    at = jobs.delivered(sandbox)

    assert came(at.job, 1) == []
    assert came(at.job, 2) == too_often(at.job, 2, 1)


def test_an_instance_that_came_twice_is_not_explained_by_its_series_being_in_two_requests(
    sandbox: Sandbox, settings: Settings
) -> None:
    job = job_to(sandbox)
    contents = images(4)
    settings.RELAY_BATCH_MAX_BYTES = 2 * len(contents[0][1]) + 1000
    upload(job, contents)
    work_off()

    assert job.batches.count() == 2
    assert came(job, 2) == too_often(job, 2, 1)


@pytest.mark.parametrize("kind", ["503", "401", "413"])
def test_an_attempt_that_qure_has_refused_explains_nothing(
    kind: str, sandbox: Sandbox, no_waits: None
) -> None:
    sandbox.script({"kind": kind})
    job = job_to(sandbox)
    batch = ready_batch(job, images(2))
    relay.send(batch.pk)
    make_due(job)
    Destination.objects.update(status=DestinationStatus.OPEN)
    work_off()

    assert Attempt.objects.filter(outcome=Outcome.ACCEPTED).exists()
    assert came(job, 2) == too_often(job, 2, 1)


def test_an_instance_that_comes_again_after_an_unknown_end_is_in_order(
    sandbox: Sandbox, no_waits: None
) -> None:
    sandbox.script({"kind": "drop_after"})
    at = jobs.delivered(sandbox)

    assert came(at.job, 2) == []
    assert came(at.job, 3) == too_often(at.job, 3, 2)


def test_what_was_halved_after_an_unknown_end_may_have_come_before(sandbox: Sandbox, no_waits: None) -> None:
    sandbox.script({"kind": "drop_after"}, {"kind": "413"})
    at = jobs.delivered(sandbox)

    assert at.job.batches.count() == 3
    assert came(at.job, 2) == []
    assert came(at.job, 3) == too_often(at.job, 3, 2)


def test_what_somebody_asked_to_send_again_may_come_again(sandbox: Sandbox) -> None:
    sandbox.script({"kind": "fewer", "fewer_by": 2})
    at = jobs.delivered(sandbox)
    resending.resend(at.job.series.get(), "user:1")
    work_off()

    assert set(statuses(at.job)) == {FileStatus.ACCEPTED}
    assert came(at.job, 2) == []
    assert came(at.job, 3) == too_often(at.job, 3, 2)


def test_what_another_upload_brought_too_may_come_once_for_each(sandbox: Sandbox) -> None:
    job = jobs.delivered(sandbox).job
    other = make_job(job.team)
    ready_batch(other, images(2))
    work_off()

    assert came(other, 2) == []
    assert came(other, 3) == [*too_often(job, 3, 2), *too_often(other, 3, 2)]


def test_what_was_lost_on_the_way_may_have_come_before(sandbox: Sandbox, no_waits: None) -> None:
    sandbox.script({"kind": "drop_after"})
    job = job_to(sandbox)
    relay.send(ready_batch(job, images(1)).pk)
    default_storage.delete(job.parcels.get().object_name)
    make_due(job)
    work_off()

    assert statuses(job) == [FileStatus.MISSING]
    assert came(job, 1) == []
