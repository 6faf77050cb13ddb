"""Everything that can happen to uploads, in any order: what people, workers, Qure and time may do next.

The rows are real, the clock and Qure are not: time passes when a rule says so, and a request, its arrival and
its verdict are steps of their own, so that a sender may sleep through its lease and wake up late.
"""

import json
import tempfile
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import time_machine
from django.db import transaction
from django.db.models import QuerySet
from django.test import override_settings
from django.utils.timezone import now
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.factories import make_destination, make_job, make_team
from tests.pipeline.journeys import BY, arriving, image
from uploads import tasks
from uploads.forms import Entry
from uploads.models import (
    Batch,
    Destination,
    File,
    Job,
    LostRace,
    Parcel,
    Patient,
    Team,
    record_birth,
)
from uploads.pipeline import batching, closing, manifest, relay, staging
from uploads.pipeline.relay.lease import Claim
from uploads.pipeline.relay.verdict import accept, hold, wait_for_staging
from uploads.qure.answers import Answer
from uploads.qure.errors import (
    QureFault,
    QureMisconfigured,
    QureNoAnswer,
    QureNothingUsable,
    QureNotReached,
    QureThrottled,
    QureTooLarge,
    QureUnauthorized,
)
from uploads.states import (
    JOB_AT_REST,
    BatchStatus,
    FileStatus,
    ParcelStatus,
    PatientStatus,
)
from uploads.verification import CHECKS, CHECKS_OF_THE_RECEIVER

BATCH_BYTES: Final = 3000  # two images
MOST_CLAIMS: Final = 3
LONG: Final = 100 * 3600  # seconds: longer than anything is kept
# Hours between sweeps once nothing goes wrong any more: for what waits, for the abandoned, for what follows.
WAITS_TO_REST: Final = (2, 2, 100, *[2] * 20)
# What may lie in a drop: two series, the number of another image, another patient, no image at all.
CONTENTS: Final = [
    *(image(number) for number in range(3)),
    *(image(number, series=2) for number in range(3)),
    image(0, PatientName="PHANTOM^OTHER"),
    image(7, PatientID="OTHER"),
    b"not DICOM at all",
]
AT_FIRST: Final = ({0, 1, 2, 3, 6}, {0, 4, 7})  # of these, in each upload
COUNT: Final = "NumberOfSeriesRelatedInstances"
FAULTS: Final[dict[str, Callable[[], QureFault]]] = {
    "no answer": lambda: QureNoAnswer("Qure did not answer."),
    "not reached": lambda: QureNotReached("Qure was not reached.", attempted=False),
    "nothing usable": lambda: QureNothingUsable("Nothing usable.", 400, "{}"),
    "too large": lambda: QureTooLarge("Too large.", 413, ""),
    "token": lambda: QureUnauthorized("Not accepted.", 401, ""),
    "address": lambda: QureMisconfigured("Wrong address.", 404, ""),
    "wait": lambda: QureThrottled("Wait.", 429, "", 30),
    "wait, unsaid": lambda: QureThrottled("Wait.", 503, "", None),
}
Instance = tuple[str, str]  # SOP instance UID, SHA-256


@dataclass
class Request:
    """A batch that a sender has claimed, and whether its bytes have come to Qure."""

    claimed: Claim
    counts: dict[str, int] | None = None  # by series, once it has arrived

    @property
    def instances(self) -> list[tuple[str, Instance]]:
        """What it holds: the series of each, and the instance."""
        return [
            (file.series.series_uid, (file.sop_uid, file.wire_sha256))
            for file in self.claimed.files
            if file.series is not None
        ]


