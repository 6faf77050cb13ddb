"""Which uploads are listed, and what a row shows.

An upload may hold a hundred thousand files and a team a hundred thousand uploads. So the list is sorted and
cut by primary keys alone, and files are counted only for the rows that are shown.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final, TypeVar

from django.contrib.auth.models import User
from django.db.models import Case, Count, Exists, F, IntegerField, OuterRef, QuerySet, Value, When
from django.db.models.expressions import Expression
from django.utils.timezone import make_aware, now

from uploads import history
from uploads.job_list.filters import Filters
from uploads.job_list.search import holding
from uploads.models import LEFT_OUT_AS_EXPECTED, File, Job, Patient, Series, Source
from uploads.states import FILE_PROBLEMS, FileStatus, JobStatus

SILENT: Final = timedelta(minutes=2)  # without a parcel: the upload does not move
MOST_UNFINISHED: Final = 3
ROWS_AT_ONCE: Final = 500  # of a whole list
URGENCY: Final = (
    JobStatus.ATTENTION,
    JobStatus.UPLOADING,
    JobStatus.PROCESSING,
    JobStatus.ACCEPTED,
    JobStatus.CANCELLED,
)
ALONG_AN_INDEX: Final = {
    "date": ("-created_at", "-pk"),
    "files": ("-file_count", "-created_at", "-pk"),
}
SORTED: Final[dict[str, F | Expression]] = {
    "status": Case(
        *(When(status=status, then=Value(place)) for place, status in enumerate(URGENCY)),
        output_field=IntegerField(),
    ),
    "by": F("created_by__username"),
}

Thing = TypeVar("Thing")


@dataclass(frozen=True)
class StudyLine:
    """A study of an upload, with the number of its series of one modality."""

    study_uid: str
    accession_number: str
    modality: str
    series_count: int


@dataclass(frozen=True)
class PatientLine:
    """Whom an upload is about."""

    name: str
    patient_id: str


@dataclass(frozen=True)
class JobRow:
    """One upload in a line."""

    job: Job
    patients: Sequence[PatientLine]
    studies: Sequence[StudyLine]
    selected: int
    coming: int
    accepted: int
    problems: int

    @property
    def modalities(self) -> list[str]:
        """Each once."""
        return sorted({study.modality for study in self.studies if study.modality})

    @property
    def series_count(self) -> int:
        """Of all studies."""
        return sum(study.series_count for study in self.studies)

    @property
    def more_patients(self) -> int:
        """Those beside the first."""
        return max(0, len(self.patients) - 1)

    @property
    def is_moving(self) -> bool:
        """It may look different in a moment."""
        is_arriving = self.job.status == JobStatus.UPLOADING and self.job.last_arrival_at > now() - SILENT
        return is_arriving or self.job.status == JobStatus.PROCESSING


def wanted(user: User, filters: Filters) -> QuerySet[Job]:
    """The person's uploads that the filters let through, in the order that is asked for."""
    jobs = _of_teams(user)
    for word in filters.words:
        jobs = jobs.filter(holding(word))
    if filters.status:
        jobs = jobs.filter(status=filters.status)
    if filters.uploader:
        jobs = jobs.filter(created_by=filters.uploader)
    if filters.is_stat:
        jobs = jobs.filter(is_stat=True)
    if filters.modality:
        jobs = jobs.filter(pk__in=Series.objects.filter(modality=filters.modality).values("job"))
    if filters.since:
        jobs = jobs.filter(created_at__gte=_midnight(filters.since))
    if filters.until:
        jobs = jobs.filter(created_at__lt=_midnight(filters.until + timedelta(days=1)))
    return _sorted(jobs, filters.sort)


def unfinished(user: User) -> tuple[list[JobRow], int]:
    """The newest uploads for which files are still to come, and how many there are in all."""
    jobs = _sorted(_of_teams(user).filter(status=JobStatus.UPLOADING), "-date")
    return rows_of(jobs.values_list("pk", flat=True)[:MOST_UNFINISHED]), jobs.count()


