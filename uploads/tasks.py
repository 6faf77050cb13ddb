"""Celery's entry points: the only place that says what follows what, and when to try again.

Tasks carry primary keys and are only hints: the database says what is due, and `sweep` finds what a lost
hint left behind. Each task may run twice and may die between any two lines.
"""

import logging
import math
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from celery import current_app, shared_task
from celery.signals import task_postrun, task_prerun
from django.conf import settings
from django.db import transaction
from django.utils.timezone import now
from kombu.exceptions import OperationalError

from uploads import clocks, departures, failpoints, standing_still
from uploads.failpoints import Point
from uploads.models import Batch, Delivery, Destination, File, Job, LostRace, Parcel, Patient, Series, Webhook
from uploads.models.state import MOST_KEYS
from uploads.pipeline import (
    batching,
    calling,
    closing,
    deciding,
    destinations,
    mailing,
    noticing,
    picturing,
    purging,
    relay,
    resending,
    sweeping,
    validation,
)
from uploads.standing_still import Hindrance
from uploads.states import BatchStatus, FileStatus, JobStatus, ParcelStatus

logger: Final = logging.getLogger(__name__)
SAYING_SECONDS: Final = 10.0  # between two times that a worker says which queue it reads
REST_SECONDS: Final = 10.0  # that a silent broker is left alone
# By a task's name: how a job leads to its row, and the queue for a STAT job's.
STAT_QUEUES: Final = {
    "uploads.tasks.check_parcel": ("parcels", "checks_stat"),
    "uploads.tasks.plan_batches": ("pk", "checks_stat"),
    "uploads.tasks.send_batch": ("batches", "relay_stat"),
    "uploads.tasks.close_job": ("pk", "checks_stat"),
}
STAT: Final = frozenset(queue for _, queue in STAT_QUEUES.values())
# What nobody needs while the broker is away, and what would keep the rest waiting.
FOR_WORKERS_ONLY: Final = frozenset({"uploads.tasks.make_picture"})


@dataclass
class Silence:
    """Until when this process does not ask a broker that was silent: a frozen one would hold up each hint."""

    until: float = 0.0  # on the monotonic clock


silence: Final = Silence()
last_said: Final[dict[str, float]] = {}  # when this worker last said that it reads a queue; monotonic clock


class Hint(Protocol):
    """A Celery task, as far as a hint needs it."""

    name: str

    def delay(self, row_id: int, /) -> object:
        """Put the task into its queue."""
        ...

    def apply_async(self, args: tuple[int], *, queue: str) -> object:
        """Put the task into another queue."""
        ...

    def __call__(self, row_id: int, /) -> None:
        """Run the task here."""
        ...


def hint(task: Hint, row_id: int) -> None:
    """Tell the workers, once the transaction is committed, that a row is due.

    A silent broker costs a sweep.
    """
    transaction.on_commit(lambda: publish(task, row_id))


def publish(task: Hint, row_id: int) -> bool:
    """Put a task into its queue now; answer whether the broker took it."""
    if time.monotonic() < silence.until:
        return False
    queue = _stat_queue(task, row_id)
    try:
        if queue is None:
            task.delay(row_id)
        else:
            task.apply_async((row_id,), queue=queue)
    except (OperationalError, OSError):
        silence.until = time.monotonic() + REST_SECONDS
        logger.warning("broker_silent task=%s row=%s", task.name, row_id)
        return False
    return True


def _stat_queue(task: Hint, row_id: int) -> str | None:
    """The queue that goes ahead of everybody's bulk, if the row is a STAT job's."""
    return STAT_QUEUES[task.name][1] if _stat_rows([(task, row_id)]) else None


def waiting_hints(queue: str) -> int | None:
    """How many hints lie in a queue; None where the broker does not say."""
    if time.monotonic() < silence.until:
        return None
    connection: Any  # the types that come with it do not know what it does
    with current_app.connection_for_write() as connection:
        try:
            return int(connection.default_channel.queue_declare(queue, passive=True).message_count)
        except (OperationalError, OSError, *connection.connection_errors):
            silence.until = time.monotonic() + REST_SECONDS
            return None
        except connection.channel_errors:  # a queue that is empty does not exist
            return 0


