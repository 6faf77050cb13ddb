"""Two studies of one upload with one series UID: Qure counts by that UID, nobody knows in which way."""

import pytest
from django.db import transaction
from pytest_django.fixtures import Settings

from tests.pipeline.journeys import BY, STUDY, check_all, image, images, job_to, statuses, upload, work_off
from tests.sandboxes import Launch, Sandbox
from tests.verification.jobs import violations
from uploads import tasks
from uploads.batches import make_batch
from uploads.models import Batch, Job, record_birth
from uploads.pipeline import relay
from uploads.qure.body import BODY_OVERHEAD, part_overhead
from uploads.states import BatchStatus, FileStatus, JobStatus, SeriesStatus

pytestmark = pytest.mark.django_db

WAYS_OF_COUNTING = [
    {"counts": counts, "repeats": repeats}
    for counts in ("request", "series")
    for repeats in ("once", "again")
]
in_every_way = pytest.mark.parametrize("way", WAYS_OF_COUNTING, ids=lambda way: "-".join(way.values()))


def job_in_order(sandbox: Sandbox) -> Job:
    """A job in which `verify` finds no fault."""
    job = job_to(sandbox)
    record_birth(job.team.destination, BY)
    return job


def two_studies(first_number: int = 3) -> list[tuple[str, bytes]]:
    """Three images and two; with another first number the second study has image numbers of the first."""
    second = [image(first_number + number, StudyInstanceUID="2.25.7001") for number in range(2)]
    return [*images(3), *((f"CD/other/IM{number}", content) for number, content in enumerate(second))]


def job_status(job: Job) -> str:
    """Where the job stands."""
    return Job.objects.get(pk=job.pk).status


@in_every_way
@pytest.mark.parametrize("first_number", [3, 0], ids=["own image numbers", "the same image numbers"])
@pytest.mark.parametrize(("files_a_request", "requests"), [(5, 2), (1, 5)])
def test_both_studies_are_proven_whichever_way_qure_counts(
    launch: Launch,
    way: dict[str, str],
    first_number: int,
    files_a_request: int,
    requests: int,
    settings: Settings,
) -> None:
    sandbox = launch(**way)
    job = job_in_order(sandbox)
    contents = two_studies(first_number)
    part = max(len(content) for _, content in contents) + part_overhead("000000.dcm")
    settings.RELAY_BATCH_MAX_BYTES = BODY_OVERHEAD + files_a_request * part
    upload(job, contents)

    work_off()

    assert statuses(job) == [FileStatus.ACCEPTED] * 5
    assert job_status(job) == JobStatus.ACCEPTED
    assert len(sandbox.requests()) == requests
    assert violations() == []


in_either_study = pytest.mark.parametrize("lost", [0, 3], ids=["first study", "second study"])


def upload_and_lose(sandbox: Sandbox, lost: int) -> Job:
    """Both studies are sent, and Qure loses one image of the one that holds the image of this number."""
    sandbox.script({"kind": "fewer", "only_sop_uid": f"{STUDY}.1.{lost}"})
    job = job_in_order(sandbox)
    upload(job, two_studies())
    work_off()
    return job


@in_every_way
@in_either_study
def test_an_image_that_qure_lost_is_never_called_accepted(
    launch: Launch, way: dict[str, str], lost: int
) -> None:
    sandbox = launch(**way)

    job = upload_and_lose(sandbox, lost)

    accepted = set(job.files.filter(status=FileStatus.ACCEPTED).values_list("sop_uid", flat=True))
    assert job_status(job) == JobStatus.ATTENTION
    assert job.series.get(files__sop_uid=f"{STUDY}.1.{lost}").status == SeriesStatus.SHORT
    assert accepted < set(sandbox.instances())
    assert violations() == []


@pytest.mark.parametrize("counts", ["request", "series"])
@in_either_study
def test_both_studies_are_accepted_after_what_is_short_was_sent_again(
    launch: Launch, counts: str, lost: int
) -> None:
    sandbox = launch(counts=counts)
    job = upload_and_lose(sandbox, lost)

    for series in job.series.filter(status=SeriesStatus.SHORT):
        tasks.resend_series(series, BY)
        work_off()

    assert job_status(job) == JobStatus.ACCEPTED
    assert len(sandbox.instances()) == 5
    assert violations() == []


def test_one_count_for_both_studies_proves_nothing_for_either(sandbox: Sandbox) -> None:
    job = job_in_order(sandbox)
    sandbox.script({"kind": "fewer", "fewer_by": 2})  # the count is then that of the first study alone
    upload(job, two_studies())
    check_all(job)
    with transaction.atomic():  # as requests were made before they told such series apart
        batch = make_batch(job, list(job.files.all()), BY)
    relay.send(batch.pk)
    answered = statuses(job), Batch.objects.get().status

    for series in job.series.filter(status=SeriesStatus.SHORT):
        tasks.resend_series(series, BY)
    work_off()

    assert answered == ([FileStatus.SENT] * 5, BatchStatus.SHORT)
    assert job_status(job) == JobStatus.ACCEPTED
    assert len(sandbox.instances()) == 5
