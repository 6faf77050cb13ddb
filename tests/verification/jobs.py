"""Jobs in order, made by the pipeline itself, and a way to put them in disorder, one thing at a time."""

from collections import deque

from django.db.models import TextChoices

from tests.pipeline.journeys import (
    BY,
    check_all,
    declare,
    image,
    images,
    job_to,
    ready_batch,
    store,
    upload,
    work_off,
)
from tests.sandboxes import Sandbox
from uploads import tasks
from uploads.forms import Entry, LeftOut
from uploads.models import Attempt, Batch, File, Job, Parcel, Series, StateChange, Stateful, record_birth
from uploads.pipeline import manifest
from uploads.reasons import Reason
from uploads.states import Outcome, PatientStatus
from uploads.verification import CHECKS

JUNK = [("CD/readme.txt", b"not DICOM at all"), ("CD/empty", b"")]


class Planted:
    """A job at one stage of its way, and its rows by name."""

    def __init__(self, job: Job) -> None:
        self.job = job

    @property
    def file(self) -> File:
        """The job's first file."""
        return self.job.files.earliest("number")

    @property
    def files(self) -> list[File]:
        """All files of the job."""
        return list(self.job.files.order_by("number"))

    @property
    def parcel(self) -> Parcel:
        """The job's parcel."""
        return self.job.parcels.get()

    @property
    def series(self) -> Series:
        """The job's series."""
        return self.job.series.get()

    @property
    def batch(self) -> Batch:
        """The job's batch."""
        return self.job.batches.get()

    @property
    def attempt(self) -> Attempt:
        """The batch's attempt."""
        return self.batch.attempts.get()


def declared(sandbox: Sandbox) -> Planted:
    """Nothing has arrived."""
    job = job_to(sandbox)
    record_birth(job.team.destination, BY)
    manifest.declare(job.pk, [Entry("CD/IM0001", 100)], False, BY)
    return Planted(job)


def received(sandbox: Sandbox) -> Planted:
    """All has arrived, nothing is checked."""
    job = job_to(sandbox)
    record_birth(job.team.destination, BY)
    upload(job, images(2))
    return Planted(job)


def checked(sandbox: Sandbox) -> Planted:
    """All is checked, nothing is in a batch."""
    planted = received(sandbox)
    check_all(planted.job)
    return planted


def waiting(sandbox: Sandbox) -> Planted:
    """One batch is due."""
    job = job_to(sandbox)
    record_birth(job.team.destination, BY)
    ready_batch(job, images(2))
    return Planted(job)


def delivered(sandbox: Sandbox) -> Planted:
    """Qure has accepted everything."""
    planted = waiting(sandbox)
    work_off()
    planted.job.refresh_from_db()
    return planted


def with_junk(sandbox: Sandbox) -> Planted:
    """Qure has accepted what was good; the rest is named."""
    job = job_to(sandbox)
    record_birth(job.team.destination, BY)
    upload(job, [*images(1), *JUNK])
    work_off()
    return Planted(job)


def with_another_patient(sandbox: Sandbox) -> Planted:
    """Qure has accepted what belongs to the confirmed patient; the other's images are held back."""
    job = job_to(sandbox)
    record_birth(job.team.destination, BY)
    upload(job, [*images(1), ("CD/other", image(7, PatientID="OTHER"))])
    work_off()
    return Planted(job)


def with_a_declined_patient(sandbox: Sandbox) -> Planted:
    """Somebody decided not to send the other's images."""
    planted = with_another_patient(sandbox)
    tasks.decide_patient(planted.job.patients.get(status=PatientStatus.UNCONFIRMED), False, BY)
    work_off()
    return planted


def with_left_out_files(sandbox: Sandbox) -> Planted:
    """Qure has accepted what came; the upload page had left out what is no image, and what was damaged."""
    job = job_to(sandbox)
    record_birth(job.team.destination, BY)
    upload(job, images(1), is_last=False)
    lines = [LeftOut("CD/viewer.exe", 5, Reason.NOT_DICOM), LeftOut("CD/bad", 5, Reason.UNREADABLE_HEADER)]
    manifest.declare(job.pk, [], True, BY, lines)
    work_off()
    return Planted(job)


def with_added_files(sandbox: Sandbox) -> Planted:
    """Qure has accepted everything; what was added to the complete series since is checked, but not sent."""
    planted = delivered(sandbox)
    upload(planted.job, [("added 1/IM1", image(8))])
    check_all(planted.job)
    return planted


def with_a_sliced_file(sandbox: Sandbox) -> Planted:
    """Qure has accepted a big file, which came in two slices."""
    content, job = image(1), job_to(sandbox)
    record_birth(job.team.destination, BY)
    declare(job, [("CD/IM0001", content)])
    store(job, ("0.0", content[:300]), of=content)
    store(job, ("0.300", content[300:]), of=content)
    work_off()
    return Planted(job)


STAGES = (
    declared,
    received,
    checked,
    waiting,
    delivered,
    with_junk,
    with_another_patient,
    with_a_declined_patient,
    with_left_out_files,
    with_added_files,
    with_a_sliced_file,
)


def put(row: Stateful, to: TextChoices, **values: object) -> None:
    """Give the row another status, with a trail of allowed moves that leads there."""
    model = type(row)
    model._base_manager.filter(pk=row.pk).update(**{model.status_column: to, **values})
    kind, job = model.__name__.lower(), row.change_job_id
    for change in StateChange.objects.filter(kind=kind, job=job):
        if row.pk in change.subjects:
            change.subjects.remove(row.pk)
            change.save()
    for before, after in _way(model, to):
        StateChange.objects.create(
            kind=kind, job_id=job, subjects=[row.pk], from_status=before, to_status=after, by="test"
        )


def add_attempt(batch: Batch, outcome: Outcome, number: int) -> Attempt:
    """Another attempt of the batch, with the lease that it needs."""
    attempt = Attempt.objects.create(
        batch=batch,
        destination=batch.job.team.destination,
        number=number,
        body_bytes=batch.body_bytes,
        receipt="{}",
    )
    put(attempt, outcome)
    Batch.objects.filter(pk=batch.pk).update(token=number)
    return attempt


def violations() -> list[str]:
    """What every check says."""
    return [sentence for check in CHECKS for sentence in check()]


def kinds(sentences: list[str]) -> set[str]:
    """The numbers of the invariants that are violated."""
    return {sentence.partition(":")[0] for sentence in sentences}


def _way(model: type[Stateful], to: TextChoices) -> list[tuple[str, str]]:
    """The shortest way from a row's birth to a status."""
    born = next(iter(model.moves))
    birth = [] if model is File else [("", str(born))]
    ways = deque([(born, birth)])
    seen = {born}
    while ways:
        at, way = ways.popleft()
        if at == to:
            return way
        for target in model.moves[at] - seen:
            seen.add(target)
            ways.append((target, [*way, (str(at), str(target))]))
    raise AssertionError(f"There is no way to {to}.")
