"""What a person should know or decide about an upload: what is held back, warned of, or sent before."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils.formats import date_format
from django.utils.translation import gettext

from uploads.history import readable_name
from uploads.models import (
    HOLDS_KEY,
    MOVES_BY_ITSELF,
    Attempt,
    DeclaredStudy,
    File,
    Job,
    Patient,
    Series,
    Team,
)
from uploads.reasons import Caution, Reason
from uploads.states import JOB_AT_REST, FileStatus, JobStatus, Outcome, ParcelStatus, PatientStatus

MOST_NAMED: Final = 3  # patients of an upload, on its page
MOST_KNOWN: Final = 20  # earlier uploads of a study that are named
# Said of a file's content alone, whatever else came with it.
JUDGED: Final = (FileStatus.REJECTED, FileStatus.IGNORED, FileStatus.QUARANTINED)


@dataclass(frozen=True)
class HeldPatient:
    """A patient whose images are held back until somebody decides."""

    key: UUID
    name: str
    patient_id: str
    born: date | str
    sex: str
    is_sure: bool  # the texts read as they were meant
    count: int


@dataclass(frozen=True)
class NamedPatient:
    """Whose images an upload is there to send."""

    name: str
    patient_id: str
    born: date | str


@dataclass(frozen=True)
class ConfirmedPatients:
    """Whose images an upload may send: by their keys, and by name as far as something of them is here."""

    keys: list[str]
    names: list[str]


@dataclass(frozen=True)
class HeldConflicts:
    """Files that have the same image number as another file of the job, but other content."""

    count: int
    sendable: int  # those whose number nothing else holds any more


@dataclass(frozen=True)
class Warned:
    """What the person was warned of before sending, and about what."""

    sentence: str
    about: str


@dataclass(frozen=True)
class KnownStudy:
    """A study, and an upload of the team that holds it already."""

    study_uid: str
    job: Job


def held_patients(job: Job) -> list[HeldPatient]:
    """The patients of a job about whom somebody must decide."""
    if job.status == JobStatus.CANCELLED:
        return []
    held = Q(files__status=FileStatus.QUARANTINED, files__reason=Reason.UNCONFIRMED_PATIENT)
    rows = Patient.objects.filter(job=job, status=PatientStatus.UNCONFIRMED)
    counted = rows.annotate(count=Count("files", filter=held)).filter(count__gt=0)
    return [
        HeldPatient(
            key=row.key,
            name=readable_name(row.name),
            patient_id=row.patient_id,
            born=_readable_date(row.birth_date),
            sex=row.sex,
            is_sure=not row.has_undecodable_text,
            count=row.count,
        )
        for row in counted.order_by("pk")
    ]


def named_patients(job: Job) -> tuple[list[NamedPatient], int]:
    """The first patients of a job that may be sent, and how many there are beside them."""
    rows = _confirmed(job)
    named = _named(rows)
    return named, len(rows) - len(named)


def confirmed_patients(job: Job) -> ConfirmedPatients:
    """The patients of a job about whom nothing has to be decided any more."""
    rows = _confirmed(job)
    keys = {*job.confirmed, *(row.match_key for row in rows)}
    return ConfirmedPatients(sorted(keys), [patient.name or patient.patient_id for patient in _named(rows)])


def _confirmed(job: Job) -> list[Patient]:
    return list(Patient.objects.filter(job=job, status=PatientStatus.CONFIRMED).order_by("pk"))


def _named(rows: Sequence[Patient]) -> list[NamedPatient]:
    return [
        NamedPatient(readable_name(row.name), row.patient_id, _readable_date(row.birth_date))
        for row in rows[:MOST_NAMED]
    ]


def held_conflicts(job: Job) -> HeldConflicts | None:
    """The files of a job that are held back for their image number, if there are any."""
    if job.status == JobStatus.CANCELLED:
        return None
    count = File.objects.filter(job=job, status=FileStatus.QUARANTINED, reason=Reason.CONFLICT).count()
    return HeldConflicts(count, sendable_conflicts(job).count()) if count else None


def sendable_conflicts(job: Job) -> QuerySet[File]:
    """Files held back for their image number that could go: nothing else holds the number any more."""
    conflicts = File.objects.filter(job=job, status=FileStatus.QUARANTINED, reason=Reason.CONFLICT)
    same = File.objects.filter(series=OuterRef("series"), sop_uid=OuterRef("sop_uid"))
    earlier = conflicts.filter(
        series=OuterRef("series"), sop_uid=OuterRef("sop_uid"), number__lt=OuterRef("number")
    )
    undecided = (PatientStatus.UNCONFIRMED, PatientStatus.DECLINED)
    return conflicts.exclude(patient__status__in=undecided).filter(
        ~Exists(same.filter(HOLDS_KEY)), ~Exists(earlier)
    )


def warnings(job: Job) -> list[Warned]:
    """What the uploader was warned of before sending."""
    if not job.warnings:
        return []
    names: dict[str, str] = {}
    for row in Series.objects.filter(job=job).order_by("pk"):
        names[row.series_uid] = f"{row.modality} {row.description or row.study_description}".strip()
        names.setdefault(row.study_uid, _name_of_study(row))
    # of what is not here yet nobody knows the name, and a UID says nothing to a clinician
    return [
        Warned(Caution(code).sentence(number, gettext), names.get(uid, ""))
        for code, uid, number in job.warnings
    ]


def known_studies(job: Job, study_uids: Iterable[str]) -> list[KnownStudy]:
    """Which of these studies other uploads of the job's team hold, the newest upload first.

    What is merely announced counts as long as it may come.
    """
    here = Series.objects.filter(study_uid__in=set(study_uids))
    coming = DeclaredStudy.objects.filter(study_uid__in=set(study_uids), job__status=JobStatus.UPLOADING)
    holding = Q(pk__in=here.values("job")) | Q(pk__in=coming.values("job"))
    others = Job.objects.filter(holding, team=job.team_id).exclude(pk=job.pk).select_related("created_by")
    newest = list(others.order_by("-created_at", "-pk")[:MOST_KNOWN])
    pairs = {
        pair
        for rows in (here, coming)
        for pair in rows.filter(job__in=newest).values_list("job", "study_uid")
    }
    known = [KnownStudy(uid, other) for other in newest for pk, uid in sorted(pairs) if pk == other.pk]
    return known[:MOST_KNOWN]


def known_to_others(job: Job) -> list[Job]:
    """Other uploads of the team that hold a study of this one, the newest first."""
    uids = _studies_of(job)
    found = {known.job.pk: known.job for known in known_studies(job, uids)} if uids else {}
    return list(found.values())


def known_by_digest(team: Team, digests: Iterable[str]) -> dict[str, File]:
    """The team's files with these very bytes that need not be staged again, by their digest.

    They are delivered to the team's account, or on their way in an upload that goes on by itself, or were
    found wanting while their bytes are still kept; after that the same bytes are looked at anew, perhaps by a
    newer portal. What Qure has not confirmed of an upload at rest is sent anew: there it waits for somebody,
    or for nobody.
    """
    receipts = Attempt.objects.filter(batch=OuterRef("batch"), outcome=Outcome.ACCEPTED)
    is_there = Q(Exists(receipts.filter(destination=team.destination_id)))
    going = (Q(status=FileStatus.SENT) & is_there | MOVES_BY_ITSELF) & ~Q(job__status__in=JOB_AT_REST)
    alive = Q(status=FileStatus.ACCEPTED) & is_there | going
    judged = Q(status__in=JUDGED, parcel__status=ParcelStatus.CHECKED) & ~Q(reason__in=_not_of_bytes(team))
    files = File.objects.filter(alive | judged, job__team=team, sha256__in=set(digests))
    return {file.sha256: file for file in sorted(files, key=lambda file: file.status not in JUDGED)}


def _not_of_bytes(team: Team) -> set[Reason]:
    """Reasons that the same bytes need not meet again."""
    fleeting = {Reason.CONFLICT, Reason.UNCONFIRMED_PATIENT, Reason.TOO_COMPLEX, Reason.NOT_CHECKED}
    return {*fleeting, Reason.NOT_AN_IMAGE} if team.sends_documents else fleeting


def _name_of_study(row: Series) -> str:
    made = _readable_date(row.study_date)
    day = date_format(made, "DATE_FORMAT") if isinstance(made, date) else made
    study = gettext("The study of %(day)s") % {"day": day} if day else gettext("The study")
    return ", ".join(filter(None, (study, f"{row.modality} {row.study_description}".strip())))


def _studies_of(job: Job) -> set[str]:
    here = set(Series.objects.filter(job=job).values_list("study_uid", flat=True))
    return here | set(job.declared_studies.values_list("study_uid", flat=True))


def _readable_date(text: str) -> date | str:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return text
