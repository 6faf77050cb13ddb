"""Each file gets one outcome, with a reason a clinician understands.

inspecting   staged bytes -> what was found in each file
verdicts     what was found -> what becomes of the file

A parcel is checked under a lease, and whatever goes wrong comes to an end:

a worker was lost over it, three times   -> the file that was in hand is named; the others are checked
checker or storage out of order          -> tried again after growing waits, then its files are named
its object is gone or shorter            -> its files are named
"""

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction

from uploads import clocks, failpoints
from uploads.dicom.reader import ReaderBroken
from uploads.failpoints import Point
from uploads.models import LostRace, Parcel, due_after, take_turn
from uploads.pipeline.validation.inspecting import Checked, inspect
from uploads.pipeline.validation.verdicts import BY, name_first, name_lost, name_unchecked, write_verdicts
from uploads.staged import StagedBytesGone
from uploads.states import ParcelStatus
from uploads.storage import STORAGE_TROUBLE

__all__ = ["check", "expire"]

FILES_AT_ONCE: Final = 25  # at the checker's limit for each they take less than half a lease
RENEWALS_A_LEASE: Final = 4
MOST_STRIKES: Final = 3
FIRST_WAIT: Final = 10  # seconds
MOST_FAILURES: Final = 20  # with growing waits about two and a half hours

logger: Final = logging.getLogger(__name__)


def check(parcel: Parcel) -> None:
    """Check the files that are complete with this parcel.

    May run twice and may die anywhere: a file's verdict is written once, in the job's turn. Raises
    ``LostRace`` where another worker has the parcel.
    """
    parcel.advance(ParcelStatus.CHECKING, BY, lease_until=_lease_end())
    failpoints.reach(Point.CHECK_CLAIMED)
    try:
        rest = _check_files(parcel)
    except StagedBytesGone:
        _end(parcel, name_lost)
    except (ReaderBroken, *STORAGE_TROUBLE):
        logger.warning("parcel %s can't be checked now", parcel.pk, exc_info=True)
        _wait(parcel)
    else:
        failpoints.reach(Point.CHECK_INSPECTED)
        _end(parcel, lambda parcel: write_verdicts(parcel, rest))


def expire(parcel: Parcel, by: str) -> None:
    """Take a parcel from a worker that is gone. When three were lost over it, one file is to blame."""
    with transaction.atomic():
        take_turn(parcel.job_id)
        moment = clocks.database_time()
        expired = Parcel.objects.filter(pk=parcel.pk, status=ParcelStatus.CHECKING, lease_until__lt=moment)
        held = expired.first()
        if held is None:
            return
        strikes = held.strikes + 1
        if strikes == MOST_STRIKES:
            name_first(held)
            strikes = 0
        held.advance(ParcelStatus.STORED, by, lease_until=None, strikes=strikes)
    failpoints.reach(Point.CHECK_TAKEN_BACK)


def _check_files(parcel: Parcel) -> list[Checked]:
    """Inspect the files; answer those whose verdict is yet to be written.

    After trouble they are taken one by one and each verdict is written at once, so that what is left over
    begins with the file that makes the trouble.
    """
    is_troubled = bool(parcel.strikes or parcel.failures)
    interval = settings.CHECK_LEASE_SECONDS / RENEWALS_A_LEASE
    renewed_at = time.monotonic()
    rest: list[Checked] = []
    for found in inspect(parcel, 1 if is_troubled else FILES_AT_ONCE):
        rest += found
        if is_troubled or time.monotonic() - renewed_at > interval:
            _keep(parcel, rest)
            renewed_at = time.monotonic()
            rest = []
    return rest


def _keep(parcel: Parcel, checked: list[Checked]) -> None:
    """Write verdicts and keep the parcel. Raises ``LostRace`` when it is not ours any more."""
    until = _lease_end()
    with transaction.atomic():
        take_turn(parcel.job_id)
        mine = Parcel.objects.filter(parcel.fence(), pk=parcel.pk, status=ParcelStatus.CHECKING)
        if mine.update(lease_until=until) != 1:
            raise LostRace(f"Parcel {parcel.pk} went to another worker")
        write_verdicts(parcel, checked)
    parcel.lease_until = until


def _end(parcel: Parcel, write: Callable[[Parcel], None]) -> None:
    with transaction.atomic():
        take_turn(parcel.job_id)
        write(parcel)
        parcel.advance(ParcelStatus.CHECKED, BY, lease_until=None)
        failpoints.reach(Point.CHECK_WRITING)
    failpoints.reach(Point.CHECK_WRITTEN)


def _wait(parcel: Parcel) -> None:
    """Give the parcel back until later; name its files when that has been done too often."""
    failures = parcel.failures + 1
    if failures == MOST_FAILURES:
        _end(parcel, name_unchecked)
        return
    due = due_after(parcel.failures, FIRST_WAIT)
    parcel.advance(ParcelStatus.STORED, BY, lease_until=None, failures=failures, due_at=due)


def _lease_end() -> datetime:
    return clocks.database_time() + timedelta(seconds=settings.CHECK_LEASE_SECONDS)
