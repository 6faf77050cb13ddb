"""The read side: what pages show. It writes nothing.

Every query begins with what the person may see, so that another team's object is simply not found.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.contrib.auth.models import User
from django.db.models import Count, F, Min, Q, QuerySet, Sum
from django.utils.formats import date_format, number_format
from django.utils.timezone import localtime, now
from django.utils.translation import gettext, ngettext

from uploads.models import (
    LEFT_OUT_AS_EXPECTED,
    MAY_COME_AGAIN,
    ApiToken,
    Batch,
    File,
    Job,
    Patient,
    Series,
    Team,
    without_token,
)
from uploads.reasons import WANTED_COPIES, Reason
from uploads.states import (
    FILE_LEFT_OUT,
    FILE_PROBLEMS,
    BatchStatus,
    DestinationStatus,
    FileStatus,
    JobStatus,
)

DIGEST_LETTERS: Final = 16  # enough to tell the paths of one upload apart
COMING: Final = Q(status=FileStatus.DECLARED)
BETTER: Final = MAY_COME_AGAIN & ~LEFT_OUT_AS_EXPECTED  # of which a better copy may come
MISSING: Final = COMING | MAY_COME_AGAIN & Q(reason__in=sorted(WANTED_COPIES))  # that a person can bring
ANSWERED: Final = Q(status__in=(FileStatus.SENT, FileStatus.ACCEPTED))
ARRIVED: Final = ~Q(status__in=(FileStatus.DECLARED, FileStatus.MISSING, FileStatus.CANCELLED)) & ~Q(
    Q(reason__in=(Reason.TOO_LARGE, Reason.UNREADABLE_SOURCE)) | Q(is_left_out=True)
) | Q(status=FileStatus.CANCELLED) & (
    Q(reason=Reason.DECLINED) | Q(parcel__isnull=False) | Q(series__isnull=False)
)
CHECKED_VALID: Final = Q(
    status__in=(FileStatus.VALID, FileStatus.SENT, FileStatus.ACCEPTED, FileStatus.REFUSED)
)
# Files that a person should look at; at rest also those that are not confirmed, or could not be sent.
NEEDS_A_LOOK: Final = Q(status__in=(*FILE_PROBLEMS, FileStatus.QUARANTINED)) | Q(
    status__in=(FileStatus.VALID, FileStatus.SENT), job__status=JobStatus.ATTENTION
)
TO_DECIDE: Final = (Reason.UNCONFIRMED_PATIENT, Reason.CONFLICT)  # that a member of the team can let go
# Files of a cancelled upload that a request held, or holds, and no answer confirms.
UNCONFIRMED: Final = Q(status=FileStatus.CANCELLED, reason=Reason.MAY_HAVE_ARRIVED) | Q(
    status__in=(FileStatus.VALID, FileStatus.SENT), job__status=JobStatus.CANCELLED
)
ON_THE_WAY: Final = Q(status__in=(FileStatus.RECEIVED, FileStatus.VALID)) & ~Q(
    job__status=JobStatus.ATTENTION
)


@dataclass(frozen=True)
class ExpectedFiles:
    """What the upload page needs to know to go on with an upload. Paths may name a patient: these don't."""

    wanted: Mapping[str, int | None]  # letters of a path's digest -> size in bytes, None for any
    here: Mapping[str, int]
    left_out: Sequence[str]
    letters: int


@dataclass(frozen=True)
class JobProgress:
    """A job in numbers of files and in words."""

    status: str
    status_label: str
    is_at_rest: bool
    headline: str
    selected: int
    received: int
    valid: int
    sent: int
    accepted: int
    left_out: int
    problems: int
    held: int
    unconfirmed: int
    waiting: int
    missing: int
    bytes_selected: int
    bytes_received: int
    note: str
    next_try_at: datetime | None


def teams_of(user: User) -> QuerySet[Team]:
    """The teams whose history a person shares."""
    teams = Team.objects.filter(memberships__user=user).order_by("name")
    return without_token(teams.select_related("destination"), "destination__")


def jobs_of(user: User) -> QuerySet[Job]:
    """The jobs that a person may see: those of their teams."""
    jobs = Job.objects.filter(team__memberships__user=user)
    return without_token(jobs.select_related("team__destination", "created_by"), "team__destination__")


