"""A batch to Qure, and Qure's receipt into the ledger.

lease       claim: lease, token and attempt row are committed before the first byte leaves
request     deliver: the request, streamed from staging; the lease is renewed while bytes move
breaker     what an attempt tells of its destination: open, silent, paused
size        how large a request the destination takes, as its answers show
verdict     what the answer, or its absence, means: written with the token in the WHERE clause
copies      what is sent in the place of a file whose bytes are lost
persisting  a verdict that the database does not take at once is written again while the lease holds

A failure waits as a row with a due time; nothing but that last writing sleeps or repeats.
"""

import logging
from collections.abc import Callable
from functools import partial
from typing import Final

from uploads import departures, failpoints
from uploads.failpoints import Point
from uploads.models import Batch, SecretUnreadable
from uploads.pipeline.relay import breaker, persisting
from uploads.pipeline.relay.lease import Claim, LeaseLost, claim
from uploads.pipeline.relay.request import StagedFilesLost, StagingUnavailable, deliver
from uploads.pipeline.relay.verdict import (
    accept,
    drop_empty,
    drop_lost_files,
    expire,
    hold,
    wait_for_staging,
)
from uploads.qure.errors import QureFault

__all__ = ["attempt", "claim", "expire", "send", "send_next"]

logger = logging.getLogger(__name__)
MOST_LOOKS: Final = 10  # at whose turn it is: between look and claim another worker may have been faster


def send(batch_id: int) -> bool:
    """Send a batch if it is due and nobody else does. Answer whether an attempt was made.

    May run twice and may die anywhere: the lease, and the token in every verdict, keep the record true.
    """
    claimed = _claim_or_lock(batch_id)
    if claimed is None:
        return False
    _make(claimed)
    return True


def send_next(stat_only: bool) -> Batch | None:
    """Send the batch whose turn it is. Answer it, or None where there was none."""
    for _ in range(MOST_LOOKS):
        batch_id = departures.next_batch(stat_only)
        claimed = None if batch_id is None else _claim_or_lock(batch_id)
        if claimed is not None:
            _make(claimed)
            return claimed.batch
        if batch_id is None:
            break
    return None


def attempt(claimed: Claim) -> None:
    """Send what was claimed, and write down what came of it."""
    try:
        verdict = _verdict(claimed)
    except LeaseLost:
        logger.warning("batch %s went to another worker", claimed.batch.pk)
    else:
        persisting.write(claimed, verdict)


def _verdict(claimed: Claim) -> Callable[[Claim], None]:
    """Send what was claimed; answer how what came of it is to be written down."""
    try:
        answer = deliver(claimed)
    except StagedFilesLost as e:
        return partial(drop_lost_files, file_ids=e.file_ids)
    except StagingUnavailable:
        logger.warning("batch %s: the staging storage can't be read", claimed.batch.pk, exc_info=True)
        return wait_for_staging
    except QureFault as e:
        return partial(hold, fault=e)
    failpoints.reach(Point.RELAY_ANSWERED)
    return partial(accept, answer=answer)


def _claim_or_lock(batch_id: int) -> Claim | None:
    """Claim the batch. Where its destination's token can't be read, pause that: it must hold up no other."""
    try:
        return claim(batch_id)
    except SecretUnreadable:
        logger.exception("the token for batch %s can't be read", batch_id)
        breaker.lock(batch_id)
        return None


def _make(claimed: Claim) -> None:
    if claimed.files:
        attempt(claimed)
    else:
        persisting.write(claimed, drop_empty)
