"""What becomes of a checked file, and the rows that say so. Call these within the job's turn."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from django.db import connection

from uploads.dicom.findings import Flag, Identity, Kind, Outcome
from uploads.models import (
    HOLDS_KEY,
    File,
    Job,
    Parcel,
    Patient,
    Series,
    Source,
    Team,
    advance_all,
    record_birth,
)
from uploads.pipeline.validation.inspecting import Checked, waiting_sliced, waiting_whole
from uploads.reasons import Reason
from uploads.states import FileStatus, PatientStatus, SeriesStatus

BY: Final = "task:check_parcel"
BY_SCRIPT: Final = "script"  # whoever runs it vouches for the patients
SERIES_NUMBERS: Final = range(-(2**31), 2**31)  # of an IS (PS3.5 6.2)
STATUS_OF: Final = {
    Outcome.VALID: FileStatus.VALID,
    Outcome.REJECTED: FileStatus.REJECTED,
    Outcome.IGNORED: FileStatus.IGNORED,
    Outcome.QUARANTINED: FileStatus.QUARANTINED,
}


@dataclass(frozen=True)
class Verdict:
    """What a checked file becomes."""

    checked: Checked
    status: FileStatus
    reason: Reason | None
    series: Series | None
    patient: Patient | None
    duplicate_of: int | None = None

    @property
    def holds_key(self) -> bool:
        """Whether no other file may be this instance: ``uploads.models.HOLDS_KEY``."""
        return self.status == FileStatus.VALID or self.reason == Reason.UNCONFIRMED_PATIENT


def write_verdicts(parcel: Parcel, all_checked: Sequence[Checked]) -> None:
    """Decide about the files that still wait for a verdict."""
    keys = [checked.file.pk for checked in all_checked]
    waiting = File.objects.filter(pk__in=keys, status=FileStatus.RECEIVED)
    still_waiting = set(waiting.values_list("pk", flat=True))
    fresh = [checked for checked in all_checked if checked.file.pk in still_waiting]
    # read anew: patients may have been confirmed since the parcel was
    job = Job.objects.select_related("team").get(pk=parcel.job_id)
    verdicts = _decide(job, fresh)
    _write_facts(verdicts)
    groups: dict[tuple[FileStatus, Reason | None], list[int]] = defaultdict(list)
    for verdict in verdicts:
        groups[verdict.status, verdict.reason].append(verdict.checked.file.pk)
    for (status, reason), keys in groups.items():
        rows = File.objects.filter(pk__in=keys)
        advance_all(rows, (FileStatus.RECEIVED, status), BY, parcel.job_id, reason=reason or "")
    _reopen(job, [verdict.series for verdict in verdicts if verdict.status == FileStatus.VALID])


def name_lost(parcel: Parcel) -> None:
    """The staged object is gone: say which files must be chosen again."""
    _name(parcel, _waiting(parcel), FileStatus.MISSING, Reason.STAGED_BYTES_LOST)


def name_unchecked(parcel: Parcel) -> None:
    """Nothing could be checked for hours, through no fault of the files."""
    _name(parcel, _waiting(parcel), FileStatus.REJECTED, Reason.NOT_CHECKED)


def name_first(parcel: Parcel) -> None:
    """The first file that waits takes down whoever looks at it."""
    _name(parcel, _waiting(parcel)[:1], FileStatus.REJECTED, Reason.TOO_COMPLEX)


def _reopen(job: Job, series: Sequence[Series | None]) -> None:
    """What was complete is so no more: somebody has added to it."""
    complete = Series.objects.filter(pk__in={row.pk for row in series if row})
    advance_all(complete, (SeriesStatus.COMPLETE, SeriesStatus.OPEN), BY, job.pk)


def _waiting(parcel: Parcel) -> list[int]:
    files = [*waiting_whole(parcel), *waiting_sliced(parcel)]
    return [file.pk for file in files]


def _name(parcel: Parcel, keys: Sequence[int], status: FileStatus, reason: Reason) -> None:
    rows = File.objects.filter(pk__in=keys)
    advance_all(rows, (FileStatus.RECEIVED, status), BY, parcel.job_id, reason=reason)


def _decide(job: Job, fresh: Sequence[Checked]) -> list[Verdict]:
    series = _series_of(job.pk, [checked.finding.identity for checked in fresh if checked.finding.identity])
    patients = _patients_of(job, fresh)
    holders = _holders(series.values(), fresh)
    verdicts = []
    for checked in fresh:
        identity = checked.finding.identity
        row = series.get((identity.study_uid, identity.series_uid)) if identity else None
        patient = patients[identity.match_key] if identity else None
        verdict = _verdict(checked, row, patient, job.team, holders)
        if verdict.holds_key and row and identity:
            holders[row.pk, identity.sop_uid] = (checked.file.pk, checked.sha256)
        verdicts.append(verdict)
    return verdicts


Holders = dict[tuple[int, str], tuple[int, str]]  # (series, SOP instance UID) -> (file, digest)


def _verdict(
    checked: Checked, series: Series | None, patient: Patient | None, team: Team, holders: Holders
) -> Verdict:
    finding = checked.finding
    identity = finding.identity
    if finding.outcome != Outcome.VALID or series is None or patient is None or identity is None:
        return Verdict(checked, STATUS_OF[finding.outcome], finding.reason, series, patient)
    if patient.status == PatientStatus.DECLINED:
        return Verdict(checked, FileStatus.CANCELLED, Reason.DECLINED, series, patient)
    holder = holders.get((series.pk, identity.sop_uid))
    if holder is not None:
        return _beside(holder, checked, series, patient)
    if identity.kind in (Kind.REPORT, Kind.DOCUMENT) and not team.sends_documents:
        return Verdict(checked, FileStatus.IGNORED, Reason.NOT_AN_IMAGE, series, patient)
    if patient.status != PatientStatus.CONFIRMED:
        return Verdict(checked, FileStatus.QUARANTINED, Reason.UNCONFIRMED_PATIENT, series, patient)
    return Verdict(checked, FileStatus.VALID, None, series, patient)


def _beside(holder: tuple[int, str], checked: Checked, series: Series, patient: Patient) -> Verdict:
    """What becomes of a file whose image number another file has."""
    if holder[1] == checked.sha256:
        return Verdict(checked, FileStatus.DUPLICATE, Reason.DUPLICATE, series, patient, holder[0])
    return Verdict(checked, FileStatus.QUARANTINED, Reason.CONFLICT, series, patient)


def _series_of(job_id: int, identities: Sequence[Identity]) -> dict[tuple[str, str], Series]:
    wanted = {(identity.study_uid, identity.series_uid): identity for identity in identities}
    uids = [series_uid for _, series_uid in wanted]
    found = {
        (row.study_uid, row.series_uid): row
        for row in Series.objects.filter(job_id=job_id, series_uid__in=uids)
    }
    for key, identity in wanted.items():
        if key not in found:
            found[key] = Series.objects.create(
                job_id=job_id,
                study_uid=identity.study_uid,
                series_uid=identity.series_uid,
                modality=identity.modality[:16],
                description=identity.series_description[:64],
                study_date=identity.study_date[:8],
                study_description=identity.study_description,
                accession_number=identity.accession_number,
                series_number=_series_number(identity.series_number),
                body_part=identity.body_part,
            )
            record_birth(found[key], BY)
    return found


def _series_number(text: str) -> int | None:
    """The number, if it is one that DICOM allows."""
    try:
        number = int(text)
    except ValueError:
        return None
    return number if number in SERIES_NUMBERS else None


def _patients_of(job: Job, fresh: Sequence[Checked]) -> dict[str, Patient]:
    """The patients whom the files name, by their match keys; new ones stand as the uploader said."""
    named = {
        checked.finding.identity.match_key: checked for checked in reversed(fresh) if checked.finding.identity
    }
    found = {row.match_key: row for row in Patient.objects.filter(job=job, match_key__in=named)}
    for key, checked in named.items():
        if key not in found:
            found[key] = _new_patient(job, key, checked)
    return found


def _new_patient(job: Job, key: str, checked: Checked) -> Patient:
    identity = checked.finding.identity
    assert identity is not None  # noqa: S101  # whoever has no identity names no patient
    patient = Patient.objects.create(
        job=job,
        match_key=key,
        patient_id=identity.patient_id,
        name=identity.patient_name,
        birth_date=identity.birth_date,
        sex=identity.sex,
        has_undecodable_text=Flag.UNDECODABLE_TEXT in checked.finding.flags,
    )
    record_birth(patient, BY)
    confirmed_by = BY_SCRIPT if job.source == Source.SCRIPT else job.confirmed.get(key)
    if confirmed_by is not None:
        patient.advance(PatientStatus.CONFIRMED, confirmed_by)
    return patient


def _holders(series: Iterable[Series], fresh: Sequence[Checked]) -> Holders:
    """Who holds each instance's key already."""
    uids = [checked.finding.identity.sop_uid for checked in fresh if checked.finding.identity]
    held = File.objects.filter(HOLDS_KEY, series__in=list(series), sop_uid__in=uids)
    rows = held.values_list("series_id", "sop_uid", "pk", "sha256")
    return {(series_id, sop_uid): (pk, sha256) for series_id, sop_uid, pk, sha256 in rows if series_id}


