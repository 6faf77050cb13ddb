"""The manifest: what is to come, so that the server can say what is missing."""

import hashlib
import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F
from django.utils.timezone import now

from uploads import failpoints
from uploads.dicom.names import is_empty_by_nature
from uploads.dicom.text import clean_text
from uploads.failpoints import Point
from uploads.forms import Chosen, Entry, LeftOut, Warned
from uploads.models import (
    LEFT_OUT_AS_EXPECTED,
    MAY_COME_AGAIN,
    MAY_COME_FROM,
    DeclaredSeries,
    DeclaredStudy,
    File,
    Job,
    Parcel,
    Source,
    Team,
    advance_all,
    insert_like,
    record_birth,
    take_turn,
)
from uploads.reasons import EXPECTED, Reason
from uploads.room import Free, require_room
from uploads.states import FileStatus, JobStatus

PATH_LIMIT = 1024  # characters that are kept of a path, to be shown
MOST_WARNINGS = 1000  # that are kept of an upload
MOST_LEFT_OUT = 10_000  # files of an upload that are named without being sent; others are counted
UPDATED_AT_ONCE = 500  # rows
NAME_OF_ADDITION: Final = "added {}/"  # begins the paths of files that were added
BEFORE_CLEARING = timedelta(hours=1)  # nobody adds to what is being cleared away
# Of a file that is to come again nothing is known, whatever was found in what came before.
UNKNOWN: Final[dict[str, Any]] = {  # Any: column values
    "reason": "",
    "is_left_out": False,
    "duplicate_of": None,
    "parcel": None,
    "series": None,
    "patient": None,
    "sop_uid": "",
    "sop_class_uid": "",
    "transfer_syntax_uid": "",
    "kind": "",
    "use": "",
    "sha256": "",
    "wrapper": None,
    "wire_sha256": "",
    "wire_seal": "",
    "batch": None,
}


class JobClosed(Exception):
    """The upload takes no more files."""


class TooManyFiles(Exception):
    """The upload would have more files than one upload may."""


class SizeChanged(Exception):
    """A file was declared before with another size: it is not the same file."""


@dataclass(frozen=True)
class Line:
    """What the server says to one entry."""

    number: int
    is_wanted: bool
    is_here: bool
    reason: Reason | None


@dataclass(frozen=True)
class _Known:
    """What of a file's row an answer needs: a row of thousands each is costly."""

    pk: int
    number: int
    size: int
    status: str
    reason: str


Keyed = Sequence[tuple[str, Entry | LeftOut]]  # each with its path's digest


def open_job(
    team: Team, user: User, request: uuid.UUID, source: Source, note: str = "", is_stat: bool = False
) -> tuple[Job, bool]:
    """Begin a job, or find the one that this request began before; say whether it is new."""
    begun = {"team": team, "source": source, "note": note, "is_stat": is_stat}
    with transaction.atomic():
        job, is_new = Job.objects.get_or_create(created_by=user, request=request, defaults=begun)
        if is_new:
            record_birth(job, f"user:{user.pk}")
    failpoints.reach(Point.MANIFEST_OPENED)
    return job, is_new


def declare(
    job_id: int,
    entries: Sequence[Entry],
    is_last: bool,
    by: str,
    left_out: Sequence[LeftOut] = (),
    anew: bool = False,
) -> list[Line]:
    """Add entries to the manifest and say which are wanted. To repeat it is harmless.

    ``left_out`` is what was chosen with them and will not come. With ``anew``, a person has chosen the
    entries again: those of which nothing usable came before are wanted again. Raises :class:`JobClosed`,
    :class:`TooManyFiles`, :class:`SizeChanged` and, where there is no room for what is new, ``NoRoom``.
    """
    free = Free.now() if entries else Free(None)
    keyed = [(path_digest(entry.path), entry) for entry in entries]
    with transaction.atomic():
        job = take_turn(job_id)
        known = _known(job, keyed)
        if takes_files(job):
            is_changed = anew and _want_again(job, keyed, known, by, free)
            is_changed |= _add(job, keyed, known, by, free)
            _leave_out(job, left_out, by)
            if is_changed or left_out:
                known = _known(job, keyed)
        lines = [_line(known.get(digest), entry, job) for digest, entry in keyed]
        if is_last and job.status == JobStatus.UPLOADING and job.manifest_closed_at is None:
            Job.objects.filter(pk=job.pk).update(manifest_closed_at=now())
        failpoints.reach(Point.MANIFEST_WRITING)
    failpoints.reach(Point.MANIFEST_WRITTEN)
    return lines


