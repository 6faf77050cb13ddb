"""What the database does not take at once is written again for as long as the lease holds.

A receipt that was read is nowhere but here: whoever lets go of it has everything sent twice. Not the rule
for a step, which leaves a row with a due time; this is what could not be written into a row.
"""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.db.models import Model
from django.utils.timezone import now

from uploads.models import LostRace
from uploads.pipeline.relay.lease import Claim

FIRST_WAIT: Final = 0.2  # seconds; each is twice as long as the one before
LONGEST_WAIT: Final = 10.0  # seconds
DATABASE_TROUBLE: Final = (OperationalError, InterfaceError)

logger: Final = logging.getLogger(__name__)


def write(claimed: Claim, verdict: Callable[[Claim], None]) -> None:
    """Write a verdict. Where the database fails as long as the lease holds, raise what it raised last."""
    rows = [(row, vars(row).copy()) for row in (claimed.batch, claimed.attempt)]
    end, wait = time.monotonic() + _seconds_left(claimed), FIRST_WAIT
    try:
        verdict(claimed)
    except DATABASE_TROUBLE:
        while not _is_written_after(wait, claimed, verdict, rows):
            wait = min(2 * wait, LONGEST_WAIT)
            if time.monotonic() + wait > end:
                raise


def _is_written_after(
    wait: float,
    claimed: Claim,
    verdict: Callable[[Claim], None],
    rows: Sequence[tuple[Model, dict[str, Any]]],  # Any: column values
) -> bool:
    """Try once more after a wait; answer whether there is nothing left to be written."""
    logger.warning("batch %s: the database takes no verdict now", claimed.batch.pk)
    connection.close_if_unusable_or_obsolete()
    time.sleep(wait)
    for row, values in rows:
        vars(row).update(values)  # what the try that failed has set in it is not so
    with suppress(LostRace):  # a try was carried out whose answer was lost, or another worker has the batch
        try:
            verdict(claimed)
        except DATABASE_TROUBLE:
            return False
    return True


def _seconds_left(claimed: Claim) -> float:
    """Until the lease ends, by a clock that may have been set since it was taken."""
    moment = now()
    left = (claimed.batch.lease_until or moment) - moment
    longest: int = settings.RELAY_LEASE_SECONDS + settings.RELAY_ANSWER_SECONDS
    return min(left.total_seconds(), longest)
