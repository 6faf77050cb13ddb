"""What an answer, or its absence, means for the batch: each row of the table below is one function.

answer names every series                     -> accepted, or short where a count is lower than what was sent
answer does not name every series             -> tried again, then a person
400 "nothing usable"                          -> halved, until the bad file stands alone and is named
413                                           -> the same, and the destination's later requests are smaller
401, 403, 3xx, 404, certificate               -> the destination pauses; nothing is counted against the batch,
                                                 unless others were taken since it was answered so before
429, 503, not reached                         -> the destination is silent, as long as Qure asks or it takes
no usable answer                              -> tried again after growing, jittered waits, then a person;
                                                 after several in a row the destination is silent instead
the sender was lost                           -> tried again, the first time at once, then a person
staged bytes gone or changed                  -> a copy of the file is sent instead; where there is none the
                                                 file is named, and the others go without it
storage not to be read                        -> tried again after growing waits, then a person
"""

from collections import Counter
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils.timezone import now

from uploads import clocks, failpoints
from uploads.batches import body_bytes, make_batch
from uploads.failpoints import Point
from uploads.ledger import reconcile
from uploads.models import (
    Attempt,
    Batch,
    File,
    LostRace,
    ReceiptLine,
    Series,
    advance_all,
    due_after,
    take_turn,
)
from uploads.pipeline.relay import breaker, size
from uploads.pipeline.relay.copies import let_copies_stand_in
from uploads.pipeline.relay.lease import BY, Claim
from uploads.qure.answers import Answer
from uploads.qure.errors import (
    QureFault,
    QureMisconfigured,
    QureNotReached,
    QureRefused,
    QureThrottled,
    QureTooLarge,
    QureUnauthorized,
)
from uploads.reasons import Reason
from uploads.states import PAUSING, BatchStatus, FileStatus, Outcome

MOST_UNKNOWN: Final = 20  # attempts in a row without a usable answer, then a person looks
# An outage makes the waits grow, but a night without Qure must not use up the attempts.
MOST_COUNTED_OF_OUTAGE: Final = 7
UNAUTHORIZED_ALARM: Final = (
    "Qure does not accept the token. Nothing is lost: uploads are kept and go out when the token is changed."
)
LICENSE_ALARM: Final = "Qure says that the license has expired. Ask Qure to renew it."


def accept(claimed: Claim, answer: Answer) -> None:
    """Believe the answer as far as it goes."""
    keys = {file.series_id for file in claimed.files if file.series_id}
    series = list(Series.objects.filter(pk__in=keys))
    times = Counter(row.series_uid for row in series)
    if set(times) - set(answer.series_uids):
        _write(claimed, Outcome.MISMATCH, answer.status, answer.text, _try_again)
        return
    with transaction.atomic():
        take_turn(claimed.batch.job_id)
        rows = File.objects.filter(batch=claimed.batch)
        advance_all(rows, (FileStatus.VALID, FileStatus.SENT), BY, claimed.batch.job_id)
        for row in series:
            lines = ReceiptLine.objects.filter(attempt=claimed.attempt, series=row)
            # one count for the series of two studies, in a request of an earlier release, is neither's
            is_its_own = times[row.series_uid] == 1
            lines.update(reported=answer.counts.get(row.series_uid) if is_its_own else None)
        claimed.attempt.advance(
            Outcome.ACCEPTED, BY, ended_at=now(), http_status=answer.status, receipt=answer.text
        )
        proofs = [reconcile(row, BY) for row in series]
        to = BatchStatus.ACCEPTED if all(proofs) else BatchStatus.SHORT
        claimed.batch.advance(to, BY, lease_until=None, failures=0)
        _heal(claimed.batch)
        size.accepted(claimed)
        breaker.receipted(claimed, LICENSE_ALARM if answer.license_expired else "")
        failpoints.reach(Point.RELAY_ACCEPTING)
    failpoints.reach(Point.RELAY_ACCEPTED)


def hold(claimed: Claim, fault: QureFault) -> None:
    """Decide what a failed attempt means, and when the next one is due."""
    outcome, decide = _ruling(fault)
    _write(claimed, outcome, fault.status, fault.text, decide(fault), str(fault))