def queues_of(work: Sequence[tuple[Hint, int]]) -> list[str]:
    """The queue that each row's hint lies in."""
    stat = _stat_rows(work)
    return [
        STAT_QUEUES[task.name][1] if (task.name, row_id) in stat else _own_queue(task)
        for task, row_id in work
    ]


def _stat_rows(work: Sequence[tuple[Hint, int]]) -> set[tuple[str, int]]:
    found: set[tuple[str, int]] = set()
    for name, (path, _) in STAT_QUEUES.items():
        rows = [row_id for task, row_id in work if task.name == name]
        for start in range(0, len(rows), MOST_KEYS):
            jobs = Job.objects.filter(is_stat=True, **{f"{path}__in": rows[start : start + MOST_KEYS]})
            found |= {(name, row_id) for row_id in jobs.values_list(path, flat=True)}
    return found


def _own_queue(task: Hint) -> str:
    route = settings.CELERY_TASK_ROUTES.get(task.name, {})
    return route.get("queue", settings.CELERY_TASK_DEFAULT_QUEUE)


@task_prerun.connect
@task_postrun.connect
def say_which_queue_is_read(task: Any, **_: Any) -> None:  # Any: whatever Celery sends along
    """A worker has taken a hint, or is done with one. What is run here and now comes from no queue."""
    came = task.request.delivery_info or {}
    queue = came.get("routing_key")
    if not queue or came.get("is_eager"):
        return
    moment = time.monotonic()
    if moment - last_said.get(queue, -math.inf) >= SAYING_SECONDS:
        last_said[queue] = moment
        standing_still.took(queue, clocks.database_time())


@shared_task
def check_parcel(parcel_id: int) -> None:
    """Check the files that came with a parcel; then see what can be sent."""
    parcel = Parcel.objects.filter(pk=parcel_id, status=ParcelStatus.STORED, due_at__lte=now()).first()
    if parcel is None:
        return
    try:
        validation.check(parcel)
    except LostRace:  # another worker has the parcel
        return
    hint(plan_batches, parcel.job_id)


@shared_task
def plan_batches(job_id: int) -> None:
    """Put valid files into batches, and send those that are full."""
    for batch_id in batching.plan(job_id):
        hint(send_batch, batch_id)
    hint(close_job, job_id)


@shared_task
def send_batch(batch_id: int) -> None:
    """Send a batch to Qure: this one, or the one whose turn it is before; what was halved is sent next.

    A hint for a STAT batch is for STAT batches only: the room that is kept for them is never taken by bulk.
    """
    is_stat = Batch.objects.values_list("job__is_stat", flat=True).get(pk=batch_id)
    try:
        batch = relay.send_next(stat_only=is_stat)
    except LostRace:  # the lease ran out and another worker has the batch
        return
    if batch is None:
        return
    halves = Batch.objects.filter(job_id=batch.job_id, status=BatchStatus.READY, token=0, pk__gt=batch.pk)
    following = [*halves.values_list("pk", flat=True), *departures.let_out(batch.job.team.destination_id)]
    for following_id in dict.fromkeys(following):
        hint(send_batch, following_id)
    hint(close_job, batch.job_id)


@shared_task
def close_job(job_id: int) -> None:
    """Say the job's last word, when there is one; before it, batch what an ended upload left."""
    with transaction.atomic():  # the last word, who is told of it, and what is due after it: all, or nothing
        closing.close(job_id)
        noticing.tell(job_id)
        pictures = picturing.ask_for(job_id)
        failpoints.reach(Point.CLOSE_WRITING)
    failpoints.reach(Point.CLOSE_WRITTEN)
    for series_id in pictures:
        hint(make_picture, series_id)
    rest = File.objects.filter(job_id=job_id, status=FileStatus.VALID, batch=None)
    if rest.filter(job__status=JobStatus.PROCESSING).exists():
        hint(plan_batches, job_id)


@shared_task
def make_picture(series_id: int) -> None:
    """Make the small picture of a series."""
    picturing.make(series_id)


@shared_task
def tell_administrators(destination_id: int) -> None:
    """Tell the administrators that a destination needs them."""
    noticing.raise_alarm(destination_id)


@shared_task
def mail_notice(notice_id: int) -> None:
    """Send a notice by mail."""
    mailing.send(notice_id)


@shared_task
def call_webhook(delivery_id: int) -> None:
    """Deliver an event to a team's webhook."""
    calling.call(delivery_id)


