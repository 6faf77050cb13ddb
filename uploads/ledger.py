"""What the receipts prove of a series.

The API document does not say whether NumberOfSeriesRelatedInstances counts the request or the whole series
so far, nor whether an instance that is sent twice counts twice. Each reading is tried; each proves the same
thing only by an equal number. A lower figure, or one that nothing explains, proves nothing.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from itertools import chain
from typing import Final

from django.db.models import Exists, OuterRef, Q, QuerySet, Sum

from uploads.models import Attempt, File, ReceiptLine, Series, StateChange, advance_all
from uploads.reasons import Reason
from uploads.states import BatchStatus, FileStatus, Outcome, SeriesStatus

ANSWERED: Final = (FileStatus.SENT, FileStatus.ACCEPTED)
# Attempts whose bytes may have reached Qure.
MAY_HAVE_ARRIVED: Final = (Outcome.ACCEPTED, Outcome.MISMATCH, Outcome.UNKNOWN, Outcome.STARTED)
# Besides these, attempts that we have broken off: a receiver that keeps what it has read may have a part.
BEGUN: Final = (*MAY_HAVE_ARRIVED, Outcome.BYTES_LOST, Outcome.ABANDONED)


def is_proven(series: Series) -> bool:
    """Whether the receipts prove that Qure has every instance that was sent of a series."""
    accounts = _by_destination(_lines([series])[series.pk])
    return bool(accounts) and all(_is_proven(series, lines) for lines in accounts)


def reported(rows: Sequence[Series]) -> dict[int, int | None]:
    """What the newest receipts say that Qure has of each series, by primary key, in one query."""
    return {key: _count(_by_destination(lines)) for key, lines in _lines(rows).items()}


def reconcile(series: Series, by: str) -> bool:
    """Confirm the series' files if the receipts prove them, else mark it short. Answer whether they do."""
    proven = is_proven(series)
    if proven:
        sent = File.objects.filter(series=series)
        advance_all(sent, (FileStatus.SENT, FileStatus.ACCEPTED), by, series.job_id)
        if series.status == SeriesStatus.SHORT:
            series.advance(SeriesStatus.OPEN, by)
    elif series.status == SeriesStatus.OPEN:
        series.advance(SeriesStatus.SHORT, by)
    return proven


def in_doubt() -> Q:
    """Files that a request held which Qure has not refused: nobody can say that Qure does not have them.

    Which files a replaced batch held, and which batch held a file whose staged bytes were lost, is known by
    series only.
    """
    own = Attempt.objects.filter(batch=OuterRef("batch"), outcome__in=BEGUN)
    lines = ReceiptLine.objects.filter(
        series=OuterRef("series"), attempt__batch__job=OuterRef("job"), attempt__outcome__in=BEGUN
    )
    replaced = lines.filter(attempt__batch__status=BatchStatus.REPLACED)
    is_valid = Q(status=FileStatus.VALID)
    is_lost = Q(status=FileStatus.MISSING, reason=Reason.STAGED_BYTES_LOST)
    return is_valid & (Q(Exists(own)) | Q(Exists(replaced))) | is_lost & Q(Exists(lines))


def _lines(rows: Sequence[Series]) -> dict[int, list[ReceiptLine]]:
    """What receipts say of each series, where its files were answered with them; the oldest first."""
    answered = File.objects.filter(
        series=OuterRef("series"), batch=OuterRef("attempt__batch"), status__in=ANSWERED
    )
    lines = ReceiptLine.objects.filter(Exists(answered), series__in=rows, attempt__outcome=Outcome.ACCEPTED)
    found: dict[int, list[ReceiptLine]] = {row.pk: [] for row in rows}
    for line in lines.select_related("attempt").order_by("attempt__ended_at", "pk"):
        found[line.series_id].append(line)
    return found


def _by_destination(lines: Sequence[ReceiptLine]) -> list[list[ReceiptLine]]:
    """The lines of each account: what one has, another knows nothing of."""
    found: dict[int, list[ReceiptLine]] = defaultdict(list)
    for line in lines:
        found[line.attempt.destination_id].append(line)
    return list(found.values())


def _is_proven(series: Series, lines: Sequence[ReceiptLine]) -> bool:
    """Whether the receipts of one account prove that it has every instance that was sent to it."""
    newest = _newest_count(lines)
    if newest is None:
        return False
    if all(line.sent == line.reported for line in lines):  # each receipt counts just what its request held
        return True
    last = lines[-1].attempt
    return newest in (_sent_before(series, last), _transmitted_before(series, last))


def _count(accounts: Sequence[Sequence[ReceiptLine]]) -> int | None:
    counts = [count for lines in accounts if (count := _newest_count(lines)) is not None]
    return sum(counts) if accounts and len(counts) == len(accounts) else None


def _newest_count(lines: Sequence[ReceiptLine]) -> int | None:
    """The newest count. Of requests that were under way together, the highest: their order is not known."""
    newest = lines[-1].attempt
    together = [
        line.reported
        for line in lines
        if line.attempt == newest or (line.attempt.ended_at and line.attempt.ended_at >= newest.started_at)
    ]
    counts = [count for count in together if count is not None]
    return max(counts) if len(counts) == len(together) else None


def _sent_before(series: Series, last: Attempt) -> int:
    """Instances that were sent to the account and answered by then, by whichever job."""
    receipts = Attempt.objects.filter(
        destination=last.destination_id, outcome=Outcome.ACCEPTED, ended_at__lte=last.ended_at
    )
    is_sent = Q(Exists(receipts.filter(batch=OuterRef("batch"))), status__in=ANSWERED)
    was_sent = Q(
        Exists(receipts.filter(lines__series=OuterRef("series"))),
        pk__in=_taken_back(series.series_uid, last.ended_at),
    )
    files = File.objects.filter(is_sent | was_sent, series__series_uid=series.series_uid)
    return files.values("sop_uid").distinct().count()


def _taken_back(series_uid: str, moment: datetime | None) -> set[int]:
    """Files that had been sent by then, and are or were to be sent again: their batches say no more when."""
    jobs = Series.objects.filter(series_uid=series_uid).values("job")
    changes = StateChange.objects.filter(kind="file", job__in=jobs)
    again = _subjects(changes.filter(from_status=FileStatus.SENT, to_status=FileStatus.VALID))
    return again and again & _subjects(changes.filter(to_status=FileStatus.SENT, at__lte=moment))


def _subjects(changes: QuerySet[StateChange]) -> set[int]:
    return set(chain.from_iterable(changes.values_list("subjects", flat=True)))


def _transmitted_before(series: Series, last: Attempt) -> int:
    """Instances in all requests that may have reached the account by then, repeats included."""
    lines = ReceiptLine.objects.filter(
        series__series_uid=series.series_uid,
        attempt__destination=last.destination_id,
        attempt__outcome__in=MAY_HAVE_ARRIVED,
        attempt__started_at__lte=last.ended_at,
    )
    return int(lines.aggregate(total=Sum("sent", default=0))["total"])