def series_of(user: User) -> QuerySet[Series]:
    """The series that a person may see."""
    return Series.objects.filter(job__team__memberships__user=user).select_related("job__team")


def patients_of(user: User) -> QuerySet[Patient]:
    """The patients that a person may decide about."""
    return Patient.objects.filter(job__team__memberships__user=user).select_related("job")


def tokens_of(user: User) -> QuerySet[ApiToken]:
    """A person's own tokens."""
    return ApiToken.objects.filter(user=user).select_related("team").order_by("-created_at")


def live_tokens() -> QuerySet[ApiToken]:
    """Tokens that still open the scripts' door: not revoked, of an active person who is still in the team."""
    return ApiToken.objects.filter(
        revoked_at=None, user__is_active=True, team__memberships__user=F("user")
    ).select_related("user", "team")


def outcomes_of(keys: Iterable[int]) -> dict[int, File]:
    """Files with their series, by primary key."""
    return File.objects.select_related("series").in_bulk(set(keys))


def unchecked_parcels(keys: Iterable[int]) -> list[int]:
    """The parcels that must be checked before the outcome of these files is known."""
    waiting = File.objects.filter(pk__in=set(keys), status=FileStatus.RECEIVED, parcel__isnull=False)
    return sorted(set(waiting.values_list("parcel", flat=True)))


def progress(job: Job) -> JobProgress:
    """Count a job's files and say how it stands."""
    of_job = File.objects.filter(job=job)
    counts = of_job.aggregate(
        selected=Count("pk", filter=~LEFT_OUT_AS_EXPECTED),
        received=Count("pk", filter=ARRIVED),
        valid=Count("pk", filter=CHECKED_VALID),
        sent=Count("pk", filter=ANSWERED),
        accepted=Count("pk", filter=Q(status=FileStatus.ACCEPTED)),
        left_out=Count("pk", filter=Q(status__in=FILE_LEFT_OUT)),
        problems=Count("pk", filter=NEEDS_A_LOOK),
        waiting=Count("pk", filter=ON_THE_WAY),
        missing=Count("pk", filter=MISSING),
        held=Count("pk", filter=Q(status=FileStatus.QUARANTINED, reason__in=TO_DECIDE)),
        unconfirmed=Count("pk", filter=UNCONFIRMED),
        bytes_selected=Sum("size", filter=Q(is_left_out=False), default=0),
        bytes_received=Sum("size", filter=ARRIVED, default=0),
    )
    note, next_try_at = _delay(job)
    return JobProgress(
        status=job.status,
        status_label=job.get_status_display(),
        is_at_rest=job.is_at_rest,
        headline=_headline(job, counts),
        note=note,
        next_try_at=next_try_at,
        **counts,
    )


def expected_files(job: Job) -> ExpectedFiles:
    """An upload's files by the first letters of their paths' digests: what is missing, what is here."""
    rows = File.objects.filter(job=job).values_list("path_digest", "size")

    def sizes(condition: Q) -> dict[str, int]:
        return {digest[:DIGEST_LETTERS]: size for digest, size in rows.filter(condition)}

    coming, better, left_out = sizes(COMING), sizes(BETTER), sizes(LEFT_OUT_AS_EXPECTED)
    here = sizes(~COMING & ~BETTER & ~LEFT_OUT_AS_EXPECTED)
    return ExpectedFiles(coming | dict.fromkeys(better), here, list(left_out), DIGEST_LETTERS)


def readable_name(name: str) -> str:
    """A person's name as people write it: "Family, Given", other writings in brackets."""
    first, *others = [*filter(None, map(_readable_writing, name.split("="))), ""]
    return " ".join([first, *(f"({other})" for other in others if other)])


def _readable_writing(writing: str) -> str:
    family, *rest = (part.strip() for part in writing.split("^"))
    return ", ".join(filter(None, (family, " ".join(filter(None, rest)))))