def drop_lost_files(claimed: Claim, file_ids: Collection[int]) -> None:
    """Name the files whose staged bytes are gone, unless a copy is here; let the others go without them."""

    def decide(claimed: Claim) -> None:
        batch = claimed.batch
        pair = (FileStatus.VALID, FileStatus.MISSING)
        let_copies_stand_in(file_ids)
        lost = File.objects.filter(pk__in=file_ids)
        advance_all(lost, pair, BY, batch.job_id, reason=Reason.STAGED_BYTES_LOST, batch=None)
        others = [file for file in claimed.files if file.pk not in file_ids]
        if others:
            batch.advance(
                BatchStatus.READY, BY, lease_until=None, next_attempt_at=now(), body_bytes=body_bytes(others)
            )
        else:
            batch.advance(BatchStatus.REPLACED, BY, lease_until=None)

    _write(claimed, Outcome.BYTES_LOST, None, "", decide)


def expire(batch: Batch, by: str) -> None:
    """Take a batch from a worker that is gone: nobody knows what its attempt did."""
    with transaction.atomic():
        take_turn(batch.job_id)
        moment = clocks.database_time()
        expired = Batch.objects.filter(pk=batch.pk, status=BatchStatus.SENDING, lease_until__lt=moment)
        held = expired.first()
        if held is None:
            return
        for attempt in held.attempts.filter(outcome=Outcome.STARTED):
            attempt.advance(
                Outcome.UNKNOWN, by, ended_at=now(), detail="The sender stopped before an answer."
            )
        _wait_or_stick(held, _due_after(held.failures) if held.failures else now(), by)
    failpoints.reach(Point.RELAY_TAKEN_BACK)


def drop_empty(claimed: Claim) -> None:
    """End a batch that has no file left: somebody took the last one out before it was its turn."""
    _write(
        claimed,
        Outcome.ABANDONED,
        None,
        "",
        lambda claimed: claimed.batch.advance(BatchStatus.REPLACED, BY, lease_until=None),
        "No file was left to send.",
    )


def wait_for_staging(claimed: Claim) -> None:
    """The storage could not be read. Qure has not had the whole request, and is not to blame."""

    def decide(claimed: Claim) -> None:
        _wait_or_stick(claimed.batch, _due_after(claimed.batch.failures))

    _write(claimed, Outcome.ABANDONED, None, "", decide, "The staged files could not be read.")


Decision = Callable[[Claim], None]


def _ruling(fault: QureFault) -> tuple[Outcome, Callable[[QureFault], Decision]]:
    rulings: list[tuple[type[QureFault], Outcome, Callable[[QureFault], Decision]]] = [
        (QureTooLarge, Outcome.TOO_LARGE, lambda _: _make_smaller),
        (QureRefused, Outcome.REFUSED, lambda _: _halve),
        (QureUnauthorized, Outcome.UNAUTHORIZED, lambda _: _pause(UNAUTHORIZED_ALARM)),
        (QureMisconfigured, Outcome.MISCONFIGURED, lambda fault: _pause(str(fault))),
        (QureThrottled, Outcome.THROTTLED, _wait_as_asked),
        (QureNotReached, Outcome.NOT_REACHED, lambda _: _wait_for_network),
        (QureFault, Outcome.UNKNOWN, lambda _: _wait_for_answer),
    ]
    return next((outcome, decide) for kind, outcome, decide in rulings if isinstance(fault, kind))


def _write(
    claimed: Claim, outcome: Outcome, status: int | None, receipt: str, decide: Decision, detail: str = ""
) -> None:
    """Write the verdict of an attempt in one transaction. A fenced attempt changes nothing."""
    try:
        with transaction.atomic():
            take_turn(claimed.batch.job_id)
            claimed.attempt.advance(
                outcome, BY, ended_at=now(), http_status=status, receipt=receipt, detail=detail
            )
            decide(claimed)
            failpoints.reach(Point.RELAY_HOLDING)
    except LostRace:
        return
    failpoints.reach(Point.RELAY_HELD)


def _make_smaller(claimed: Claim) -> None:
    """Halve it, and let no later request be as large."""
    if len(claimed.files) > 1:
        size.refused(claimed, _halves(claimed.files))
    _halve(claimed)


