"""Who is told what: once an occasion, on the pages, by mail, and to a team's webhook.

What is told of a patient is nothing: a reference, a status, counts, a link.
"""

import json
import uuid
from datetime import date, datetime, timedelta
from typing import Final

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Count, Q, QuerySet
from django.urls import reverse
from django.utils.timezone import now

from uploads import failpoints
from uploads.failpoints import Point
from uploads.models import (
    Delivery,
    Destination,
    File,
    HookEvent,
    Job,
    Notice,
    NoticeKind,
    NoticeSettings,
    Series,
    StateChange,
    Webhook,
    without_token,
)
from uploads.notices import wants_mail
from uploads.reasons import Reason
from uploads.states import FILE_PROBLEMS, DestinationStatus, FileStatus, JobStatus

AT_REST: Final = {
    JobStatus.ACCEPTED: (NoticeKind.ACCEPTED, HookEvent.ACCEPTED),
    JobStatus.ATTENTION: (NoticeKind.FAILED, HookEvent.ATTENTION),
}
ONCE: Final = 0
# Files about which a member of the team can decide.
UNDECIDED: Final = Q(status=FileStatus.QUARANTINED, reason__in=(Reason.UNCONFIRMED_PATIENT, Reason.CONFLICT))
MOVING: Final = (JobStatus.UPLOADING, JobStatus.PROCESSING)
DAYS_BEGIN: Final = 10**12  # occasions that are days lie beyond all primary keys
MOST_MOVES: Final = 100  # that are looked through for the last one of a destination
LONG_SILENCE: Final = timedelta(minutes=30)  # until administrators are told of it
QUIET: Final = timedelta(
    hours=1
)  # after a mail about a destination: what comes and goes must not fill a mailbox


def tell(job_id: int) -> None:
    """Tell what there is to tell of a job. Call it in the transaction that moved it: both, or neither."""
    job = Job.objects.select_related("team").get(pk=job_id)
    needs_decision = job.status != JobStatus.CANCELLED and job.files.filter(UNDECIDED).exists()
    if needs_decision:
        _notify(job, NoticeKind.DECISION, ONCE)
        _call(job, HookEvent.DECISION, ONCE)
    if job.status not in AT_REST:
        return
    kind, event = AT_REST[JobStatus(job.status)]
    occasion = _last_move(job)
    if not needs_decision:
        _notify(job, kind, occasion)
    _call(job, event, occasion)


def raise_alarm(destination_id: int) -> None:
    """Tell the administrators that sending waits for them, or what Qure complains of, or that it is silent.

    Each occasion is on their pages; a mail goes at most once an hour.
    """
    destination = without_token(Destination.objects.all()).get(pk=destination_id)
    occasion = _occasion_of(destination)
    if occasion is None:
        return
    lately = Notice.objects.filter(destination=destination, created_at__gt=now() - QUIET)
    mailed = set(lately.exclude(mail_due_at=None, mailed_at=None).values_list("user", flat=True))
    Notice.objects.bulk_create(
        (
            Notice(
                user=user,
                destination=destination,
                kind=NoticeKind.ALARM,
                occasion=occasion,
                mail_due_at=now() if user.email and user.pk not in mailed else None,
            )
            for user in _administrators()
        ),
        ignore_conflicts=True,
    )
    failpoints.reach(Point.ALARM_WRITTEN)


def mark_read(user: User, job: Job | None = None) -> None:
    """The person has seen their notices; only those of a job, if one is given."""
    notices = Notice.objects.filter(user=user, read_at=None)
    (notices.filter(job=job) if job else notices).update(read_at=now())


def untold_jobs() -> list[int]:
    """Moving jobs that wait for a decision of which nobody has been told: the worker died before it could."""
    waiting = File.objects.filter(UNDECIDED, job__status__in=MOVING)
    untold = waiting.exclude(job__notices__kind=NoticeKind.DECISION)
    return sorted(untold.values_list("job", flat=True).distinct())