def _headline(job: Job, found: Mapping[str, int]) -> str:
    accepted = found["accepted"]
    counts = {"accepted": number(accepted)}
    if job.status == JobStatus.ACCEPTED:
        return (
            ngettext(
                "Qure has accepted %(accepted)s image: all images of this upload.",
                "Qure has accepted %(accepted)s images: all images of this upload.",
                accepted,
            )
            % counts
        )
    if job.status == JobStatus.CANCELLED:
        return _cancelled(accepted, found["unconfirmed"])
    if job.status == JobStatus.UPLOADING:
        return gettext("Uploading. What has arrived is checked and sent while the rest follows.")
    if job.status == JobStatus.PROCESSING:
        return gettext("Everything has arrived. You can close this page; we finish without you.")
    return _attention(accepted, found["problems"], found["held"])


def _cancelled(accepted: int, unconfirmed: int) -> str:
    counts = {"accepted": number(accepted), "count": number(unconfirmed)}
    taken = ngettext(
        "Cancelled. Qure had accepted %(accepted)s image before.",
        "Cancelled. Qure had accepted %(accepted)s images before.",
        accepted,
    )
    if not unconfirmed:
        return taken % counts
    doubt = ngettext(
        "Qure may have %(count)s image that it has not confirmed.",
        "Qure may have %(count)s images that it has not confirmed.",
        unconfirmed,
    )
    return f"{taken % counts} {doubt % counts}"


def _attention(accepted: int, problems: int, held: int) -> str:
    counts = {"accepted": number(accepted), "problems": number(problems), "held": number(held)}
    if accepted:
        taken = ngettext(
            "Qure has accepted %(accepted)s image", "Qure has accepted %(accepted)s images", accepted
        )
        left = ngettext(
            "%(problems)s file needs your attention", "%(problems)s files need your attention", problems
        )
        return f"{taken % counts}; {left % counts}."
    if held:
        return (
            ngettext(
                "%(held)s file waits for a decision. Qure has accepted nothing of this upload so far.",
                "%(held)s files wait for a decision. Qure has accepted nothing of this upload so far.",
                held,
            )
            % counts
        )
    if problems:
        return gettext("Nothing of this upload was accepted by Qure. See the reasons below.")
    return gettext("There was no image in this upload, so nothing was sent to Qure.")


def number(count: int) -> str:
    """A count as the reader's language writes it."""
    return number_format(count, force_grouping=True)


def _delay(job: Job) -> tuple[str, datetime | None]:
    """Why nothing moves at the moment, and when it is tried again."""
    if job.is_at_rest:
        return _stuck(job), None
    waiting = Batch.objects.filter(job=job, status=BatchStatus.READY)
    if not waiting.exists():
        return "", None
    destination = job.team.destination
    if destination.status == DestinationStatus.PAUSED:
        return gettext("Sending is paused until an administrator has acted. Everything is safe."), None
    next_try = waiting.aggregate(at=Min("next_attempt_at"))["at"]
    due = max(filter(None, (next_try, destination.not_before)), default=None)
    if destination.failing_since is None:
        return _failed(due) if due and waiting.filter(failures__gt=0).exists() else ("", None)
    since = clock(destination.failing_since)
    if due is None:
        sentence = gettext(
            "Qure has not answered since %(since)s. Everything is safe and goes out by itself."
        )
        return sentence % {"since": since}, None
    sentence = gettext(
        "Qure has not answered since %(since)s. Everything is safe and goes out by itself; next try %(due)s."
    )
    return sentence % {"since": since, "due": clock(due)}, due


def _failed(due: datetime) -> tuple[str, datetime]:
    sentence = gettext(
        "The last try to send did not succeed. Everything is safe and goes out by itself; next try %(due)s."
    )
    return sentence % {"due": clock(due)}, due


def _stuck(job: Job) -> str:
    count = File.objects.filter(job=job, status=FileStatus.VALID, batch__status=BatchStatus.STUCK).count()
    if not count:
        return ""
    sentence = ngettext(
        "%(count)s image could not be sent, however often it was tried. "
        "It is safe; ask an administrator to try again.",
        "%(count)s images could not be sent, however often it was tried. "
        "They are safe; ask an administrator to try again.",
        count,
    )
    return sentence % {"count": number(count)}


def clock(at: datetime) -> str:
    """A time of the day, with its date unless it is today's."""
    local = localtime(at)
    is_today = local.date() == localtime(now()).date()
    return date_format(local, "TIME_FORMAT" if is_today else "SHORT_DATETIME_FORMAT")
