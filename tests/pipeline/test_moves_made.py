"""Every move of the state tables is made by the product itself, in a scenario that is named for it.

``tests/models/test_moves.py`` makes each move by hand; here nobody but the pipeline does.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

import pytest
from django.core.files.storage import default_storage
from django.db.models import TextChoices
from django.utils.timezone import now

from tests import dicoms
from tests.factories import make_destination, make_job, make_team
from tests.models.rows import MAKERS
from tests.pipeline.journeys import (
    BY,
    STUDY,
    check_all,
    declare,
    end_leases,
    end_retention,
    image,
    images,
    job_to,
    make_due,
    ready_batch,
    store,
    upload,
    work_off,
)
from tests.sandboxes import TOKEN, Sandbox
from uploads import tasks
from uploads.forms import Entry, LeftOut
from uploads.models import (
    Attempt,
    Batch,
    Destination,
    File,
    Job,
    Parcel,
    Patient,
    Series,
    StateChange,
    Stateful,
)
from uploads.pipeline import closing, manifest, relay
from uploads.pipeline.relay.verdict import MOST_UNKNOWN
from uploads.reasons import Reason
from uploads.states import (
    BatchStatus,
    DestinationStatus,
    FileStatus,
    JobStatus,
    Outcome,
    ParcelStatus,
    PatientStatus,
    SeriesStatus,
)

pytestmark = pytest.mark.django_db

Move = tuple[type[Stateful], TextChoices, TextChoices]
Scenario = Callable[[Sandbox], object]
BAD: Final = f"{STUDY}.1.1"


def all_is_well(sandbox: Sandbox) -> Job:
    """Everything is accepted."""
    job = job_to(sandbox)
    upload(job, images(2))
    work_off()
    return job


def retention_ends(sandbox: Sandbox) -> None:
    """Everything was accepted long ago."""
    all_is_well(sandbox)
    end_retention()
    tasks.recover()


def mixed_bag(sandbox: Sandbox) -> Job:
    """Files with each kind of outcome."""
    job = job_to(sandbox)
    twin = image(1, PatientName="PHANTOM^OTHER")
    contents = [image(1), image(1), twin, b"no image", dicoms.truncated(SOPInstanceUID=f"{STUDY}.2")]
    upload(job, [(f"CD/{number}", content) for number, content in enumerate(contents)])
    work_off()
    return job


def a_copy_stands_in(sandbox: Sandbox) -> None:
    """Of two equal files the one that was to be sent is lost."""
    job = job_to(sandbox)
    for path in ("CD/1", "CD/2"):
        upload(job, [(path, image(1))])
    check_all(job)
    default_storage.delete(job.parcels.earliest("pk").object_name)
    work_off()


def mixed_bag_is_cancelled(sandbox: Sandbox) -> None:
    """A job that needs attention is given up."""
    closing.cancel(mixed_bag(sandbox).pk, BY)


def too_large(sandbox: Sandbox) -> None:
    """A file that fits no request."""
    declare(job_to(sandbox), [("CD/empty", b"")])


def unreadable(sandbox: Sandbox) -> None:
    """A scratched CD."""
    job = job_to(sandbox)
    declare(job, images(1))
    manifest.report_unreadable(job.pk, [0], BY)


def abandoned(sandbox: Sandbox) -> Job:
    """A tab that was closed for good."""
    job = job_to(sandbox)
    declare(job, images(1))
    Job.objects.update(last_arrival_at=now() - timedelta(days=400))
    tasks.recover()
    work_off()
    return job


def abandoned_and_cancelled(sandbox: Sandbox) -> None:
    """A tab that was closed for good, and nobody wants the rest."""
    closing.cancel(abandoned(sandbox).pk, BY)


def cancelled_while_uploading(sandbox: Sandbox) -> None:
    """Some files are to come, some here, some checked."""
    job = job_to(sandbox)
    upload(job, images(1))
    check_all(job)
    upload(job, images(2))
    declare(job, images(3))
    closing.cancel(job.pk, BY)


def cancelled_while_waiting(sandbox: Sandbox) -> None:
    """The batch had not been sent."""
    job = job_to(sandbox)
    ready_batch(job, images(1))
    closing.close(job.pk)
    closing.cancel(job.pk, BY)


def object_is_gone(sandbox: Sandbox) -> None:
    """The staged bytes are lost before they were checked."""
    job = job_to(sandbox)
    upload(job, images(1))
    job.parcels.update(object_name="gone")
    check_all(job)


def object_goes(sandbox: Sandbox) -> None:
    """The staged bytes are lost between the check and the request."""
    job = job_to(sandbox)
    batch = ready_batch(job, images(1))
    job.parcels.update(object_name="gone")
    relay.send(batch.pk)


def nothing_is_left(sandbox: Sandbox) -> None:
    """Somebody takes the last file out of a batch before it is its turn."""
    job = job_to(sandbox)
    batch = ready_batch(job, images(1))
    job.files.update(batch=None)
    relay.send(batch.pk)


def checker_is_lost(sandbox: Sandbox) -> None:
    """A worker is gone in the middle of a parcel."""
    job = job_to(sandbox)
    upload(job, images(1))
    job.parcels.update(status=ParcelStatus.CHECKING, lease_until=now())
    tasks.recover()


def sender_is_lost(sandbox: Sandbox) -> None:
    """A worker is gone in the middle of a request."""
    job = job_to(sandbox)
    relay.claim(ready_batch(job, images(1)).pk)
    end_leases(job)


def one_is_refused(sandbox: Sandbox) -> Job:
    """Qure takes one image and refuses the other."""
    sandbox.script({"kind": "400", "times": 2, "only_sop_uid": BAD})
    return all_is_well(sandbox)


def one_is_refused_and_sent_again(sandbox: Sandbox) -> None:
    """Qure takes it the second time."""
    tasks.resend_series(one_is_refused(sandbox).series.get(), BY)


def fewer(sandbox: Sandbox) -> Job:
    """Qure has fewer images than were sent."""
    sandbox.script({"kind": "fewer"})
    return all_is_well(sandbox)


def fewer_and_sent_again(sandbox: Sandbox) -> None:
    """A resend makes it complete."""
    tasks.resend_series(fewer(sandbox).series.get(), BY)
    work_off()


def short_until_the_next_receipt(sandbox: Sandbox) -> None:
    """A count that came out of order is explained by the next one."""
    job = job_to(sandbox)
    first = relay.claim(ready_batch(job, images(1)).pk)
    second = relay.claim(ready_batch(job, [("CD/x", image(7))]).pk)
    assert first is not None
    assert second is not None
    sandbox.script({"kind": "fewer"}, {"kind": "more"})
    relay.attempt(first)
    relay.attempt(second)


def stuck(sandbox: Sandbox) -> Job:
    """No answer, however often it is tried."""
    sandbox.script({"kind": "500"})
    job = job_to(sandbox)
    ready_batch(job, images(1))
    job.batches.update(failures=MOST_UNKNOWN - 1)
    work_off()
    return job


def stuck_and_retried(sandbox: Sandbox) -> None:
    """An administrator tries again."""
    tasks.retry_job(stuck(sandbox).pk, BY)


def stuck_and_cancelled(sandbox: Sandbox) -> None:
    """An administrator gives up."""
    closing.cancel(stuck(sandbox).pk, BY)


def answer_is(kind: str) -> Scenario:
    """One request meets this fault."""

    def scenario(sandbox: Sandbox) -> None:
        sandbox.script({"kind": kind})
        job = job_to(sandbox)
        relay.send(ready_batch(job, [*images(1), *images(1, series=2)]).pk)

    return scenario


def resumed(sandbox: Sandbox) -> None:
    """The destination was paused, and an administrator has acted."""
    destination = make_destination(base_url=sandbox.base_url, status=DestinationStatus.PAUSED)
    tasks.resume_destination(destination, BY)


def nobody_is_there(_: Sandbox) -> Job:
    """Nothing listens at the address."""
    job = make_job(make_team(destination=make_destination()))
    relay.send(ready_batch(job, images(1)).pk)
    return job


def back_with(answer: str = "") -> Scenario:
    """Qure is there again after a silence, and gives the probe a receipt or another answer."""

    def scenario(sandbox: Sandbox) -> None:
        job = nobody_is_there(sandbox)
        Destination.objects.update(base_url=sandbox.base_url, token=TOKEN)
        if answer:
            sandbox.script({"kind": answer})
        make_due(job)
        work_off()

    return scenario


def nothing_left_to_send(sandbox: Sandbox) -> None:
    """Somebody took the last file out of the batch."""
    batch = ready_batch(job_to(sandbox), images(1))
    File.objects.update(batch=None)
    relay.send(batch.pk)


def big_file(sandbox: Sandbox) -> None:
    """A file that came in slices."""
    job, content = job_to(sandbox), image(1)
    declare(job, [("CD/1", content)])
    store(job, ("0.0", content[:100]), of=content)
    store(job, ("0.100", content[100:]), of=content)


def another_patient(sandbox: Sandbox) -> Job:
    """A file of the confirmed patient, accepted, and one of another, held back."""
    job = job_to(sandbox)
    upload(job, [*images(1), ("CD/other", image(7, PatientID="OTHER"))])
    work_off()
    return job


def another_patient_is(send: bool) -> Scenario:
    """Somebody decides about the other patient."""

    def scenario(sandbox: Sandbox) -> None:
        job = another_patient(sandbox)
        tasks.decide_patient(job.patients.get(status=PatientStatus.UNCONFIRMED), send, BY)

    return scenario


def more_is_added_to(scenario: Callable[[Sandbox], Job]) -> Scenario:
    """A colleague has found more images; all that can be sent is accepted in the end."""

    def added(sandbox: Sandbox) -> None:
        job = scenario(sandbox)
        upload(job, [("CD 2/1", image(8))])
        work_off()
        job.refresh_from_db()
        assert job.is_at_rest

    return added


def more_is_added_meanwhile(sandbox: Sandbox) -> None:
    """Everything has arrived and is on its way when more is added."""
    job = job_to(sandbox)
    ready_batch(job, images(1))
    closing.close(job.pk)
    upload(job, images(2))


def left_out(sandbox: Sandbox) -> Job:
    """The upload page leaves out what is no image, and what is damaged."""
    job = job_to(sandbox)
    upload(job, images(1), is_last=False)
    lines = [LeftOut("CD/viewer.exe", 5, Reason.NOT_DICOM), LeftOut("CD/bad", 5, Reason.UNREADABLE_HEADER)]
    manifest.declare(job.pk, [], True, BY, lines)
    work_off()
    return job


def chosen_again(scenario: Callable[[Sandbox], Job], path: str) -> Scenario:
    """A file of which nothing usable came is chosen again."""

    def scenario_and_again(sandbox: Sandbox) -> None:
        job = scenario(sandbox)
        manifest.declare(job.pk, [Entry(path, 700)], True, BY, anew=True)

    return scenario_and_again


MADE_BY: Final[dict[Move, Scenario]] = {
    (Job, JobStatus.UPLOADING, JobStatus.PROCESSING): all_is_well,
    (Job, JobStatus.UPLOADING, JobStatus.CANCELLED): cancelled_while_uploading,
    (Job, JobStatus.PROCESSING, JobStatus.ACCEPTED): all_is_well,
    (Job, JobStatus.PROCESSING, JobStatus.ATTENTION): mixed_bag,
    (Job, JobStatus.PROCESSING, JobStatus.CANCELLED): cancelled_while_waiting,
    (Job, JobStatus.PROCESSING, JobStatus.UPLOADING): more_is_added_meanwhile,
    (Job, JobStatus.ACCEPTED, JobStatus.UPLOADING): more_is_added_to(all_is_well),
    (Job, JobStatus.ATTENTION, JobStatus.UPLOADING): more_is_added_to(mixed_bag),
    (Job, JobStatus.ATTENTION, JobStatus.PROCESSING): fewer_and_sent_again,
    (Job, JobStatus.ATTENTION, JobStatus.CANCELLED): mixed_bag_is_cancelled,
    (File, FileStatus.DECLARED, FileStatus.RECEIVED): big_file,
    (File, FileStatus.DECLARED, FileStatus.REJECTED): unreadable,
    (File, FileStatus.DECLARED, FileStatus.IGNORED): left_out,
    (File, FileStatus.REJECTED, FileStatus.DECLARED): chosen_again(left_out, "CD/bad"),
    (File, FileStatus.IGNORED, FileStatus.DECLARED): chosen_again(left_out, "CD/viewer.exe"),
    (File, FileStatus.MISSING, FileStatus.DECLARED): chosen_again(abandoned, "CD/S1/IM0000"),
    (File, FileStatus.DECLARED, FileStatus.MISSING): abandoned,
    (File, FileStatus.DECLARED, FileStatus.CANCELLED): cancelled_while_uploading,
    (File, FileStatus.RECEIVED, FileStatus.VALID): mixed_bag,
    (File, FileStatus.RECEIVED, FileStatus.REJECTED): mixed_bag,
    (File, FileStatus.RECEIVED, FileStatus.IGNORED): mixed_bag,
    (File, FileStatus.RECEIVED, FileStatus.DUPLICATE): mixed_bag,
    (File, FileStatus.RECEIVED, FileStatus.QUARANTINED): mixed_bag,
    (File, FileStatus.RECEIVED, FileStatus.MISSING): object_is_gone,
    (File, FileStatus.RECEIVED, FileStatus.CANCELLED): cancelled_while_uploading,
    (File, FileStatus.VALID, FileStatus.SENT): all_is_well,
    (File, FileStatus.VALID, FileStatus.REFUSED): one_is_refused,
    (File, FileStatus.VALID, FileStatus.MISSING): object_goes,
    (File, FileStatus.VALID, FileStatus.CANCELLED): cancelled_while_uploading,
    (File, FileStatus.VALID, FileStatus.DUPLICATE): a_copy_stands_in,
    (File, FileStatus.DUPLICATE, FileStatus.VALID): a_copy_stands_in,
    (File, FileStatus.SENT, FileStatus.ACCEPTED): all_is_well,
    (File, FileStatus.SENT, FileStatus.VALID): fewer_and_sent_again,
    (File, FileStatus.REFUSED, FileStatus.VALID): one_is_refused_and_sent_again,
    (File, FileStatus.MISSING, FileStatus.CANCELLED): abandoned_and_cancelled,
    (File, FileStatus.QUARANTINED, FileStatus.CANCELLED): mixed_bag_is_cancelled,
    (File, FileStatus.QUARANTINED, FileStatus.VALID): another_patient_is(True),
    (Patient, PatientStatus.UNCONFIRMED, PatientStatus.CONFIRMED): all_is_well,
    (Patient, PatientStatus.UNCONFIRMED, PatientStatus.DECLINED): another_patient_is(False),
    (Parcel, ParcelStatus.STORED, ParcelStatus.CHECKING): all_is_well,
    (Parcel, ParcelStatus.CHECKING, ParcelStatus.CHECKED): all_is_well,
    (Parcel, ParcelStatus.CHECKING, ParcelStatus.STORED): checker_is_lost,
    (Parcel, ParcelStatus.CHECKED, ParcelStatus.PURGED): retention_ends,
    (Batch, BatchStatus.READY, BatchStatus.SENDING): all_is_well,
    (Batch, BatchStatus.READY, BatchStatus.CANCELLED): cancelled_while_waiting,
    (Batch, BatchStatus.SENDING, BatchStatus.ACCEPTED): all_is_well,
    (Batch, BatchStatus.SENDING, BatchStatus.SHORT): fewer,
    (Batch, BatchStatus.SENDING, BatchStatus.READY): sender_is_lost,
    (Batch, BatchStatus.SENDING, BatchStatus.REPLACED): one_is_refused,
    (Batch, BatchStatus.SENDING, BatchStatus.REFUSED): one_is_refused,
    (Batch, BatchStatus.SENDING, BatchStatus.STUCK): stuck,
    (Batch, BatchStatus.SHORT, BatchStatus.ACCEPTED): short_until_the_next_receipt,
    (Batch, BatchStatus.SHORT, BatchStatus.REPLACED): fewer_and_sent_again,
    (Batch, BatchStatus.REFUSED, BatchStatus.REPLACED): one_is_refused_and_sent_again,
    (Batch, BatchStatus.STUCK, BatchStatus.READY): stuck_and_retried,
    (Batch, BatchStatus.STUCK, BatchStatus.CANCELLED): stuck_and_cancelled,
    (Series, SeriesStatus.OPEN, SeriesStatus.COMPLETE): all_is_well,
    (Series, SeriesStatus.OPEN, SeriesStatus.SHORT): fewer,
    (Series, SeriesStatus.SHORT, SeriesStatus.OPEN): fewer_and_sent_again,
    (Series, SeriesStatus.COMPLETE, SeriesStatus.OPEN): another_patient_is(True),
    (Destination, DestinationStatus.OPEN, DestinationStatus.PAUSED): answer_is("401"),
    (Destination, DestinationStatus.PAUSED, DestinationStatus.OPEN): resumed,
    (Destination, DestinationStatus.OPEN, DestinationStatus.SILENT): nobody_is_there,
    (Destination, DestinationStatus.SILENT, DestinationStatus.OPEN): back_with(),
    (Destination, DestinationStatus.SILENT, DestinationStatus.PAUSED): back_with("401"),
    (Attempt, Outcome.STARTED, Outcome.ACCEPTED): all_is_well,
    (Attempt, Outcome.STARTED, Outcome.MISMATCH): answer_is("missing_series"),
    (Attempt, Outcome.STARTED, Outcome.REFUSED): answer_is("400"),
    (Attempt, Outcome.STARTED, Outcome.TOO_LARGE): answer_is("413"),
    (Attempt, Outcome.STARTED, Outcome.UNAUTHORIZED): answer_is("401"),
    (Attempt, Outcome.STARTED, Outcome.MISCONFIGURED): answer_is("redirect"),
    (Attempt, Outcome.STARTED, Outcome.THROTTLED): answer_is("429"),
    (Attempt, Outcome.STARTED, Outcome.NOT_REACHED): nobody_is_there,
    (Attempt, Outcome.STARTED, Outcome.UNKNOWN): sender_is_lost,
    (Attempt, Outcome.STARTED, Outcome.BYTES_LOST): object_goes,
    (Attempt, Outcome.STARTED, Outcome.ABANDONED): nothing_is_left,
}


def _name(move: Move) -> str:
    model, before, to = move
    return f"{model.__name__}: {before.value} -> {to.value}"


@pytest.mark.parametrize("move", MADE_BY, ids=_name)
def test_the_product_makes_the_move(move: Move, sandbox: Sandbox) -> None:
    model, before, to = move

    MADE_BY[move](sandbox)

    made = StateChange.objects.filter(kind=model.__name__.lower(), from_status=before, to_status=to)
    assert made.exists()


def test_every_move_of_every_table_has_a_scenario() -> None:
    allowed = {
        (model, before, to) for model in MAKERS for before, targets in model.moves.items() for to in targets
    }

    assert set(MADE_BY) == allowed


@pytest.mark.parametrize("scenario", [too_large, nothing_left_to_send, answer_is("garbage")])
def test_other_ways_to_the_same_moves_are_legal_too(scenario: Scenario, sandbox: Sandbox) -> None:
    scenario(sandbox)

    moves = {
        (model.__name__.lower(), before.value, to.value)
        for model in MAKERS
        for before, targets in model.moves.items()
        for to in targets
    }
    made = StateChange.objects.exclude(from_status="").values_list("kind", "from_status", "to_status")
    assert set(made) <= moves
