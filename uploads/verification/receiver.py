"""1, 10: what the receiver holds is what was sent, and each time that it came is explained."""

from collections import Counter
from collections.abc import Container, Mapping
from typing import Final

from django.db.models import Count, Q

from uploads.ledger import BEGUN
from uploads.models import Attempt, File, ReceiptLine, StateChange
from uploads.states import BatchStatus, FileStatus
from uploads.verification.delivery import TURNED_AWAY
from uploads.verification.pieces import PIECE, Violations

Instance = tuple[str, str]  # SOP instance UID and SHA-256
# How a person has a file sent again that Qure had answered.
AGAIN: Final = Q(from_status__in=(FileStatus.SENT, FileStatus.REFUSED), to_status=FileStatus.VALID)


def accepted_files_are_in_the_receiver(received: Container[Instance]) -> Violations:
    """1. Every accepted file lies in the receiver, byte for byte.

    ``received``: the instances that it holds.
    """
    accepted = File.objects.filter(status=FileStatus.ACCEPTED).order_by("pk")
    for pk, *instance in accepted.values_list("pk", "sop_uid", "wire_sha256").iterator(PIECE):
        if tuple(instance) not in received:
            yield f"1: file {pk} is accepted, but the receiver does not hold its bytes"


def the_receiver_holds_nothing_else(received: Mapping[Instance, int]) -> Violations:
    """10. What the receiver holds are files as they were sent, and each time that one came is explained.

    A file comes once, and once more for each attempt that held it and whose end nobody knows, for each time
    that a person had it sent again, and for each upload that brought the same. ``received``: how often each
    instance came.
    """
    most = _most_arrivals()
    unknown = set(received)
    files = File.objects.exclude(wire_sha256="").exclude(status__in=TURNED_AWAY).order_by("pk")
    for pk, *instance in files.values_list("pk", "sop_uid", "wire_sha256").iterator(PIECE):
        key = (instance[0], instance[1])
        unknown.discard(key)
        times = received.get(key, 0)
        if times > most[key]:
            yield f"10: file {pk} came {times} times, but {most[key]} attempts may have brought it"
    if unknown:
        yield f"10: the receiver holds {len(unknown)} instances that no file was sent as"


def _most_arrivals() -> Counter[Instance]:
    """How often each instance may have come, by the attempts that held it, of all uploads that brought it."""
    arriving = Attempt.objects.filter(outcome__in=BEGUN)
    of_batch = dict(arriving.values_list("batch").annotate(Count("pk")))
    lines = _Lines()
    again = _sent_again()
    most: Counter[Instance] = Counter()
    files = File.objects.exclude(wire_sha256="").exclude(status__in=TURNED_AWAY).order_by("pk")
    columns = ("pk", "series", "batch", "sop_uid", "wire_sha256")
    for pk, series, batch, sop_uid, sha256 in files.values_list(*columns).iterator(PIECE):
        if batch is None or pk in again:
            most[sop_uid, sha256] += lines.all[series]
        else:
            most[sop_uid, sha256] += of_batch.get(batch, 0) + lines.of_earlier_batches(series, batch)
    return most


class _Lines:
    """Attempts that may have arrived, by the series that they held."""

    def __init__(self) -> None:
        self.all: Counter[int] = Counter()
        self._replaced: Counter[int] = Counter()  # in batches whose files went into others
        self._of_replaced: Counter[tuple[int, int]] = Counter()
        lines = ReceiptLine.objects.filter(attempt__outcome__in=BEGUN).order_by("pk")
        columns = ("series", "attempt__batch", "attempt__batch__status")
        for series, batch, status in lines.values_list(*columns).iterator(PIECE):
            self.all[series] += 1
            if status == BatchStatus.REPLACED:
                self._replaced[series] += 1
                self._of_replaced[series, batch] += 1

    def of_earlier_batches(self, series: int, batch: int) -> int:
        """Those of batches from which a file of the series may have come into this one."""
        return self._replaced[series] - self._of_replaced[series, batch]


def _sent_again() -> set[int]:
    """Files that a person has had sent again: what they were in before is not known any more."""
    changes = StateChange.objects.filter(AGAIN, kind="file").order_by("pk")
    return {pk for subjects in changes.values_list("subjects", flat=True).iterator(PIECE) for pk in subjects}
