"""Which batches may go to Qure now, and whose turn it is.

STAT goes first. Then teams take turns: the one whose latest request is longest ago is next. Within a team the
oldest goes first, and what has failed before goes after what has not.

The probe of a destination that is not open is, before all that, what was tried longest ago, or never: a batch
that fails for a reason of its own must not be the probe each time. So too a batch that has paused its
destination gives way to the others as long as there is little room.
"""

from collections import Counter
from typing import Final

from django.db.models import Case, Count, Exists, F, OuterRef, Q, QuerySet, Subquery, When, Window
from django.db.models.functions import Coalesce, Rank
from django.utils.timezone import now

from uploads.models import Attempt, Batch
from uploads.states import PAUSING, BatchStatus, DestinationStatus, JobStatus, Outcome

DESTINATION: Final = "job__team__destination"
ORDER: Final = ("-job__is_stat", F("job__team__served_at").asc(nulls_first=True), "failures", "pk")
LATEST_ATTEMPT: Final = Attempt.objects.filter(batch=OuterRef("pk")).order_by("-pk").values("pk")


def may_leave() -> QuerySet[Batch]:
    """Batches that could be sent now, in the order in which they are.

    To a destination that is silent or paused goes one probe at a time, when its time has come; to one that
    has just come back no more at once than it has room for.
    """
    moment = now()
    attempts = Attempt.objects.filter(destination=OuterRef(DESTINATION), outcome=Outcome.STARTED)
    counted = attempts.order_by().values("destination").annotate(count=Count("pk")).values("count")
    is_open = _of_destination(status=DestinationStatus.OPEN)
    has_room = _of_destination(room=None) | Q(**{f"{DESTINATION}__room__gt": F("under_way")})
    is_waited_for = _of_destination(not_before__gt=moment)
    # who paused a destination without saying when to try it wants to be asked
    may_be_tried = (
        ~is_open & _of_destination(not_before__isnull=False) & ~Exists(attempts.filter(is_probe=True))
    )
    due = Batch.objects.filter(status=BatchStatus.READY, next_attempt_at__lte=moment)
    return (
        due.exclude(job__status=JobStatus.CANCELLED)
        .exclude(is_waited_for)
        .annotate(under_way=Coalesce(Subquery(counted), 0))
        .filter(is_open & has_room | may_be_tried)
        .order_by(_place(is_open), *ORDER)
    )


def next_batch(stat_only: bool = False) -> int | None:
    """The batch whose turn it is; where ``stat_only``, none if it is not STAT's."""
    batch_id, is_stat = may_leave().values_list("pk", "job__is_stat").first() or (None, False)
    return batch_id if is_stat or not stat_only else None


def departing() -> list[int]:
    """All batches that may leave now: of each destination no more than it takes at once."""
    return _cut(may_leave())


def let_out(destination_id: int) -> list[int]:
    """Batches that may leave now to a destination which is being let out gradually; of another none."""
    gradual = _of_destination(pk=destination_id) & _of_destination(room__isnull=False)
    return _cut(may_leave().filter(gradual))


def _place(is_open: Q) -> Window:
    """What a batch gives way to at its own destination: 1 where nothing that waits there goes before it."""
    refused = LATEST_ATTEMPT.filter(outcome__in=PAUSING)
    tried = Case(
        When(~is_open, then=Subquery(LATEST_ATTEMPT[:1])),
        When(_of_destination(room__isnull=False), then=Subquery(refused[:1])),
    )
    order = Coalesce(tried, 0)  # never: databases differ on where NULL goes
    return Window(Rank(), partition_by=F(DESTINATION), order_by=order.asc())


def _cut(waiting: QuerySet[Batch]) -> list[int]:
    rows = waiting.values_list(
        "pk", DESTINATION, f"{DESTINATION}__status", f"{DESTINATION}__room", "under_way"
    )
    taken: Counter[int] = Counter()
    found = []
    for pk, destination, status, room, under_way in rows:
        most = _most(status, room, under_way)
        if most is None or taken[destination] < most:
            taken[destination] += 1
            found.append(pk)
    return found


def _most(status: str, room: int | None, under_way: int) -> int | None:
    if status != DestinationStatus.OPEN:
        return 1
    return None if room is None else room - under_way


def _of_destination(**conditions: object) -> Q:
    return Q(**{f"{DESTINATION}__{name}": value for name, value in conditions.items()})
