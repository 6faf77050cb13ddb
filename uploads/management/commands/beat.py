"""``manage.py beat``: asks the database what is due, and sees that it is done."""

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterable, Sequence, Set
from datetime import timedelta
from itertools import zip_longest
from typing import Any, Final, NamedTuple

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import Error, close_old_connections
from django.utils.timezone import now

from portal.pulse import show_life
from uploads import standing_still, tasks
from uploads.standing_still import Hindrance

logger: Final = logging.getLogger(__name__)
PATIENCE: Final = 2  # sweeps that a hint may lie in a queue before it is given again, for the first time
LONGEST_PATIENCE: Final = 3600.0  # seconds
LOST_AFTER: Final = 60.0  # seconds: what a broker costs that was flushed
STEPS: Final = 4  # of a job, one after the other: a check, a plan, a request, the last word
# Times WORKERS_SILENT_SECONDS: until then moves of other rows count as a sign that workers get on.
MOST_SILENCES: Final = 4


class Row(NamedTuple):
    """A row that is due, the task for it, and the queue of its hint."""

    task: tasks.Hint
    row_id: int
    queue: str


class Given(NamedTuple):
    """When a hint was given first, when it may be given again, after which wait in seconds, how often."""

    first: float
    again: float
    wait: float
    times: int


