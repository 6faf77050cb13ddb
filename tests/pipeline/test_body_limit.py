"""How large a request Qure takes: learned from its refusals (413), kept to, and unlearned."""

from datetime import timedelta

import pytest
from django.utils.timezone import now

from tests.factories import make_destination, make_file, make_job, make_series, make_team
from tests.pipeline.journeys import images, job_to, ready_batch, statuses, upload, work_off
from tests.sandboxes import Launch, Sandbox
from uploads.batches import body_bytes, to_plan
from uploads.models import Attempt, Batch, Destination, File, Job
from uploads.pipeline import batching
from uploads.states import FileStatus, JobStatus, Outcome

pytestmark = pytest.mark.django_db
LIMIT = 6_000  # of a receiver that takes less than Qure's document says


def limit_of(job: Job) -> int | None:
    """What is known of the job's destination."""
    return Destination.objects.get(pk=job.team.destination_id).body_limit


def outcomes(job: Job) -> list[str]:
    """How the job's requests ended, in their order."""
    return list(Attempt.objects.filter(batch__job=job).order_by("pk").values_list("outcome", flat=True))


def sent_to(job: Job, count: int, series: int) -> Job:
    """Another upload of the same team, sent as far as it can be."""
    another = make_job(job.team)
    upload(another, images(count, series))
    work_off()
    return another


def test_a_size_that_was_refused_is_not_tried_again(launch: Launch) -> None:
    job = job_to(launch(limit_bytes=LIMIT))
    upload(job, images(8))
    work_off()

    another = sent_to(job, 8, series=2)

    assert outcomes(job) == [Outcome.TOO_LARGE, Outcome.ACCEPTED, Outcome.ACCEPTED]
    assert outcomes(another) == [Outcome.ACCEPTED, Outcome.ACCEPTED]
    assert set(statuses(job) + statuses(another)) == {FileStatus.ACCEPTED}
    assert limit_of(job) == max(Batch.objects.filter(job=another).values_list("body_bytes", flat=True))


def test_a_file_that_is_refused_alone_says_nothing_of_the_limit(sandbox: Sandbox) -> None:
    sandbox.script({"kind": "413"})
    job = job_to(sandbox)
    upload(job, images(1))

    work_off()

    assert (statuses(job), limit_of(job)) == ([FileStatus.REFUSED], None)


def test_another_refusal_says_nothing_of_the_limit(sandbox: Sandbox) -> None:
    sandbox.script({"kind": "400"})
    job = job_to(sandbox)
    upload(job, images(4))

    work_off()

    assert limit_of(job) is None


def test_a_size_that_was_taken_lately_is_not_what_was_refused(sandbox: Sandbox) -> None:
    job = job_to(sandbox)
    upload(job, images(4))
    work_off()
    sandbox.script({"kind": "413"})

    sent_to(job, 4, series=2)

    assert limit_of(job) is None


def test_a_size_that_was_taken_long_ago_may_be_refused_now(sandbox: Sandbox) -> None:
    job = job_to(sandbox)
    upload(job, images(4))
    work_off()
    Attempt.objects.update(ended_at=now() - timedelta(days=2))
    sandbox.script({"kind": "413"})

    sent_to(job, 4, series=2)

    assert limit_of(job) is not None


@pytest.mark.parametrize("bad", [0, 3, 7])
def test_one_file_that_is_refused_wherever_it_is_does_not_make_requests_ever_smaller(
    sandbox: Sandbox, bad: int
) -> None:
    sandbox.script({"kind": "413", "times": 0, "only_sop_uid": f"2.25.7000.1.{bad}"})
    job = job_to(sandbox)
    upload(job, images(8))

    work_off()

    half = body_bytes(list(File.objects.filter(job=job).order_by("-number")[:4]))
    assert statuses(job).count(FileStatus.ACCEPTED) == 7
    assert limit_of(job) == half


def test_a_receipt_for_more_than_the_limit_raises_it(sandbox: Sandbox) -> None:
    job = job_to(sandbox)
    ready_batch(job, images(4))
    Destination.objects.update(body_limit=1)

    work_off()

    assert limit_of(job) == Batch.objects.get().body_bytes


@pytest.fixture
def limited() -> Job:
    """An upload under way, to a destination of which a limit is known."""
    return make_job(make_team(destination=make_destination(body_limit=LIMIT)))


def valid(job: Job, *sizes: int) -> None:
    """Files of one series that wait to be sent."""
    series = make_series(job)
    for size in sizes:
        make_file(job, size=size, series=series, status=FileStatus.VALID)


def test_batches_are_planned_by_the_destinations_limit(limited: Job) -> None:
    Job.objects.update(status=JobStatus.PROCESSING, manifest_closed_at=now())
    valid(limited, *[2_500] * 5)

    batching.plan(limited.pk)

    assert [batch.files.count() for batch in Batch.objects.order_by("pk")] == [2, 2, 1]


def test_a_limit_above_the_portals_own_changes_nothing(limited: Job) -> None:
    Destination.objects.update(body_limit=10**12)
    Job.objects.update(status=JobStatus.PROCESSING, manifest_closed_at=now())
    valid(limited, 90_000_000, 90_000_000)

    batching.plan(limited.pk)

    assert Batch.objects.count() == 2


def test_batches_that_are_full_by_the_limit_leave_while_the_upload_goes_on(limited: Job) -> None:
    make_file(limited)  # is still to come
    valid(limited, *[2_500] * 3)

    assert to_plan().get() == limited
    batching.plan(limited.pk)

    assert [batch.files.count() for batch in Batch.objects.all()] == [2]
    assert not to_plan().exists()


def test_a_file_larger_than_the_limit_leaves_alone_while_the_upload_goes_on(limited: Job) -> None:
    make_file(limited)  # is still to come
    valid(limited, LIMIT + 1)

    assert to_plan().get() == limited
    batching.plan(limited.pk)

    assert Batch.objects.get().files.count() == 1
    assert not to_plan().exists()
