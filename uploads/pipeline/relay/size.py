"""How large a request a destination takes: what its answers show.

Qure says 100 MB; a proxy before it may take less. A 413 is evidence, but not of itself: Qure may give it for
one file. So it counts only where nothing as large was taken lately, and a receipt for more outweighs it.
Call these within the transaction that writes the verdict.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from django.db.models import Q
from django.utils.timezone import now

from uploads.batches import body_bytes
from uploads.models import Attempt, Destination, File
from uploads.pipeline.relay.lease import Claim
from uploads.states import Outcome

LATELY: Final = timedelta(days=1)


def refused(claimed: Claim, halves: Sequence[Sequence[File]]) -> None:
    """A request was too large: from now on none is larger than what is tried in its place."""
    taken = Attempt.objects.filter(
        destination=claimed.destination,
        outcome=Outcome.ACCEPTED,
        body_bytes__gte=claimed.attempt.body_bytes,
        ended_at__gt=now() - LATELY,
    )
    if taken.exists():
        return
    limit = max(body_bytes(half) for half in halves)
    _write(claimed, Q(body_limit=None) | Q(body_limit__gt=limit), limit)


def accepted(claimed: Claim) -> None:
    """A request was taken: the limit can't be lower."""
    size = claimed.attempt.body_bytes
    _write(claimed, Q(body_limit__lt=size), size)


def _write(claimed: Claim, condition: Q, limit: int) -> None:
    """Of the account that was asked, and not where an administrator has entered another address since."""
    account = Destination.objects.filter(pk=claimed.destination.pk, base_url=claimed.destination.base_url)
    account.filter(condition).update(body_limit=limit)
