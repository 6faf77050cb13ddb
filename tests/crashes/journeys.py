"""Uploads that meet everything on their way. Each step may be repeated, by whoever comes after a crash."""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.utils.timezone import now

from tests.factories import PHANTOM, make_destination, make_team, make_user
from tests.pipeline.journeys import BY, Contents, end_retention, image, sha256_of, store
from tests.sandboxes import TOKEN, Sandbox
from uploads import tasks
from uploads.forms import Entry
from uploads.models import (
    Batch,
    Delivery,
    Destination,
    Job,
    Notice,
    Parcel,
    Patient,
    Series,
    Source,
    StateChange,
    Team,
    Webhook,
    record_birth,
)
from uploads.pipeline import closing, manifest, relay
from uploads.states import (
    JOB_AT_REST,
    BatchStatus,
    DestinationStatus,
    JobStatus,
    ParcelStatus,
    PatientStatus,
    SeriesStatus,
)

LONG_AGO: Final = timedelta(days=400)
MOST_ROUNDS: Final = 60
WIDE: Final = 600  # pixels: a batch of such images is more than the line takes at once
GOOD: Final = [
    *((f"CD/IM{number}", image(number, rows=WIDE, columns=WIDE)) for number in range(1, 4)),
    *((f"CD/SE2/IM{number}", image(number, series=2)) for number in range(1, 4)),
]
OTHERS: Final = [("CD/other", image(7, series=3, PatientID="OTHER"))]  # held back until somebody decides
TWIN: Final = ("CD/twin", image(1, PatientName="PHANTOM^OTHER"))  # the number of another image
CONTENTS: Final = [*GOOD, *OTHERS, TWIN, ("CD/readme", b"not DICOM at all")]
SLICED: Final = 0  # the number of the file that comes in two slices
FILES_A_PARCEL: Final = 4
FAULTS: Final[list[dict[str, Any]]] = [{"kind": "400"}, {"kind": "fewer"}, {"kind": "401"}]


@dataclass(frozen=True)
class Traveller:
    """A person, and the requests by which their uploads are known, before and after a crash."""

    team: Team
    user: User
    whole: uuid.UUID  # goes all the way
    cancelled: uuid.UUID
    left: uuid.UUID  # nobody brings what it promises


def make_traveller(sandbox: Sandbox) -> Traveller:
    """A person who is told everything, in a team with a webhook and a destination."""
    destination = make_destination(base_url=sandbox.base_url, token=TOKEN)
    record_birth(destination, BY)
    team = make_team(destination=destination)
    user = make_user(team, email="person@example.org", is_staff=True, is_superuser=True)
    Webhook.objects.create(team=team, url="https://nowhere.example/", secret="secret")
    return Traveller(team, user, uuid.uuid4(), uuid.uuid4(), uuid.uuid4())


def go(traveller: Traveller) -> None:
    """Go all the way, or the rest of it."""
    job = upload(traveller, traveller.whole, CONTENTS)
    lose_a_checker()
    end_all_waits()
    for _ in ("checked", "planned"):
        do_what_is_due()
    lose_a_sender()
    work_on()
    mend()
    decide(job)
    closing.cancel(upload(traveller, traveller.cancelled, [("CD/IM1", image(1, series=4))]).pk, BY)
    leave(traveller)
    work_on()
    end_retention()
    work_on()


def upload(traveller: Traveller, request: uuid.UUID, contents: Contents) -> Job:
    """Name all files and bring those that are wanted."""
    job, _ = manifest.open_job(traveller.team, traveller.user, request, Source.BROWSER)
    tasks.confirm_patients(job.pk, [PHANTOM], BY)
    lines = manifest.declare(job.pk, [Entry(path, len(content)) for path, content in contents], True, BY)
    named = zip(lines, contents, strict=True)
    wanted = [(line.number, content) for line, (_, content) in named if line.is_wanted]
    for number, content in wanted:
        if number == SLICED:
            half = len(content) // 2
            store(job, (f"{number}.0", content[:half]), of=content)
            store(job, (f"{number}.{half}", content[half:]), of=content)
    whole = [(str(number), content) for number, content in wanted if number != SLICED]
    for start in range(0, len(whole), FILES_A_PARCEL):
        store(job, *whole[start : start + FILES_A_PARCEL])
    return job


