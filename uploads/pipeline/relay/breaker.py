"""What an attempt tells of its destination: the circuit breaker.

open    -> silent   Qure was not reached, asked us to wait, or left several attempts unanswered in a row
silent  -> open     the probe was answered, whatever the answer
open, silent -> paused   Qure does not accept the token, or the address is wrong: an administrator must act
paused  -> open     the probe has a receipt: Qure has mended what was wrong; or an administrator has acted

While a destination is not open, one batch at a time is its probe (``Attempt.is_probe``), after growing waits
that are the destination's and nobody else's. When it is open again it takes two requests at once, and one
more after each receipt. Call these within the transaction that writes the verdict.
"""

from contextlib import suppress
from datetime import datetime
from typing import Final

from django.conf import settings
from django.utils.timezone import now

from uploads.models import Destination, LostRace, SecretUnreadable, due_after, without_token
from uploads.models.waiting import LONGEST_PAUSE
from uploads.pipeline.relay.lease import BY, Claim
from uploads.pipeline.relay.request import account_of
from uploads.states import DestinationStatus

SILENT_AFTER: Final = 3  # attempts in a row without an answer
LONGEST_SILENT_WAIT: Final = 120  # seconds between two probes
FIRST_ROOM: Final = 2  # requests at once after the first one that was answered
FULL_ROOM: Final = 16  # from then on nothing is held back
UNREADABLE_ALARM: Final = (
    "The stored token can't be decrypted with FIELD_KEYS. Nothing is lost: uploads are kept and go out when "
    "the token is entered again or the key is back."
)


def receipted(claimed: Claim, alarm: str) -> None:
    """Qure has given a receipt, with or without something that an administrator should know."""
    destination = _as_it_is(claimed)
    if destination.status == DestinationStatus.OPEN:
        room = destination.room and destination.room + 1
        calm = {"failing_since": None, "failures": 0, "alarm": alarm}
        _update(destination, room=room if room and room < FULL_ROOM else None, **calm)
    elif claimed.attempt.is_probe:
        _open(destination, alarm)


def answered(claimed: Claim) -> None:
    """Qure has answered, but not with a receipt: it is there, though a wrong token may still be wrong."""
    destination = _as_it_is(claimed)
    if destination.status == DestinationStatus.OPEN:
        _update(destination, failing_since=None, failures=0)
    elif claimed.attempt.is_probe and destination.status == DestinationStatus.SILENT:
        _open(destination, destination.alarm)
    elif claimed.attempt.is_probe:
        _try_later(destination)


def unanswered(claimed: Claim, is_certain: bool, asked: datetime | None = None) -> datetime | None:
    """Qure has not answered, or asked us to wait. Answer when a silent destination is tried next.

    None: it is open, since one attempt without an answer may have been the batch's own fault. ``is_certain``:
    it can't have been.
    """
    destination = _as_it_is(claimed)
    if destination.status == DestinationStatus.OPEN:
        return _note_silence(destination, claimed.attempt.started_at, is_certain, asked)
    if claimed.attempt.is_probe:
        return _try_later(destination, asked)
    if asked and destination.not_before and destination.not_before < asked:
        _update(destination, not_before=asked)
        return asked
    return destination.not_before or now()


def refused(claimed: Claim, alarm: str) -> None:
    """Qure takes nothing from this account until somebody has acted."""
    destination = _as_it_is(claimed)
    if destination.status == DestinationStatus.PAUSED:
        if claimed.attempt.is_probe:
            _try_later(destination)
        return
    if _is_unchanged(destination, claimed):
        _pause(destination, alarm)


def lock(batch_id: int) -> None:
    """Send nothing more to the batch's destination, whose token can't be read."""
    rows = without_token(Destination.objects.filter(teams__jobs__batches=batch_id))
    destination = rows.distinct().get()
    if destination.status == DestinationStatus.PAUSED:
        _try_later(destination)
    else:
        _pause(destination, UNREADABLE_ALARM)


def _pause(destination: Destination, alarm: str) -> None:
    with suppress(LostRace):  # the verdict of another batch was first, and said the same
        destination.advance(
            DestinationStatus.PAUSED,
            BY,
            alarm=alarm,
            failing_since=None,
            failures=1,
            room=None,
            not_before=due_after(0, settings.RELAY_PAUSE_SECONDS, LONGEST_PAUSE),
        )


def _as_it_is(claimed: Claim) -> Destination:
    return without_token(Destination.objects.all()).get(pk=claimed.destination.pk)


def _is_unchanged(destination: Destination, claimed: Claim) -> bool:
    """Whether the account is as the attempt had it. A token that can't be read is another one."""
    try:
        return account_of(destination) == account_of(claimed.destination)
    except SecretUnreadable:
        return False


def _note_silence(
    destination: Destination, began_at: datetime, is_certain: bool, asked: datetime | None
) -> datetime | None:
    failures = destination.failures + 1
    since = {"failures": failures, "failing_since": destination.failing_since or began_at}
    if not is_certain and failures < SILENT_AFTER:
        _update(destination, **since)
        return None
    until = _silent_until(destination.failures, asked)
    with suppress(LostRace):  # another attempt was first, and said the same
        destination.advance(DestinationStatus.SILENT, BY, not_before=until, room=None, **since)
    return until


def _try_later(destination: Destination, asked: datetime | None = None) -> datetime:
    if destination.status == DestinationStatus.PAUSED:
        usual = due_after(destination.failures, settings.RELAY_PAUSE_SECONDS, LONGEST_PAUSE)
        until = max(usual, asked) if asked else usual
    else:
        until = _silent_until(destination.failures, asked)
    _update(destination, failures=destination.failures + 1, not_before=until)
    return until


def _silent_until(failures: int, asked: datetime | None) -> datetime:
    until = due_after(failures, settings.RELAY_FIRST_WAIT_SECONDS, LONGEST_SILENT_WAIT)
    return max(until, asked) if asked else until


def _open(destination: Destination, alarm: str) -> None:
    calm = {"failing_since": None, "failures": 0, "not_before": None}
    with suppress(LostRace):  # an administrator was first
        destination.advance(DestinationStatus.OPEN, BY, alarm=alarm, room=FIRST_ROOM, **calm)


def _update(destination: Destination, **facts: object) -> None:
    Destination.objects.filter(pk=destination.pk, status=destination.status).update(**facts)