class Interleavings(RuleBasedStateMachine):
    """Two uploads of a team to one destination."""

    def __init__(self) -> None:
        super().__init__()
        self.received: Counter[Instance] = Counter()
        self.denied: Counter[Instance] = Counter()  # of these, what Qure had and said that it had not
        self.requests: list[Request] = []
        self._world = ExitStack()
        folder = self._world.enter_context(tempfile.TemporaryDirectory(prefix="portal-interleavings-"))
        storage = {"BACKEND": "uploads.storage.StagingFiles", "OPTIONS": {"location": folder}}
        self._world.enter_context(
            override_settings(STORAGES={"default": storage}, RELAY_BATCH_MAX_BYTES=BATCH_BYTES)
        )
        self._clock = self._world.enter_context(time_machine.travel(datetime.now().astimezone(), tick=False))
        self._world.enter_context(transaction.atomic())

    @initialize()
    def begin(self) -> None:
        """Two people of a team have uploaded something good, and nobody has sent it yet."""
        destination = make_destination()
        record_birth(destination, BY)
        team: Team = make_team(destination=destination)
        self.jobs = [make_job(team), make_job(team, is_stat=True)]
        for number, chosen in enumerate(AT_FIRST):
            self.choose(number, chosen, is_last=False)
            self.bring(number, len(chosen))
        self.work()

    # What people do.

    @rule(number=st.integers(0, 1), chosen=st.sets(st.integers(0, len(CONTENTS) - 1)), is_last=st.booleans())
    def choose(self, number: int, chosen: set[int], is_last: bool) -> None:
        """Name files; to name one again is harmless, and wants it again where nothing usable came."""
        entries = [Entry(f"CD/{place}", len(CONTENTS[place])) for place in sorted(chosen)]
        with suppress(manifest.JobClosed):
            manifest.declare(self.jobs[number].pk, entries, is_last, BY, anew=True)

    @rule(number=st.integers(0, 1), count=st.integers(1, 5))
    def bring(self, number: int, count: int) -> None:
        """Send a parcel of files that are waited for."""
        job = Job.objects.get(pk=self.jobs[number].pk)
        files = File.objects.filter(job=job, status=FileStatus.DECLARED).order_by("number")[:count]
        members = [(str(file.number), CONTENTS[int(file.path.partition("/")[2])]) for file in files]
        if members:
            with suppress(staging.UploadClosed):
                staging.store_parcel(job, uuid.uuid4(), arriving(members), BY)

    @rule(decision=st.sampled_from(["cancel", "send", "do not send", "send again", "resume"]))
    def act(self, decision: str) -> None:
        """Decide something about an upload, or about the destination."""
        if decision == "resume":
            tasks.resume_destination(Destination.objects.get(), BY)
        for job in self.jobs if decision != "cancel" else self.jobs[:1]:
            if decision == "cancel":
                closing.cancel(job.pk, BY)
            elif decision == "send again":
                tasks.retry_job(job.pk, BY)
            else:
                self._decide(job, decision == "send")

    def _decide(self, job: Job, send: bool) -> None:
        for patient in Patient.objects.filter(job=job, status=PatientStatus.UNCONFIRMED):
            tasks.decide_patient(patient, send, BY)
        tasks.decide_conflicts(job.pk, send, BY)

    # What workers do, and fail to do.

    @rule()
    def work(self) -> None:
        """Check what has come, make batches, say what there is to say."""
        for parcel in self._due(Parcel.objects.filter(status=ParcelStatus.STORED)):
            tasks.check_parcel(parcel)
        for job in self.jobs:
            batching.plan(job.pk)
            tasks.close_job(job.pk)

    @precondition(lambda self: Parcel.objects.filter(status=ParcelStatus.STORED).exists())
    @rule()
    def die_checking(self) -> None:
        """Take a parcel, and be heard of no more."""
        parcel = Parcel.objects.filter(status=ParcelStatus.STORED).earliest("pk")
        parcel.advance(ParcelStatus.CHECKING, BY, lease_until=now() + timedelta(minutes=10))

    @precondition(lambda self: len(self.requests) < MOST_CLAIMS)
    @rule()
    def claim(self) -> None:
        """Take batches that may leave, as many as there are senders."""
        for batch in Batch.objects.filter(status=BatchStatus.READY).order_by("pk"):
            if len(self.requests) < MOST_CLAIMS:
                with suppress(LostRace):
                    claimed = relay.claim(batch.pk)
                    self.requests += [Request(claimed)] if claimed else []

    @rule(lost=st.integers(0, 1))
    def deliver(self, lost: int) -> None:
        """Take what may leave, and read Qure's receipt of one request at once."""
        self.claim()
        if self.requests:
            request = self._take(0)
            self._arrive(request, lost)
            self._receive_receipt(request, "all")

    @precondition(lambda self: self.requests)
    @rule(which=st.integers(0, MOST_CLAIMS - 1))
    def die_sending(self, which: int) -> None:
        """Be heard of no more, whatever has left."""
        self._take(which)

    @precondition(lambda self: self.requests)
    @rule(which=st.integers(0, MOST_CLAIMS - 1))
    def arrive(self, which: int) -> None:
        """A request comes to Qure, and nobody reads what it says."""
        self._arrive(self.requests[which % len(self.requests)], lost=0)

    @precondition(lambda self: self.requests)
    @rule(
        which=st.integers(0, MOST_CLAIMS - 1),
        lost=st.integers(0, 1),
        names=st.sampled_from(["all", "all", "all but one"]),
    )
    def receive_receipt(self, which: int, lost: int, names: str) -> None:
        """Read Qure's receipt, however late. Qure may lose an instance, and counts without it."""
        request = self._take(which)
        self._arrive(request, lost)
        self._receive_receipt(request, names)

    @precondition(lambda self: self.requests)
    @rule(which=st.integers(0, MOST_CLAIMS - 1), fault=st.sampled_from(sorted(FAULTS)))
    def fail(self, which: int, fault: str) -> None:
        """Meet a failure, however late it is."""
        request = self._take(which)
        if request.counts is not None and fault != "no answer":
            self.denied.update(instance for _, instance in request.instances)
        if request.claimed.files:
            hold(request.claimed, FAULTS[fault]())

    @precondition(lambda self: self.requests)
    @rule(which=st.integers(0, MOST_CLAIMS - 1))
    def find_storage_broken(self, which: int) -> None:
        """Be unable to read what is to be sent."""
        wait_for_staging(self._take(which).claimed)

    # What time does.

    @rule(seconds=st.sampled_from([1, 40, 700, 4000, LONG]))
    def wait(self, seconds: int) -> None:
        """Time passes, and beat takes back what the dead held."""
        self._clock.shift(timedelta(seconds=seconds))
        tasks.recover()

    # What must always hold.

    @invariant()
    def nothing_is_wrong(self) -> None:
        """Every invariant, after every step."""
        assert self._wrong() == []

    def teardown(self) -> None:
        """Once nothing goes wrong any more, everything comes to rest."""
        try:
            self._come_to_rest()
        finally:
            transaction.set_rollback(True)
            self._world.close()

    def _come_to_rest(self) -> None:
        self.requests.clear()
        moving = Job.objects.exclude(status__in=JOB_AT_REST)
        for hours in WAITS_TO_REST:
            self._clock.shift(timedelta(hours=hours))
            tasks.recover()
            self.work()
            self._send_all()
            self.work()
            if not moving.exists():
                break
        assert self._wrong() == []
        assert list(moving.values_list("status", flat=True)) == []

    def _send_all(self) -> None:
        while True:
            self.claim()
            if not self.requests:
                return
            request = self._take(0)
            self._arrive(request, lost=0)
            self._receive_receipt(request, "all")

    def _wrong(self) -> list[str]:
        found = [sentence for check in CHECKS for sentence in check()]
        told = self.received - self.denied
        there = [sentence for check in CHECKS_OF_THE_RECEIVER for sentence in check(told)]
        return [*found, *there]

    def _due(self, rows: QuerySet[Parcel]) -> list[int]:
        return list(rows.filter(due_at__lte=now()).order_by("pk").values_list("pk", flat=True))

    def _take(self, which: int) -> Request:
        return self.requests.pop(which % len(self.requests))

    def _arrive(self, request: Request, lost: int) -> None:
        if request.counts is not None:
            return
        kept = request.instances[: len(request.claimed.files) - lost]
        counts: dict[str, int] = defaultdict(int)
        for series_uid, instance in kept:
            counts[series_uid] += 1
            self.received[instance] += 1
        request.counts = {uid: counts[uid] for uid, _ in request.instances}

    def _receive_receipt(self, request: Request, names: str) -> None:
        if not request.claimed.files:
            return
        assert request.counts is not None
        uids = sorted(request.counts)
        named = uids if names == "all" else uids[1:]
        counts: dict[str, int | None] = {uid: request.counts[uid] for uid in named}
        details = [{"SeriesInstanceUID": uid, COUNT: count} for uid, count in counts.items()]
        text = json.dumps({"message": "Success", "series_instance_uids": named, "detailed_info": details})
        with suppress(LostRace):  # the lease is another's
            accept(request.claimed, Answer(200, text, "Success", counts, tuple(named), False, 0))