def lose_a_checker() -> None:
    """A worker takes a parcel, and is never heard of again."""
    parcel = Parcel.objects.filter(status=ParcelStatus.STORED).first()
    if parcel is not None:
        parcel.advance(ParcelStatus.CHECKING, BY, lease_until=now() - LONG_AGO)


def lose_a_sender() -> None:
    """A worker takes a batch, and is never heard of again."""
    batch = Batch.objects.filter(status=BatchStatus.READY).first()
    if batch is not None:
        relay.claim(batch.pk)


def mend() -> None:
    """An administrator lets the destination go on; a person sends again what Qure has lost."""
    for destination in Destination.objects.all():
        tasks.resume_destination(destination, BY)
    work_on()
    for series in Series.objects.filter(status=SeriesStatus.SHORT):
        tasks.resend_series(series, BY)


def decide(job: Job) -> None:
    """Send the other patient's image, and not the one whose number another has."""
    for patient in Patient.objects.filter(job=job, status=PatientStatus.UNCONFIRMED):
        tasks.decide_patient(patient, True, BY)
    tasks.decide_conflicts(job.pk, False, BY)


def leave(traveller: Traveller) -> None:
    """Name a file, and never bring it."""
    job, _ = manifest.open_job(traveller.team, traveller.user, traveller.left, Source.BROWSER)
    manifest.declare(job.pk, [Entry("CD/IM1", 100)], True, BY)
    Job.objects.filter(pk=job.pk, status=JobStatus.UPLOADING).update(last_arrival_at=now() - LONG_AGO)


def work_on() -> None:
    """Do what beat does where there is no broker, sweep by sweep, until nothing moves any more."""
    for _ in range(MOST_ROUNDS):
        before = StateChange.objects.count()
        end_all_waits()
        tasks.recover()
        do_what_is_due()
        if StateChange.objects.count() == before:
            return


def do_what_is_due() -> None:
    """Run each task that is due, once."""
    for task, row_id in tasks.due_work():
        task(row_id)


def end_all_waits() -> None:
    """So much time passes that everything is due and every lease has ended."""
    Batch.objects.filter(status=BatchStatus.READY).update(next_attempt_at=now())
    Batch.objects.filter(status=BatchStatus.SENDING).update(lease_until=now() - LONG_AGO)
    Parcel.objects.filter(status=ParcelStatus.STORED).update(due_at=now())
    Parcel.objects.filter(status=ParcelStatus.CHECKING).update(lease_until=now() - LONG_AGO)
    Destination.objects.filter(status=DestinationStatus.SILENT).update(not_before=now())
    Notice.objects.exclude(mail_due_at=None).update(mail_due_at=now())
    Delivery.objects.exclude(due_at=None).filter(attempts=None).update(due_at=now())
    Series.objects.exclude(picture_due_at=None).update(picture_due_at=now())


def all_is_over(traveller: Traveller) -> bool:
    """Everything that was to be sent is accepted, nothing goes on, and nothing is staged any more."""
    jobs = dict(Job.objects.values_list("request", "status"))
    parcels = set(Parcel.objects.values_list("status", flat=True))
    is_at_rest = len(jobs) == 3 and set(jobs.values()) <= JOB_AT_REST
    return is_at_rest and jobs[traveller.whole] == JobStatus.ACCEPTED and parcels == {ParcelStatus.PURGED}


def staged() -> list[str]:
    """Every object that is left, under whatever name."""
    folders, names = default_storage.listdir("")
    return [*names, *(name for folder in folders for name in default_storage.listdir(folder)[1])]


def digests_of_good() -> set[str]:
    """The SHA-256 of every file that Qure must have at the end."""
    return {sha256_of(content) for _, content in (*GOOD, *OTHERS)}
