"""Everybody at everything at once: people, workers, sweepers, an administrator, and Qure has its moods."""

import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from threading import Event
from time import monotonic
from typing import Final

import pytest
from pytest_django.fixtures import Settings

from tests.at_once import PATIENCE, all_at_once
from tests.factories import make_destination, make_job, make_team
from tests.pipeline.journeys import BY, declare, images, sha256_of, store
from tests.sandboxes import TOKEN, Sandbox
from tests.verification.jobs import violations
from uploads import tasks
from uploads.models import Destination, Job, record_birth
from uploads.pipeline import closing, manifest, staging
from uploads.states import JOB_AT_REST, JobStatus

FAULTS: Final = [{"kind": kind} for kind in ("500", "401", "drop_after", "503", "500", "401")]
PARCELS: Final = 3
FILES_A_PARCEL: Final = 2
WORKERS: Final = 3
GLANCE: Final = 0.05  # seconds between two looks


@dataclass(frozen=True)
class Chosen:
    """What two tabs of one person send at once: the same parcels of the same upload."""

    job: Job
    keys: list[uuid.UUID] = field(default_factory=lambda: [uuid.uuid4() for _ in range(PARCELS)])

    @property
    def contents(self) -> list[tuple[str, bytes]]:
        """Paths and bytes: a series for each upload."""
        return images(PARCELS * FILES_A_PARCEL, series=self.job.pk)


def upload(chosen: Chosen) -> None:
    """Name all files, then bring them, unless somebody cancels the upload meanwhile."""
    contents = chosen.contents
    with suppress(staging.UploadClosed, manifest.JobClosed):
        declare(chosen.job, contents)
        for index, key in enumerate(chosen.keys):
            numbers = range(index * FILES_A_PARCEL, (index + 1) * FILES_A_PARCEL)
            store(chosen.job, *((str(number), contents[number][1]) for number in numbers), key=key)


def work(over: Event) -> None:
    """Recover and do whatever is due, until everything rests."""
    end = monotonic() + PATIENCE
    while not over.wait(GLANCE):
        assert monotonic() < end, "It does not come to rest."
        tasks.recover()
        for task, row_id in tasks.due_work():
            task(row_id)
        if not Job.objects.exclude(status__in=JOB_AT_REST).exists():
            over.set()


def meddle(dropped: Job, over: Event) -> None:
    """An administrator lets sending go on, over and over, and a person cancels one of the uploads."""
    while not over.wait(GLANCE):
        tasks.resume_destination(Destination.objects.get(), BY)
        closing.cancel(dropped.pk, BY)


@pytest.mark.usefixtures("shared_database", "no_waits")
def test_everything_comes_to_rest_and_nothing_is_lost(sandbox: Sandbox, settings: Settings) -> None:
    settings.RELAY_BATCH_MAX_BYTES = 5_000  # a few images
    sandbox.script(*FAULTS)
    destination = make_destination(base_url=sandbox.base_url, token=TOKEN)
    record_birth(destination, BY)
    teams = [make_team(destination=destination) for _ in range(2)]
    kept = [Chosen(make_job(team)) for team in teams for _ in range(2)]
    dropped, over = Chosen(make_job(teams[0])), Event()

    all_at_once(
        [
            *(partial(upload, chosen) for chosen in (*kept, dropped) for _ in range(2)),
            *(partial(work, over) for _ in range(WORKERS)),
            partial(meddle, dropped.job, over),
        ]
    )

    received, wanted = (
        set(sandbox.instances().values()),
        [content for each in kept for _, content in each.contents],
    )
    assert received >= {sha256_of(content) for content in wanted}
    assert {Job.objects.get(pk=each.job.pk).status for each in kept} == {JobStatus.ACCEPTED}
    assert violations() == []