def keep_review(
    job_id: int,
    warned: Sequence[Warned],
    study_uids: Sequence[str],
    series: Sequence[Chosen] = (),
    unlisted: int = 0,
) -> None:
    """Keep what the person was warned of, and which studies are to come. To repeat it is harmless.

    ``series`` says how many files of each were chosen; ``unlisted``, how many files are left out beyond those
    that are named.
    """
    with transaction.atomic():
        job = take_turn(job_id)
        told = [[warning.code.value, warning.uid, warning.number] for warning in warned[:MOST_WARNINGS]]
        new = [warning for warning in told if warning not in job.warnings]
        if new:
            Job.objects.filter(pk=job.pk).update(warnings=[*job.warnings, *new][:MOST_WARNINGS])
        if unlisted > job.unlisted:
            Job.objects.filter(pk=job.pk).update(unlisted=unlisted)
        declared = [DeclaredStudy(job=job, study_uid=uid) for uid in study_uids]
        DeclaredStudy.objects.bulk_create(declared, ignore_conflicts=True)
        _keep_chosen(job, series)


def _keep_chosen(job: Job, series: Sequence[Chosen]) -> None:
    """Who goes on with an upload may have chosen a part of it: the most that was chosen counts."""
    known = DeclaredSeries.objects.filter(job=job, series_uid__in=[one.series_uid for one in series])
    counts = {(row.study_uid, row.series_uid): row.count for row in known}
    for one in series:
        uids = one.study_uid, one.series_uid
        counts[uids] = max(one.count, counts.get(uids, 0))
    DeclaredSeries.objects.bulk_create(
        [
            DeclaredSeries(job=job, study_uid=study_uid, series_uid=series_uid, count=count)
            for (study_uid, series_uid), count in counts.items()
        ],
        update_conflicts=True,
        unique_fields=["job", "study_uid", "series_uid"],
        update_fields=["count"],
    )


def takes_files(job: Job) -> bool:
    """Whether somebody may add files: the upload is not cancelled, and not about to be cleared away."""
    kept = timedelta(hours=settings.STAGING_RETENTION_HOURS) - BEFORE_CLEARING
    is_kept = not job.is_at_rest or now() < job.last_arrival_at + kept
    return is_kept and job.status != JobStatus.CANCELLED


def begin_addition(job_id: int) -> int | None:
    """Give the next person who adds files a number, by which their files are told from those before.

    Answer None where none can be added.
    """
    with transaction.atomic():
        job = take_turn(job_id)
        if not takes_files(job):
            return None
        Job.objects.filter(pk=job.pk).update(additions=job.additions + 1)
    return job.additions + 1


def report_unreadable(job_id: int, numbers: Sequence[int], by: str) -> None:
    """Note the files that the person's computer can't read, so that nobody waits for them."""
    with transaction.atomic():
        take_turn(job_id)
        rows = File.objects.filter(job_id=job_id, number__in=numbers)
        pair = (FileStatus.DECLARED, FileStatus.REJECTED)
        advance_all(rows, pair, by, job_id, reason=Reason.UNREADABLE_SOURCE)


