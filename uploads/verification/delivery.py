"""1, 3, 4, 7: what was sent, and what Qure's receipts prove."""

from http import HTTPStatus
from typing import Final

from django.conf import settings
from django.db.models import Exists, F, OuterRef

from uploads.batches import body_bytes
from uploads.ledger import is_proven
from uploads.models import Attempt, Batch, File, ReceiptLine, Series
from uploads.qure.answers import Answer, parse
from uploads.qure.errors import QureFault
from uploads.states import BatchStatus, FileStatus, Outcome, SeriesStatus
from uploads.verification.pieces import PIECE, Violations, keys, pieces

ACCEPTING: Final = (BatchStatus.ACCEPTED, BatchStatus.SHORT, BatchStatus.REPLACED)
UNPROVEN: Final = (FileStatus.VALID, FileStatus.SENT, FileStatus.REFUSED)
UNSENT: Final = (BatchStatus.READY, BatchStatus.SENDING, BatchStatus.STUCK)
TURNED_AWAY: Final = (
    FileStatus.DECLARED,
    FileStatus.RECEIVED,
    FileStatus.REJECTED,
    FileStatus.IGNORED,
    FileStatus.DUPLICATE,
    FileStatus.QUARANTINED,
)
QURE_LIMIT: Final = 100_000_000  # bytes of one request, whatever the settings say
RECEIPTS: Final = 50  # at once: one may be a MiB


def accepted_files_have_a_receipt() -> Violations:
    """1. Every accepted file was in a request that Qure answered with a receipt that names its series."""
    accepted = File.objects.filter(status=FileStatus.ACCEPTED)
    receipts = Attempt.objects.filter(batch=OuterRef("batch"), outcome=Outcome.ACCEPTED).exclude(receipt="")
    lines = ReceiptLine.objects.filter(
        attempt__batch=OuterRef("batch"), attempt__outcome=Outcome.ACCEPTED, series=OuterRef("series")
    )
    for pk in keys(accepted.filter(~Exists(receipts))):
        yield f"1: file {pk} is accepted without a receipt"
    for pk in keys(accepted.filter(Exists(receipts) & ~Exists(lines))):
        yield f"1: file {pk} is accepted, but the receipt does not name its series"
    for pk in keys(accepted.exclude(batch__status__in=ACCEPTING)):
        yield f"1: file {pk} is accepted, but its batch is not"


def receipts_say_what_was_noted() -> Violations:
    """1, 3. Each receipt, read anew, names each series of its request, with the count that was noted."""
    accepted = Attempt.objects.filter(outcome=Outcome.ACCEPTED).exclude(receipt="").order_by("pk")
    for attempts in pieces(accepted.iterator(RECEIPTS), RECEIPTS):
        answers = {attempt.pk: _answer(attempt) for attempt in attempts}
        lines = ReceiptLine.objects.filter(attempt__in=attempts).select_related("series").order_by("pk")
        for line in lines:
            answer, uid = answers[line.attempt_id], line.series.series_uid
            if answer is None or uid not in answer.series_uids:
                yield f"1: the receipt of attempt {line.attempt_id} does not name series {line.series_id}"
            elif answer.counts.get(uid) != line.reported:
                yield f"3: the receipt of attempt {line.attempt_id} counts series {line.series_id} otherwise"


def _answer(attempt: Attempt) -> Answer | None:
    """What Qure answered; None where that can't be read."""
    try:
        return parse(attempt.http_status or HTTPStatus.OK, attempt.receipt)
    except QureFault:
        return None


def complete_series_are_proven() -> Violations:
    """3. A series is complete only when its receipts say so."""
    for series in Series.objects.filter(status=SeriesStatus.COMPLETE).iterator(PIECE):
        if not is_proven(series) or series.files.filter(status__in=UNPROVEN).exists():
            yield f"3: series {series.pk} is complete without proof"


def batches_fit_the_limit() -> Violations:
    """4. No request exceeds the limit, each weighs what its row says, and each holds its own job's files."""
    limit = settings.RELAY_BATCH_MAX_BYTES
    for pk in keys(Batch.objects.filter(status__in=UNSENT, body_bytes__gt=limit)):
        yield f"4: batch {pk} is over the limit"
    for pk in keys(Attempt.objects.filter(body_bytes__gt=max(limit, QURE_LIMIT))):
        yield f"4: attempt {pk} was over the limit"
    for pk in keys(File.objects.filter(batch__isnull=False).exclude(batch__job=F("job"))):
        yield f"4: file {pk} is in a batch of another job"
    for pk in keys(File.objects.filter(batch__isnull=False, status__in=TURNED_AWAY)):
        yield f"4: file {pk} is not to be sent, but is in a batch"
    for batch in Batch.objects.filter(status__in=(BatchStatus.READY, BatchStatus.SENDING)).iterator(PIECE):
        files = batch.files.filter(status=FileStatus.VALID).only("number", "size", "wrapper", "batch")
        if body_bytes(list(files)) != batch.body_bytes:
            yield f"4: batch {batch.pk} does not weigh what its row says"


def attempts_are_in_order() -> Violations:
    """7. One attempt a lease; an open one only while its batch is being sent; one accepted at most."""
    for batch in Batch.objects.prefetch_related("attempts").order_by("pk").iterator(PIECE):
        attempts = sorted(batch.attempts.all(), key=lambda attempt: attempt.number)
        outcomes = [attempt.outcome for attempt in attempts]
        if [attempt.number for attempt in attempts] != list(range(1, batch.token + 1)):
            yield f"7: batch {batch.pk} has {len(attempts)} attempts for {batch.token} leases"
        if outcomes.count(Outcome.STARTED) != (batch.status == BatchStatus.SENDING):
            yield f"7: batch {batch.pk} has an attempt that nobody makes"
        if outcomes.count(Outcome.ACCEPTED) > 1:
            yield f"7: batch {batch.pk} was accepted more than once"
        has_receipt = outcomes[-1:] == [Outcome.ACCEPTED]
        if batch.status in (BatchStatus.ACCEPTED, BatchStatus.SHORT) and not has_receipt:
            yield f"7: batch {batch.pk} is accepted without an accepted attempt"
