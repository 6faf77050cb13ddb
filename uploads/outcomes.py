"""What became of an upload's files: by series, by reason, and one by one. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.db.models import Count, Q, QuerySet
from django.utils.timezone import now
from django.utils.translation import gettext, ngettext

from uploads import ledger
from uploads.history import CHECKED_VALID, number
from uploads.models import File, Job, Picture, Series
from uploads.reasons import Reason
from uploads.states import FILE_LEFT_OUT, FileStatus, JobStatus, SeriesStatus

PICTURES_FOLLOW: Final = timedelta(minutes=30)  # after the last file of an upload, if somebody draws at all
EXAMPLES: Final = 5  # paths that are shown of each group
TONES: Final = ("problem", "held", "left_out")
# Files of a cancelled upload that no receipt says anything of, though a request held or holds them.
IN_DOUBT: Final = Q(files__reason=Reason.MAY_HAVE_ARRIVED) | Q(
    files__status=FileStatus.VALID, job__status=JobStatus.CANCELLED
)


@dataclass(frozen=True)
class SeriesLedger:
    """One series of a job: how many of its instances were chosen, received, valid, sent and accepted."""

    key: UUID
    study_uid: str
    series_uid: str
    modality: str
    description: str
    selected: int
    received: int
    valid: int
    sent: int
    accepted: int
    reported: int | None
    status: str
    sentence: str
    can_resend: bool
    has_picture: bool
    awaits_picture: bool


@dataclass(frozen=True)
class ReasonGroup:
    """Files that Qure has not accepted for the same reason."""

    code: str
    sentence: str
    count: int
    tone: str
    examples: Sequence[str]


def series_ledgers(job: Job) -> list[SeriesLedger]:
    """The ledger of each series of a job."""
    rows = (
        Series.objects.select_related("job")
        .filter(job=job)
        .annotate(
            received=Count("files"),
            valid=Count("files", filter=_of_files(CHECKED_VALID)),
            sent=Count("files", filter=Q(files__status__in=(FileStatus.SENT, FileStatus.ACCEPTED))),
            accepted=Count("files", filter=Q(files__status=FileStatus.ACCEPTED)),
            unconfirmed=Count("files", filter=IN_DOUBT),
        )
    )
    ordered = list(rows.order_by("study_uid", "pk"))
    reported = ledger.reported([row for row in ordered if row.status == SeriesStatus.SHORT])
    chosen = {(row.study_uid, row.series_uid): row.count for row in job.declared_series.all()}
    return [
        _series_ledger(row, reported.get(row.pk), chosen.get((row.study_uid, row.series_uid), 0))
        for row in ordered
    ]


def reason_groups(job: Job) -> list[ReasonGroup]:
    """Why files of a job are not accepted, the worst first."""
    groups = (
        File.objects.filter(job=job).exclude(reason="").values("reason", "status").annotate(count=Count("pk"))
    )
    found = [
        ReasonGroup(
            code=group["reason"],
            sentence=gettext(Reason(group["reason"]).sentence),
            count=group["count"],
            tone=_tone(group["status"], group["reason"]),
            examples=_examples(job, group["reason"], group["status"]),
        )
        for group in groups
    ]
    return sorted(found, key=lambda group: (TONES.index(group.tone), -group.count))


def files_of(job: Job, status: str) -> QuerySet[File]:
    """A job's files in the order they were chosen, of one status if one is given."""
    files = File.objects.filter(job=job).order_by("number")
    return files.filter(status=status) if status else files


def file_outcomes(job: Job) -> list[tuple[str, str, int]]:
    """How many files of a job have each status: (status, label, count)."""
    counts = dict(File.objects.filter(job=job).values_list("status").annotate(count=Count("pk")))
    return [(status.value, str(status.label), counts[status]) for status in FileStatus if status in counts]


def _of_files(condition: Q) -> Q:
    return Q(*[(f"files__{name}", value) for name, value in condition.children])  # type: ignore[misc]


def _series_ledger(row: Series, reported: int | None, chosen: int) -> SeriesLedger:
    return SeriesLedger(
        key=row.key,
        study_uid=row.study_uid,
        series_uid=row.series_uid,
        modality=row.modality,
        description=row.description,
        selected=max(chosen, row.received),  # type: ignore[attr-defined]  # nobody chose a script's
        received=row.received,  # type: ignore[attr-defined]  # annotated
        valid=row.valid,  # type: ignore[attr-defined]
        sent=row.sent,  # type: ignore[attr-defined]
        accepted=row.accepted,  # type: ignore[attr-defined]
        reported=reported,
        status=row.status,
        sentence=_series_sentence(row, reported),
        can_resend=row.status == SeriesStatus.SHORT and row.job.status != JobStatus.CANCELLED,
        has_picture=row.picture == Picture.MADE,
        awaits_picture=_awaits_picture(row),
    )


def _awaits_picture(row: Series) -> bool:
    """A page asks for it again and again, but not for ever: it may be that nobody draws any."""
    if row.job.last_arrival_at < now() - PICTURES_FOLLOW:
        return False
    return row.picture_due_at is not None or (row.picture == Picture.WAITING and not row.job.is_at_rest)


def _series_sentence(row: Series, reported: int | None) -> str:
    if row.status == SeriesStatus.COMPLETE:
        return gettext("Accepted by Qure")
    if row.unconfirmed:  # type: ignore[attr-defined]  # annotated
        return _may_have(row.unconfirmed, row.accepted)  # type: ignore[attr-defined]
    if row.status == SeriesStatus.OPEN:
        return gettext("Not sent") if row.job.is_at_rest else gettext("On its way")
    return _short_sentence(row, reported)


def _short_sentence(row: Series, reported: int | None) -> str:
    if not row.sent:  # type: ignore[attr-defined]
        return _of(0, row.valid)  # type: ignore[attr-defined]
    if row.accepted == row.sent:  # type: ignore[attr-defined]
        whole = row.received if row.job.status == JobStatus.CANCELLED else row.valid  # type: ignore[attr-defined]
        return _of(row.accepted, whole)  # type: ignore[attr-defined]
    if reported is None:
        return gettext("Qure's answer gives no count")
    return _of(reported, row.sent)  # type: ignore[attr-defined]


def _may_have(count: int, accepted: int) -> str:
    counts = {"count": number(count), "accepted": number(accepted)}
    if accepted:
        return gettext("Qure has %(accepted)s, may have %(count)s more") % counts
    return ngettext("Qure may have %(count)s image", "Qure may have %(count)s images", count) % counts


def _of(count: int, whole: int) -> str:
    return gettext("Qure has %(count)s of %(whole)s") % {"count": number(count), "whole": number(whole)}


def _tone(status: str, reason: str) -> str:
    if reason in (Reason.MAY_HAVE_ARRIVED, Reason.EXECUTABLE_PREAMBLE):  # of neither anybody can decide
        return "problem"
    if status == FileStatus.QUARANTINED:
        return "held"
    return "left_out" if status in (*FILE_LEFT_OUT, FileStatus.CANCELLED) else "problem"


def _examples(job: Job, reason: str, status: str) -> list[str]:
    files = File.objects.filter(job=job, reason=reason, status=status).order_by("number")
    return list(files.values_list("path", flat=True)[:EXAMPLES])