def stop_adding(job_id: int, addition: int, numbers: Sequence[int], by: str) -> None:
    """Wait no longer for what somebody was adding, which stays where it is.

    ``numbers`` are files that lacked before and were chosen again with it: they lack again.
    """
    with transaction.atomic():
        job = take_turn(job_id)
        if job.status != JobStatus.UPLOADING:
            return
        added = File.objects.filter(job=job, path__startswith=NAME_OF_ADDITION.format(addition))
        left_out = {"reason": Reason.ADDING_STOPPED, "is_left_out": True}
        advance_all(added, (FileStatus.DECLARED, FileStatus.IGNORED), by, job.pk, **left_out)
        missing = (FileStatus.DECLARED, FileStatus.MISSING)
        again = File.objects.filter(job=job, number__in=numbers)
        advance_all(again, missing, by, job.pk, reason=Reason.NEVER_ARRIVED)
        _count(job)
        if job.manifest_closed_at is None:
            Job.objects.filter(pk=job.pk).update(manifest_closed_at=now())


def path_digest(path: str) -> str:
    """The identity of a path: of the text as it came, before it is cleaned to be shown."""
    return hashlib.sha256(path.encode("utf-8", "surrogatepass")).hexdigest()


def _known(job: Job, keyed: Keyed) -> dict[str, _Known]:
    """The files that have a row already, by the digests of their paths."""
    rows = File.objects.filter(job=job, path_digest__in=[digest for digest, _ in keyed])
    columns = rows.values_list("path_digest", "pk", "number", "size", "status", "reason")
    return {
        digest: _Known(pk, number, size, status, reason)
        for digest, pk, number, size, status, reason in columns
    }


def _add(job: Job, keyed: Keyed, known: dict[str, _Known], by: str, free: Free) -> bool:
    """Add a row for each path that has none; answer whether there was any."""
    new = _without_row(keyed, known)
    if not new:
        return False
    if _count_of(job, is_left_out=False) + len(new) > settings.UPLOAD_JOB_MAX_FILES:
        raise TooManyFiles
    _reserve(job, [entry.size for entry in new.values()], free)
    _open(job, by)
    first = _insert(File(job=job), new)
    Job.objects.filter(pk=job.pk).update(file_count=F("file_count") + len(new))
    if not all(_may_be_sent(entry.size) for entry in new.values()):
        _refuse_at_once(job, first, by)
    return True


def _without_row(keyed: Keyed, known: dict[str, _Known]) -> dict[str, Entry | LeftOut]:
    """Each path that has no row, once, by its digest."""
    return {digest: entry for digest, entry in dict(keyed).items() if digest not in known}


def _insert(example: File, new: dict[str, Entry | LeftOut]) -> int:
    """A row for each, numbered from where the job's numbers end; answer the first number."""
    first = _count_of(example.job)
    rows = [
        (number, clean_text(entry.path, PATH_LIMIT), digest, entry.size)
        for number, (digest, entry) in enumerate(new.items(), start=first)
    ]
    insert_like(example, ("number", "path", "path_digest", "size"), rows)
    return first


def _count_of(job: Job, **conditions: Any) -> int:  # Any: column values
    return File.objects.filter(job=job, **conditions).count()


def _open(job: Job, by: str) -> None:
    """Wait for more files: until the list of them is ended again, and they are here."""
    if job.status != JobStatus.UPLOADING:
        job.advance(JobStatus.UPLOADING, by, manifest_closed_at=None, last_arrival_at=now())
    elif job.manifest_closed_at is not None:
        job.manifest_closed_at = None
        job.save(update_fields=["manifest_closed_at"])


def _reserve(job: Job, sizes: Iterable[int], free: Free) -> None:
    """Raise ``NoRoom`` unless there is room for files of these sizes that may be sent at all."""
    coming = [size for size in sizes if _may_be_sent(size)]
    if coming:
        require_room(job.team, sum(coming), len(coming), free)