def test_webhook(webhook: Webhook) -> Delivery:
    """Call a webhook to see whether it answers."""
    delivery = calling.test(webhook)
    hint(call_webhook, delivery.pk)
    return delivery


def confirm_patients(job_id: int, match_keys: Iterable[str], by: str) -> None:
    """Let these patients' files be sent."""
    deciding.confirm(job_id, match_keys, by)
    hint(plan_batches, job_id)


def decide_patient(patient: Patient, send: bool, by: str) -> bool:
    """Send what is held back of a patient, or never send it."""
    is_decided = deciding.decide(patient, send, by)
    hint(plan_batches, patient.job_id)
    return is_decided


def decide_conflicts(job_id: int, send: bool, by: str) -> int:
    """Send what is held back because of its image number, or never send it."""
    count = deciding.decide_conflicts(job_id, send, by)
    hint(plan_batches, job_id)
    return count


def resume_destination(destination: Destination, by: str) -> None:
    """Let a destination go on and send what was held."""
    try:
        due = destinations.resume(destination, by)
    except LostRace:  # somebody else resumed it, or it has just been paused again
        return
    for batch_id in due:
        hint(send_batch, batch_id)


def resend_series(series: Series, by: str) -> bool:
    """Send a short series again."""
    is_due = resending.resend(series, by)
    hint(plan_batches, series.job_id)
    return is_due


def retry_job(job_id: int, by: str) -> bool:
    """Try what waits for a person again."""
    is_due = resending.retry(job_id, by)
    for batch_id in Batch.objects.filter(job=job_id, status=BatchStatus.READY).values_list("pk", flat=True):
        hint(send_batch, batch_id)
    hint(plan_batches, job_id)
    return is_due


def recover() -> None:
    """Take back what dead workers held, stop waiting for what never came, remove what nobody needs.

    All that is a question of time: whose clock is wrong leaves it to others.
    """
    if _is_clock_wrong():
        return
    sweeping.mend_times()
    for parcel in sweeping.expired_parcels():
        with suppress(LostRace):
            validation.expire(parcel, sweeping.BY)
    for batch in sweeping.expired_batches():
        with suppress(LostRace):
            relay.expire(batch, sweeping.BY)
    for job_id in sweeping.abandoned_jobs():
        closing.abandon(job_id, sweeping.BY)
    for parcel in purging.purgeable():
        with suppress(LostRace):
            purging.purge(parcel)
    for job in purging.uncleared():
        purging.clear_folder(job)
    purging.forget_what_was_told()


def _is_clock_wrong() -> bool:
    """Compare this process's clock with the one that all share; an administrator is told what to mend."""
    skew = clocks.skew()
    if abs(skew) <= clocks.MOST_APART:
        return False
    logger.error("clock_wrong seconds_ahead=%d", skew.total_seconds())
    standing_still.note(Hindrance.CLOCK, skew)
    return True


def idle_since(moment: datetime) -> frozenset[str]:
    """Names of the tasks with which no worker has got on since then, and that none is at."""
    idle = sweeping.idle_steps(moment)
    return frozenset(f"uploads.tasks.{step}" for step in idle)


def is_unread(task: Hint, queue: str, seconds: float) -> bool:
    """Whether for so long no worker has taken a hint for the task out of the queue, and none is at one."""
    taken = standing_still.last_taken(queue)
    if taken is not None and taken >= clocks.database_time() - timedelta(seconds=seconds):
        return False
    return not sweeping.is_held(task.name.rpartition(".")[2], queue in STAT)


def due_work() -> list[tuple[Hint, int]]:
    """Everything that could be done now, in the order in which it helps."""
    due = sweeping.due()
    return [
        *((check_parcel, row_id) for row_id in due.parcels),
        *((plan_batches, row_id) for row_id in due.plans),
        *((send_batch, row_id) for row_id in due.batches),
        *((close_job, row_id) for row_id in (*due.closings, *noticing.untold_jobs())),
        *((tell_administrators, row_id) for row_id in noticing.untold_destinations()),
        *((mail_notice, row_id) for row_id in mailing.due()),
        *((call_webhook, row_id) for row_id in calling.due()),
        *((make_picture, row_id) for row_id in picturing.due()),
    ]