def left_behind(user: User) -> int:
    """How many uploads the person has begun in the browser that have been waiting for a while."""
    own = _of_teams(user).filter(created_by=user, source=Source.BROWSER, status=JobStatus.UPLOADING)
    return own.filter(last_arrival_at__lte=now() - SILENT).count()


def uploaders(user: User) -> QuerySet[User]:
    """Everybody who has sent something for the person's teams."""
    return User.objects.filter(Exists(_of_teams(user).filter(created_by=OuterRef("pk")))).order_by("username")


def rows_of(keys: Iterable[int]) -> list[JobRow]:
    """The rows of jobs, by their primary keys, in that order: as many queries for one as for fifty."""
    wished = list(keys)
    jobs = Job.objects.select_related("team", "created_by").in_bulk(wished)
    counts = _counts(wished)
    patients = _patients(wished)
    studies = _studies(wished)
    return [
        _row(jobs[key], counts[key], patients.get(key, []), studies.get(key, []))
        for key in wished
        if key in jobs
    ]


def all_rows(jobs: QuerySet[Job]) -> Iterator[list[JobRow]]:
    """Every row, some hundred at a time; which ones is settled at the beginning."""
    keys = list(jobs.values_list("pk", flat=True))
    for start in range(0, len(keys), ROWS_AT_ONCE):
        yield rows_of(keys[start : start + ROWS_AT_ONCE])


def _of_teams(user: User) -> QuerySet[Job]:
    """By the teams' keys and without a join, so that the indexes which begin with the team serve."""
    return Job.objects.filter(team__in=list(history.teams_of(user).values_list("pk", flat=True)))


def _sorted(jobs: QuerySet[Job], sort: str) -> QuerySet[Job]:
    column = sort.removeprefix("-")
    is_descending = sort.startswith("-")
    if column in ALONG_AN_INDEX:
        jobs = jobs.order_by(*ALONG_AN_INDEX[column])
        return jobs if is_descending else jobs.reverse()
    by = SORTED[column]
    return jobs.order_by(by.desc() if is_descending else by.asc(), "-created_at", "-pk")


def _midnight(day: date) -> datetime:
    return make_aware(datetime.combine(day, time.min))


def _row(job: Job, counts: Counter[str], patients: list[PatientLine], studies: list[StudyLine]) -> JobRow:
    problems = sum(counts[status] for status in (*FILE_PROBLEMS, FileStatus.QUARANTINED))
    if job.status == JobStatus.ATTENTION:  # what Qure has not confirmed, or what could not be sent
        problems += counts[FileStatus.SENT] + counts[FileStatus.VALID]
    return JobRow(
        job=job,
        patients=patients,
        studies=studies,
        selected=counts.total(),
        coming=counts[FileStatus.DECLARED],
        accepted=counts[FileStatus.ACCEPTED],
        problems=problems,
    )


def _counts(keys: Sequence[int]) -> dict[int, Counter[str]]:
    counts: dict[int, Counter[str]] = {key: Counter() for key in keys}
    files = File.objects.filter(job__in=keys).exclude(LEFT_OUT_AS_EXPECTED)
    rows = files.values_list("job", "status").annotate(count=Count("pk"))
    for key, status, count in rows.order_by():
        counts[key][status] = count
    return counts


def _patients(keys: Sequence[int]) -> dict[int, list[PatientLine]]:
    rows = Patient.objects.filter(job__in=keys).order_by("pk").values_list("job", "name", "patient_id")
    return _grouped((key, PatientLine(history.readable_name(name), number)) for key, name, number in rows)


def _studies(keys: Sequence[int]) -> dict[int, list[StudyLine]]:
    columns = ("job", "study_uid", "accession_number", "modality")
    rows = Series.objects.filter(job__in=keys).values_list(*columns).annotate(count=Count("pk"))
    return _grouped((key, StudyLine(*line)) for key, *line in rows.order_by(*columns))


def _grouped(pairs: Iterable[tuple[int, Thing]]) -> dict[int, list[Thing]]:
    groups: dict[int, list[Thing]] = defaultdict(list)
    for key, thing in pairs:
        groups[key].append(thing)
    return groups