def _want_again(job: Job, keyed: Keyed, known: dict[str, _Known], by: str, free: Free) -> bool:
    """Wait again for files of which nothing usable came, even if they have another size now.

    Answer whether there were any.
    """
    ended = {digest for digest, row in known.items() if row.status in MAY_COME_FROM}
    sizes = {digest: entry.size for digest, entry in keyed if digest in ended}
    rows = File.objects.filter(MAY_COME_AGAIN, job=job, path_digest__in=sizes) if sizes else ()
    again = [file for file in rows if _may_be_sent(sizes[file.path_digest])]
    if not again:
        return False
    _reserve(job, (sizes[file.path_digest] for file in again), free)
    _open(job, by)
    Parcel.objects.filter(slice_of__in=again).update(slice_of=None)
    for file in again:
        file.size = sizes[file.path_digest]
    File.objects.bulk_update(again, ["size"], UPDATED_AT_ONCE)
    for status in MAY_COME_FROM:
        here = File.objects.filter(pk__in=[file.pk for file in again])
        advance_all(here, (status, FileStatus.DECLARED), by, job.pk, **UNKNOWN)
    _count(job)
    return True


def _leave_out(job: Job, left_out: Sequence[LeftOut], by: str) -> None:
    """Name what stays where it is. What came before counts; what has not come is not waited for."""
    if not left_out:
        return
    keyed = [(path_digest(line.path), line) for line in left_out]
    room = MOST_LEFT_OUT - _count_of(job, is_left_out=True)
    new = dict(islice(_without_row(keyed, _known(job, keyed)).items(), room))
    if new and job.is_at_rest:
        _open(job, by)  # its last word is to be said again
    _insert(File(job=job, is_left_out=True), new)
    known = _known(job, keyed)
    groups: dict[Reason, list[int]] = defaultdict(list)
    for digest, line in keyed:
        file = known.get(digest)
        if file is not None and file.size == line.size:
            groups[_reason_of(line)].append(file.pk)
    for reason, keys in groups.items():
        pair = (FileStatus.DECLARED, FileStatus.IGNORED if reason in EXPECTED else FileStatus.REJECTED)
        rows = File.objects.filter(pk__in=keys)
        advance_all(rows, pair, by, job.pk, reason=reason, is_left_out=True)
    _count(job)


def _reason_of(line: LeftOut) -> Reason:
    is_junk = line.reason == Reason.EMPTY and is_empty_by_nature(line.path)
    return Reason.SYSTEM_FILE if is_junk else line.reason


def _count(job: Job) -> None:
    """Keep the number that the history shows and sorts by."""
    counted = File.objects.filter(job=job).exclude(LEFT_OUT_AS_EXPECTED).count()
    Job.objects.filter(pk=job.pk).update(file_count=counted)


def _may_be_sent(size: int) -> bool:
    return bool(0 < size <= settings.UPLOAD_FILE_MAX_BYTES)


def _refuse_at_once(job: Job, first: int, by: str) -> None:
    """Say no to what can't be sent, before its bytes travel: among the files from the first number on."""
    new = File.objects.filter(job=job, number__gte=first)
    pair = (FileStatus.DECLARED, FileStatus.REJECTED)
    too_large = new.filter(size__gt=settings.UPLOAD_FILE_MAX_BYTES)
    advance_all(too_large, pair, by, job.pk, reason=Reason.TOO_LARGE)
    empty = new.filter(size=0, status=FileStatus.DECLARED)
    junk = [pk for pk, path in empty.values_list("pk", "path") if is_empty_by_nature(path)]
    ignored = (FileStatus.DECLARED, FileStatus.IGNORED)
    advance_all(new.filter(pk__in=junk), ignored, by, job.pk, reason=Reason.SYSTEM_FILE)
    advance_all(empty, pair, by, job.pk, reason=Reason.EMPTY)


def _line(file: _Known | None, entry: Entry, job: Job) -> Line:
    if file is None:
        raise JobClosed
    if file.size != entry.size:
        raise SizeChanged
    is_wanted = file.status == FileStatus.DECLARED and job.status == JobStatus.UPLOADING
    is_refused = file.status in (FileStatus.REJECTED, FileStatus.MISSING, FileStatus.CANCELLED)
    reason = Reason(file.reason) if file.reason and is_refused else None
    return Line(file.number, is_wanted, not is_wanted and not is_refused, reason)