def _write_facts(verdicts: Sequence[Verdict]) -> None:
    """Write what was found in the files, by one prepared statement: bulk_update costs five times as much."""
    sql = (
        f"UPDATE {File._meta.db_table} SET series_id=%s, patient_id=%s, sop_uid=%s, sop_class_uid=%s,"  # noqa: S608  # a constant
        " transfer_syntax_uid=%s, kind=%s, use=%s, sha256=%s, wrapper=%s, wire_sha256=%s, wire_seal=%s,"
        " duplicate_of_id=%s WHERE id=%s"
    )
    rows = [_facts(verdict) for verdict in verdicts]
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(sql, rows)


def _facts(verdict: Verdict) -> tuple[int | str | bytes | None, ...]:
    checked, identity = verdict.checked, verdict.checked.finding.identity
    return (
        verdict.series.pk if verdict.series else None,
        verdict.patient.pk if verdict.patient else None,
        identity.sop_uid if identity else "",
        identity.sop_class_uid if identity else "",
        identity.transfer_syntax_uid if identity else "",
        identity.kind.value if identity else "",
        identity.use.value if identity else "",
        checked.sha256,
        checked.finding.wrapper or None,
        checked.wire_sha256,
        checked.wire_seal,
        verdict.duplicate_of,
        checked.file.pk,
    )
