"""A job's way through the pipeline, step by step, without a broker and without HTTP."""

import hashlib
import io
import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils.timezone import now

from tests.dicoms import dicom_bytes
from tests.factories import make_destination, make_job, make_team
from tests.parcels import digest_of, tar_of
from tests.sandboxes import TOKEN, Sandbox
from uploads import tasks
from uploads.forms import Entry
from uploads.models import Batch, Destination, File, Job, StateChange
from uploads.parcel_format import ArrivingParcel
from uploads.pipeline import batching, manifest, staging
from uploads.states import JOB_AT_REST, BatchStatus, ParcelStatus

BY = "test"
STUDY = "2.25.7000"
LONG_AGO = timedelta(days=30)
Contents = Sequence[tuple[str, bytes]]


def series_uid(series: int) -> str:
    """The UID of a series of this module's images."""
    return f"{STUDY}.{series}"


def image(number: int, series: int = 1, **overrides: Any) -> bytes:  # Any: as dicom_bytes takes them
    """A small CT image: the same numbers give the same bytes."""
    uids = {
        "StudyInstanceUID": STUDY,
        "SeriesInstanceUID": series_uid(series),
        "SOPInstanceUID": f"{STUDY}.{series}.{number}",
    }
    return dicom_bytes(**{**uids, **overrides})


def images(count: int, series: int = 1) -> list[tuple[str, bytes]]:
    """A series of images with paths."""
    return [(f"CD/S{series}/IM{number:04d}", image(number, series)) for number in range(count)]


def sha256_of(content: bytes) -> str:
    """The digest of some bytes."""
    return hashlib.sha256(content).hexdigest()


def job_to(sandbox: Sandbox, **of_destination: object) -> Job:
    """A job whose team sends to the sandbox."""
    defaults = {"base_url": sandbox.base_url, "token": TOKEN}
    return make_job(make_team(destination=make_destination(**{**defaults, **of_destination})))


def declare(job: Job, contents: Contents, is_last: bool = True) -> list[manifest.Line]:
    """Say what is to come."""
    entries = [Entry(path, len(content)) for path, content in contents]
    return manifest.declare(job.pk, entries, is_last, BY)


def arriving(members: Contents, **values: Any) -> ArrivingParcel:  # Any: what else it says of itself
    """A parcel on its way in: (member name, content)."""
    body = tar_of(members)
    defaults = {"length": len(body), "digest": digest_of(members)}
    return ArrivingParcel(io.BytesIO(body), **{**defaults, **values})


def store(
    job: Job, *members: tuple[str, bytes], key: uuid.UUID | None = None, of: bytes | None = None
) -> staging.Stored:
    """Store the members as one parcel; a slice says ``of`` which file's content it is."""
    coming = arriving(members) if of is None else arriving(members, file_sha256=sha256_of(of))
    return staging.store_parcel(Job.objects.get(pk=job.pk), key or uuid.uuid4(), coming, BY)


def upload(job: Job, contents: Contents, is_last: bool = True) -> list[File]:
    """Declare files and store all that are wanted in one parcel; answer the files."""
    lines = declare(job, contents, is_last)
    members = [
        (str(line.number), content)
        for line, (_, content) in zip(lines, contents, strict=True)
        if line.is_wanted
    ]
    if members:
        store(job, *members)
    numbers = [line.number for line in lines]
    return list(File.objects.filter(job=job, number__in=numbers).order_by("number"))


def check_all(job: Job) -> None:
    """Check every parcel of the job that waits for it."""
    for parcel_id in job.parcels.order_by("pk").values_list("pk", flat=True):
        tasks.check_parcel(parcel_id)


def ready_batch(job: Job, contents: Contents) -> Batch:
    """Upload, check and batch: the job's one batch, due now."""
    upload(job, contents)
    check_all(job)
    (batch_id,) = batching.plan(job.pk)
    return Batch.objects.get(pk=batch_id)


def work_off(rounds: int = 60) -> None:
    """Do all that is due, as beat does where there is no broker, until nothing moves any more."""
    for _ in range(rounds):
        before = StateChange.objects.count()
        for task, row_id in tasks.due_work():
            task(row_id)
        if StateChange.objects.count() == before:
            return


def end_retention() -> None:
    """All uploads that rest came, and came to rest, longer ago than anything is kept."""
    rest = Job.objects.filter(status__in=JOB_AT_REST)
    StateChange.objects.filter(kind="job", job__in=rest).update(at=now() - LONG_AGO)
    rest.update(last_arrival_at=now() - LONG_AGO)


def make_due(job: Job) -> None:
    """What waits to be tried again need not wait any longer."""
    Destination.objects.filter(teams__jobs=job, not_before__isnull=False).update(not_before=now())
    job.batches.filter(status=BatchStatus.READY).update(next_attempt_at=now())
    job.parcels.update(due_at=now())


def end_leases(job: Job) -> None:
    """Whoever held something of the job has been silent for too long; beat takes it back."""
    job.batches.filter(status=BatchStatus.SENDING).update(lease_until=now())
    job.parcels.filter(status=ParcelStatus.CHECKING).update(lease_until=now())
    tasks.recover()


def rewrite(name: str, change: Callable[[bytes], bytes]) -> None:
    """Change an object that is staged, as a bad disk does or somebody who may write to it."""
    with default_storage.open(name) as staged:
        content = change(staged.read())
    default_storage.delete(name)
    default_storage.save(name, ContentFile(content))


def staged_objects(folder: str = "") -> list[str]:
    """The objects that are staged, wherever that is."""
    try:
        folders, names = default_storage.listdir(folder)
    except FileNotFoundError:
        return []
    below = (name for inner in folders for name in staged_objects(f"{folder}{inner}/"))
    return sorted([*(f"{folder}{name}" for name in names), *below])


def statuses(job: Job) -> list[str]:
    """The statuses of the job's files, in their order."""
    return list(job.files.order_by("number").values_list("status", flat=True))


def reasons(job: Job) -> list[str]:
    """The reasons of the job's files, in their order."""
    return list(job.files.order_by("number").values_list("reason", flat=True))