class Hints:
    """Which hints lie in the queues. A hint is given again after growing waits: a night without workers
    must not fill the broker.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._given: dict[tuple[str, int], Given] = {}

    def may_be_given(self, task: str, row_id: int) -> bool:
        """Nobody was told lately."""
        given = self._given.get((task, row_id))
        return given is None or self._clock() >= given.again

    def note(self, task: str, row_id: int) -> None:
        """Somebody has just been told."""
        moment = self._clock()
        before = self._given.get((task, row_id))
        wait = min(LONGEST_PATIENCE, before.wait * 2) if before else PATIENCE * settings.SWEEP_SECONDS
        first, times = (before.first, before.times) if before else (moment, 0)
        self._given[task, row_id] = Given(first, moment + wait, wait, times + 1)

    def may_be_lost(self, task: str, row_id: int) -> bool:
        """So long ago was the hint given last that it should have been taken, if it lies no more."""
        given = self._given.get((task, row_id))
        return given is not None and self._clock() - (given.again - given.wait) >= LOST_AFTER

    def let_again(self, task: str, row_id: int) -> None:
        """The hint is lost: it may be given again at once."""
        given = self._given[task, row_id]
        self._given[task, row_id] = given._replace(again=self._clock(), times=0)

    def times(self, task: str, row_id: int) -> int:
        """How many hints at the row may lie in its queue."""
        given = self._given.get((task, row_id))
        return given.times if given else 0

    def lie_for(self, task: str, row_id: int) -> float:
        """Seconds since the hint was given first; the work is still to be done."""
        given = self._given.get((task, row_id))
        return self._clock() - given.first if given else 0.0

    def forget_all_but(self, due: Set[tuple[str, int]]) -> None:
        """What is done is forgotten."""
        self._given = {key: given for key, given in self._given.items() if key in due}


class Command(BaseCommand):
    """Sweep until told to stop. Any number may run: every step is safe to run twice."""

    help = "Find work that is due and hand it to the workers; do it here where nobody takes it."

    def add_arguments(self, parser: CommandParser) -> None:
        """Offer a single sweep, for cron and for tests."""
        parser.add_argument("--once", action="store_true", help="sweep once and end")

    def handle(self, *args: Any, **options: Any) -> None:  # Any: Django's signature
        """Sweep every SWEEP_SECONDS."""
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: stop.set())
        hints = Hints()
        while not stop.is_set():
            has_more = False
            try:
                has_more = sweep(hints)
                show_life()
            except Error:  # the database is locked or away: the next sweep finds what this one did not
                if options["once"]:
                    raise
                logger.exception("sweep_failed")
            if not has_more and (options["once"] or stop.wait(settings.SWEEP_SECONDS)):
                return


def sweep(hints: Hints) -> bool:
    """Take back what dead workers held, then hint at all that is due, or do it where hints don't arrive.

    What is done here takes about SWEEP_SECONDS. True where there was no time for all of it: sweep again at
    once, since meanwhile something more urgent may have come in.
    """
    close_old_connections()
    try:
        tasks.recover()
    except Error:
        raise
    except Exception:
        logger.exception("recovery_failed")  # what is due must not wait for what can't be taken back
    end = time.monotonic() + settings.SWEEP_SECONDS
    here, is_cut_short = _hand_out(hints), False
    for _ in range(STEPS):
        stat = [row for row in here if row.queue in tasks.STAT]
        if not stat:
            break
        is_cut_short = _do_until(end, [[row] for row in stat])
        here = _hand_out(hints)
    rest = _rounds(row for row in here if row.queue not in tasks.STAT)
    return _do_until(end, rest) or is_cut_short


def _hand_out(hints: Hints) -> list[Row]:
    """Hint at all that is due; answer what is to be done here."""
    rows = _due_rows()
    hints.forget_all_but({(row.task.name, row.row_id) for row in rows})
    left = _left_lying(rows, hints)
    for row in _lost(rows, hints):
        hints.let_again(row.task.name, row.row_id)
    found = {row: _see_to(row, hints, left) for row in rows}
    for hindrance in Hindrance:
        if hindrance in found.values():
            standing_still.note(hindrance)
    return [row for row in rows if found[row] and row.task.name not in tasks.FOR_WORKERS_ONLY]


def _rounds(rows: Iterable[Row]) -> list[list[Row]]:
    """Of each task one row a round, so that no kind of work keeps the others waiting."""
    by_task: dict[str, list[Row]] = {}
    for row in rows:
        by_task.setdefault(row.task.name, []).append(row)
    return [[row for row in of_each if row] for of_each in zip_longest(*by_task.values())]


def _do_until(end: float, rounds: Sequence[Sequence[Row]]) -> bool:
    """Do one round at least, and no other after the end; answer whether some are left."""
    for count, rows in enumerate(rounds):
        if count and time.monotonic() >= end:
            return True
        for row in rows:
            do_here(row.task, row.row_id)
    return False


def _due_rows() -> list[Row]:
    work = tasks.due_work()
    return [Row(*due, queue) for due, queue in zip(work, tasks.queues_of(work), strict=True)]


def _left_lying(rows: Iterable[Row], hints: Hints) -> set[Row]:
    """Rows that no worker will take: nobody gets on with their task, or nobody reads their queue."""
    least = settings.WORKERS_SILENT_SECONDS
    lying = [row for row in rows if hints.lie_for(row.task.name, row.row_id) >= least]
    if not lying:
        return set()
    idle = tasks.idle_since(now() - timedelta(seconds=least))
    longest = MOST_SILENCES * least
    long_lying = [row for row in lying if hints.lie_for(row.task.name, row.row_id) >= longest]
    queues = {(row.task.name, row.queue): row.task for row in long_lying}
    unread = {key for key, task in queues.items() if tasks.is_unread(task, key[1], longest)}
    return {row for row in lying if row.task.name in idle} | {
        row for row in long_lying if (row.task.name, row.queue) in unread
    }


def _lost(rows: Sequence[Row], hints: Hints) -> list[Row]:
    """Rows whose hints may lie nowhere any more: their queue holds fewer than were given."""
    silent = [row for row in rows if hints.may_be_lost(row.task.name, row.row_id)]
    lost: list[Row] = []
    for queue in {row.queue for row in silent}:
        held = tasks.waiting_hints(queue)
        given = sum(hints.times(row.task.name, row.row_id) for row in rows if row.queue == queue)
        if held is not None and held < given:
            lost += [row for row in silent if row.queue == queue]
    return lost


def _see_to(row: Row, hints: Hints, left: Set[Row]) -> Hindrance | None:
    """Hint at a row; answer what keeps the workers from it."""
    hindrance = Hindrance.WORKERS if row in left else None
    if hindrance and row.task.name not in tasks.FOR_WORKERS_ONLY:
        logger.warning("workers_silent task=%s row=%s", row.task.name, row.row_id)
        return hindrance
    if not hints.may_be_given(row.task.name, row.row_id):
        return hindrance
    if tasks.publish(row.task, row.row_id):
        hints.note(row.task.name, row.row_id)
        return hindrance
    return Hindrance.BROKER


def do_here(task: tasks.Hint, row_id: int) -> None:
    """Run the task in this process. One row that fails must not keep the others waiting."""
    try:
        task(row_id)
    except Exception:
        logger.exception("sweep_failed task=%s row=%s", task.name, row_id)
