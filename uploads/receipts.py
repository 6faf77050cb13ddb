"""The receipt of an upload, as a value: what was sent, what Qure answered, and what that proves.

Words and counts come from ``history`` and ``ledger``: a receipt never says more than the upload's page.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Final
from uuid import UUID

from django.db.models import Count, F, Sum
from django.utils.timezone import now
from django.utils.translation import gettext

from uploads import history, ledger, outcomes
from uploads.models import (
    LEFT_OUT_AS_EXPECTED,
    Attempt,
    Batch,
    File,
    Job,
    Patient,
    Series,
    StateChange,
)
from uploads.reasons import Reason
from uploads.states import BatchStatus, FileStatus, JobStatus, Outcome

FILES_AT_ONCE: Final = 2000  # rows that are held while files are read
SENT: Final = (FileStatus.SENT, FileStatus.ACCEPTED)


@dataclass(frozen=True)
class ReceiptPatient:
    """Whose images the upload holds, as the files say, and whether somebody has said that they may go."""

    name: str
    patient_id: str
    birth_date: str
    sex: str
    status: str
    count: int


@dataclass(frozen=True)
class ReceiptSeries:
    """One series: its ledger, what Qure reported of it last, and a digest over what was sent."""

    ledger: outcomes.SeriesLedger
    reported: int | None
    digest: str


@dataclass(frozen=True)
class ReceiptStudy:
    """One study with its series."""

    study_uid: str
    date: str
    description: str
    accession_number: str
    series: Sequence[ReceiptSeries]


@dataclass(frozen=True)
class ReceiptAttempt:
    """One request to Qure, and Qure's answer, whole."""

    batch: int  # counted within the upload
    number: int
    destination: str
    started_at: datetime
    ended_at: datetime | None
    files: int  # that the request held
    body_bytes: int
    http_status: int | None
    outcome: str
    is_accepted: bool
    detail: str
    answer: str


@dataclass(frozen=True)
class ReceiptFile:
    """One file that was chosen: what it is, and what became of it."""

    number: int
    path: str
    size: int
    study_uid: str
    series_uid: str
    sop_uid: str
    sha256: str  # of the bytes as they arrived
    wire_sha256: str  # of the bytes as they are sent
    outcome: str
    reason: str
    is_chosen: bool  # counted with the upload; else it stayed on the computer, as expected


@dataclass(frozen=True)
class Receipt:
    """All of it but the single files: an upload may hold a hundred thousand."""

    reference: UUID
    team: str
    uploader: str
    source: str
    destinations: Sequence[str]
    is_stat: bool
    note: str
    created_at: datetime
    ended_at: datetime | None
    made_at: datetime
    is_final: bool
    is_accepted: bool
    progress: history.JobProgress
    left_out: int  # on the computer, as expected: listed, but not among those that were chosen
    unlisted: int  # left out beside them
    patients: Sequence[ReceiptPatient]
    studies: Sequence[ReceiptStudy]
    reasons: Sequence[outcomes.ReasonGroup]
    attempts: Sequence[ReceiptAttempt]
    digest: str


def receipt(job: Job) -> Receipt:
    """The upload as it stands now."""
    attempts = _attempts(job)
    series_digests, digest = _digests(job)
    is_final = job.is_at_rest and not Batch.objects.filter(job=job, status=BatchStatus.SENDING).exists()
    return Receipt(
        reference=job.key,
        team=job.team.name,
        uploader=_name_of(job),
        source=job.get_source_display(),
        destinations=sorted({attempt.destination for attempt in attempts}),
        is_stat=job.is_stat,
        note=job.note,
        created_at=job.created_at,
        ended_at=_rested_at(job),
        made_at=now(),
        is_final=is_final,
        is_accepted=is_final and job.status == JobStatus.ACCEPTED,
        progress=history.progress(job),
        left_out=File.objects.filter(LEFT_OUT_AS_EXPECTED, job=job).count(),
        unlisted=job.unlisted,
        patients=_patients(job),
        studies=_studies(job, series_digests),
        reasons=outcomes.reason_groups(job),
        attempts=attempts,
        digest=digest,
    )


def files(job: Job) -> Iterator[ReceiptFile]:
    """Every file of the upload in the order of choosing; few are in memory at a time."""
    rows = File.objects.filter(job=job).select_related("series").defer("wrapper").order_by("number")
    for file in rows.iterator(chunk_size=FILES_AT_ONCE):
        yield ReceiptFile(
            number=file.number,
            path=file.path,
            size=file.size,
            study_uid=file.series.study_uid if file.series else "",
            series_uid=file.series.series_uid if file.series else "",
            sop_uid=file.sop_uid,
            sha256=file.sha256,
            wire_sha256=file.wire_sha256,
            outcome=file.get_status_display(),
            reason=_reason(file),
            is_chosen=not (file.is_left_out and file.status == FileStatus.IGNORED),
        )