def _halves(files: list[File]) -> tuple[list[File], list[File]]:
    middle = len(files) // 2
    return files[:middle], files[middle:]


def _halve(claimed: Claim) -> None:
    """Send the files in two smaller requests; one that is refused alone is named."""
    batch, files = claimed.batch, claimed.files
    if len(files) > 1:
        batch.advance(BatchStatus.REPLACED, BY, lease_until=None)
        for half in _halves(files):
            make_batch(batch.job, half, BY)
    else:
        rows = File.objects.filter(batch=batch)
        pair = (FileStatus.VALID, FileStatus.REFUSED)
        advance_all(rows, pair, BY, batch.job_id, reason=Reason.REFUSED_BY_QURE)
        batch.advance(BatchStatus.REFUSED, BY, lease_until=None)
    breaker.answered(claimed)


def _pause(alarm: str) -> Decision:
    """Send nothing more to the destination until an administrator has acted; hold everything."""

    def decide(claimed: Claim) -> None:
        batch = claimed.batch
        if _others_were_taken(claimed):
            _wait_or_stick(batch, _due_after(batch.failures))
        else:
            batch.advance(BatchStatus.READY, BY, lease_until=None, next_attempt_at=now())
        breaker.refused(claimed, alarm)

    return decide


def _others_were_taken(claimed: Claim) -> bool:
    """Whether the account was in order between the last time that the batch was turned away and this one."""
    before = claimed.batch.attempts.filter(outcome__in=PAUSING, number__lt=claimed.attempt.number)
    since = before.aggregate(at=Max("ended_at"))["at"]
    receipts = Attempt.objects.filter(destination=claimed.destination, outcome=Outcome.ACCEPTED)
    return since is not None and receipts.filter(started_at__gt=since).exists()


def _wait_as_asked(fault: QureFault) -> Decision:
    asked = fault.retry_after if isinstance(fault, QureThrottled) else None

    def decide(claimed: Claim) -> None:
        until = None if asked is None else now() + timedelta(seconds=asked)
        _sit_out(claimed.batch, breaker.unanswered(claimed, is_certain=True, asked=until))

    return decide


def _wait_for_network(claimed: Claim) -> None:
    """No byte left: there is no limit to how often this is tried."""
    _sit_out(claimed.batch, breaker.unanswered(claimed, is_certain=True))


def _wait_for_answer(claimed: Claim) -> None:
    """Nobody knows what became of it. While the destination is silent, that is not the batch's fault."""
    due = breaker.unanswered(claimed, is_certain=False)
    if due is None:
        _wait_or_stick(claimed.batch, _due_after(claimed.batch.failures))
    else:
        _sit_out(claimed.batch, due)


def _try_again(claimed: Claim) -> None:
    _wait_or_stick(claimed.batch, _due_after(claimed.batch.failures))
    breaker.answered(claimed)


def _sit_out(batch: Batch, due: datetime | None) -> None:
    """Wait for Qure to come back."""
    failures = max(batch.failures, min(batch.failures + 1, MOST_COUNTED_OF_OUTAGE))
    batch.advance(BatchStatus.READY, BY, lease_until=None, next_attempt_at=due or now(), failures=failures)


def _wait_or_stick(batch: Batch, due: datetime, by: str = BY) -> None:
    """Count a failure: the batch is tried again, until a person must look."""
    failures = batch.failures + 1
    if failures >= MOST_UNKNOWN:
        batch.advance(BatchStatus.STUCK, by, lease_until=None, failures=failures)
    else:
        batch.advance(BatchStatus.READY, by, lease_until=None, next_attempt_at=due, failures=failures)


def _due_after(failures: int) -> datetime:
    return due_after(failures, settings.RELAY_FIRST_WAIT_SECONDS)


def _heal(batch: Batch) -> None:
    """A later receipt may have proved what an earlier one did not."""
    for short in Batch.objects.filter(job=batch.job_id, status=BatchStatus.SHORT).exclude(pk=batch.pk):
        if not short.files.exclude(status=FileStatus.ACCEPTED).exists():
            short.advance(BatchStatus.ACCEPTED, BY)