def untold_destinations() -> list[int]:
    """Destinations with an alarm that no administrator has been told."""
    not_open = (DestinationStatus.PAUSED, DestinationStatus.SILENT)
    alarming = Destination.objects.filter(Q(status__in=not_open) | ~Q(alarm=""))
    ordered = without_token(alarming).order_by("pk")
    return [destination.pk for destination in ordered if _is_untold(destination)]


def _notify(job: Job, kind: NoticeKind, occasion: int) -> None:
    users = list(_recipients(job))
    wishes = {row.user_id: row for row in NoticeSettings.objects.filter(user__in=users)}
    Notice.objects.bulk_create(
        (
            Notice(
                user=user,
                job=job,
                kind=kind,
                occasion=occasion,
                mail_due_at=_mail_due(user, wishes.get(user.pk, NoticeSettings()), kind),
            )
            for user in users
        ),
        ignore_conflicts=True,
    )


def _mail_due(user: User, wishes: NoticeSettings, kind: NoticeKind) -> datetime | None:
    return now() if user.email and wants_mail(wishes, kind) else None


def _recipients(job: Job) -> QuerySet[User]:
    """The uploader; the whole team where the uploader has left it, so that nothing waits for nobody."""
    members = User.objects.filter(memberships__team=job.team, is_active=True)
    uploader = members.filter(pk=job.created_by_id)
    return uploader if uploader.exists() else members


def _administrators() -> list[User]:
    able = User.objects.with_perm("uploads.change_destination")
    return list(able.filter(is_staff=True).order_by("pk"))  # two who tell them at once wait in one order


def _last_move(job: Job) -> int:
    moves = StateChange.objects.filter(kind="job", job=job, to_status=job.status)
    return moves.order_by("-pk").values_list("pk", flat=True).first() or ONCE


def _occasion_of(destination: Destination) -> int | None:
    """A pause is one occasion, and so is a long silence; an alarm without either is one a day."""
    if destination.status == DestinationStatus.PAUSED or _is_long_silent(destination):
        moves = StateChange.objects.filter(kind="destination", to_status=destination.status)
        newest = moves.order_by("-pk")[:MOST_MOVES]
        return next((change.pk for change in newest if destination.pk in change.subjects), ONCE)
    return DAYS_BEGIN + date.toordinal(now().date()) if destination.alarm else None


def _is_long_silent(destination: Destination) -> bool:
    is_silent = destination.status == DestinationStatus.SILENT
    return is_silent and (destination.failing_since or now()) < now() - LONG_SILENCE


def _is_untold(destination: Destination) -> bool:
    occasion = _occasion_of(destination)
    if occasion is None or not _administrators():
        return False
    return not Notice.objects.filter(destination=destination, occasion=occasion).exists()


def _call(job: Job, event: HookEvent, occasion: int) -> None:
    for webhook in Webhook.objects.defer("secret").filter(team=job.team, is_active=True):
        key = uuid.uuid4()
        Delivery.objects.bulk_create(
            [
                Delivery(
                    key=key,
                    webhook=webhook,
                    job=job,
                    event=event,
                    occasion=occasion,
                    body=json.dumps(_event(key, job, event)),
                )
            ],
            ignore_conflicts=True,
        )


def _event(key: uuid.UUID, job: Job, event: HookEvent) -> dict[str, object]:
    """Ids and counts: a UID, a name or a path would be the patient's."""
    counts = job.files.aggregate(
        files=Count("pk"),
        accepted=Count("pk", filter=Q(status=FileStatus.ACCEPTED)),
        held=Count("pk", filter=Q(status=FileStatus.QUARANTINED)),
        problems=Count("pk", filter=Q(status__in=FILE_PROBLEMS)),
    )
    return {
        "id": str(key),
        "event": event.value,
        "created_at": now().isoformat(timespec="seconds"),
        "team": str(job.team.key),
        "job": {
            "key": str(job.key),
            "url": settings.PUBLIC_URL + reverse("job", args=[job.key]),
            "status": job.status,
            "is_stat": job.is_stat,
            "series": Series.objects.filter(job=job).count(),
            **counts,
        },
    }