def digest_of(pairs: Iterable[tuple[str, str]]) -> str:
    """SHA-256 over the lines "SOP instance UID, blank, SHA-256 as sent", sorted; empty where there are none.

    Anybody with the files, or with the CSV, can compute it again.
    """
    lines = [f"{sop_uid} {sha256}\n" for sop_uid, sha256 in sorted(pairs)]
    return hashlib.sha256("".join(lines).encode()).hexdigest() if lines else ""


def digest_rule() -> str:
    """How anybody can compute the digests again."""
    return gettext(
        "Digest: SHA-256 over the lines “SOP instance UID, blank, SHA-256 of the file as sent”, sorted, "
        "each ended by a line feed, of all files that were sent. The CSV of this receipt lists them."
    )


def _reason(file: File) -> str:
    if file.reason:
        return gettext(Reason(file.reason).sentence)
    is_wrapped = file.wire_sha256 not in ("", file.sha256)
    return gettext(Reason.WRAPPED.sentence) if is_wrapped else ""


def _name_of(job: Job) -> str:
    name, full_name = job.created_by.get_username(), job.created_by.get_full_name()
    return f"{full_name} ({name})" if full_name else name


def _rested_at(job: Job) -> datetime | None:
    if not job.is_at_rest:
        return None
    moves = StateChange.objects.filter(kind="job", job=job, to_status=job.status).order_by("-pk")
    return moves.values_list("at", flat=True).first()


def _patients(job: Job) -> list[ReceiptPatient]:
    rows = Patient.objects.filter(job=job).annotate(count=Count("files")).order_by("pk")
    return [
        ReceiptPatient(
            name=history.readable_name(row.name),
            patient_id=row.patient_id,
            birth_date=_dashed(row.birth_date),
            sex=row.sex,
            status=row.get_status_display(),
            count=row.count,
        )
        for row in rows
    ]


def _studies(job: Job, digests: dict[UUID, str]) -> list[ReceiptStudy]:
    rows = {row.key: row for row in Series.objects.filter(job=job)}
    reported = ledger.reported(list(rows.values()))
    studies = []
    for study_uid, ledgers in groupby(outcomes.series_ledgers(job), key=lambda one: one.study_uid):
        series = [
            ReceiptSeries(one, reported.get(rows[one.key].pk), digests.get(one.key, "")) for one in ledgers
        ]
        first = rows[series[0].ledger.key]
        studies.append(
            ReceiptStudy(
                study_uid, _dashed(first.study_date), first.study_description, first.accession_number, series
            )
        )
    return studies


def _digests(job: Job) -> tuple[dict[UUID, str], str]:
    """A digest over each series' files that were sent, and one over all of them."""
    rows = File.objects.filter(job=job, status__in=SENT, series__isnull=False)
    lines = rows.values_list("series__key", "sop_uid", "wire_sha256").order_by("series__key")
    pairs: dict[UUID, list[tuple[str, str]]] = {}
    for key, sop_uid, sha256 in lines.iterator(chunk_size=FILES_AT_ONCE):
        pairs.setdefault(key, []).append((sop_uid, sha256))
    whole = digest_of(pair for of_series in pairs.values() for pair in of_series)
    return {key: digest_of(of_series) for key, of_series in pairs.items()}, whole


def _attempts(job: Job) -> list[ReceiptAttempt]:
    batches = list(Batch.objects.filter(job=job).order_by("pk").values_list("pk", flat=True))
    place = {pk: number for number, pk in enumerate(batches, start=1)}
    rows = (
        Attempt.objects.filter(batch__job=job)
        .select_related("batch")
        .annotate(destination_name=F("destination__name"), files=Sum("lines__sent", default=0))
    )
    return [
        ReceiptAttempt(
            batch=place[row.batch_id],
            number=row.number,
            destination=row.destination_name,
            started_at=row.started_at,
            ended_at=row.ended_at,
            files=row.files,
            body_bytes=row.body_bytes,
            http_status=row.http_status,
            outcome=_outcome(row),
            is_accepted=_is_proven(row),
            detail=row.detail,
            answer=row.receipt,
        )
        for row in rows.order_by("batch", "number")
    ]


def _is_proven(attempt: Attempt) -> bool:
    return attempt.outcome == Outcome.ACCEPTED and attempt.batch.status == BatchStatus.ACCEPTED


def _outcome(attempt: Attempt) -> str:
    """A receipt that came is not yet a proof: it may count fewer images than were sent."""
    if attempt.outcome == Outcome.ACCEPTED and not _is_proven(attempt):
        return gettext("Answered; the counts prove less than was sent")
    return attempt.get_outcome_display()


def _dashed(text: str) -> str:
    """A date of DICOM as a receipt writes dates; what is none stays as it is."""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return text
