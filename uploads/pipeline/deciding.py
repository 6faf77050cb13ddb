"""What a person decides about files that are held back: send them, or don't."""

from collections.abc import Iterable
from typing import Final

from django.db import transaction

from uploads import failpoints
from uploads.concerns import sendable_conflicts
from uploads.failpoints import Point
from uploads.models import File, Job, Patient, Series, advance_all, take_turn
from uploads.reasons import Reason
from uploads.states import FileStatus, JobStatus, PatientStatus, SeriesStatus

RELEASED: Final = (FileStatus.QUARANTINED, FileStatus.VALID)
NOT_SENT: Final = (FileStatus.QUARANTINED, FileStatus.CANCELLED)


def confirm(job_id: int, match_keys: Iterable[str], by: str) -> None:
    """Note that these patients' files may be sent, whether they are here yet or not.

    To repeat it is harmless.
    """
    wanted = set(match_keys)
    with transaction.atomic():
        job = take_turn(job_id)
        new = wanted - set(job.confirmed)
        if not new or job.status == JobStatus.CANCELLED:
            return
        Job.objects.filter(pk=job.pk).update(confirmed=job.confirmed | dict.fromkeys(sorted(new), by))
        for patient in Patient.objects.filter(job=job, match_key__in=new, status=PatientStatus.UNCONFIRMED):
            _send(job, patient, by)


def decide(patient: Patient, send: bool, by: str) -> bool:
    """Send a patient's files that are held back, or never send them. Answer whether it was still open."""
    with transaction.atomic():
        job = take_turn(patient.job_id)
        patient = Patient.objects.get(pk=patient.pk)
        if patient.status != PatientStatus.UNCONFIRMED or job.status == JobStatus.CANCELLED:
            return False
        if send:
            _send(job, patient, by)
        else:
            patient.advance(PatientStatus.DECLINED, by)
            held = File.objects.filter(patient=patient)
            advance_all(held, NOT_SENT, by, job.pk, reason=Reason.DECLINED)
            _wake(job, by)
    failpoints.reach(Point.DECISION_WRITTEN)
    return True


def decide_conflicts(job_id: int, send: bool, by: str) -> int:
    """Send the other images of numbers that nothing else holds any more, or none of those held back for it.

    Answer how many files that was about.
    """
    with transaction.atomic():
        job = take_turn(job_id)
        if job.status == JobStatus.CANCELLED:
            return 0
        if send:
            rows = File.objects.filter(pk__in=sendable_conflicts(job).values("pk"))
            decided = advance_all(rows, RELEASED, by, job.pk, reason="")
        else:
            rows = File.objects.filter(job=job, reason=Reason.CONFLICT)
            decided = advance_all(rows, NOT_SENT, by, job.pk, reason=Reason.DECLINED)
        if decided:
            _reopen(job, decided, by)
            _wake(job, by)
    failpoints.reach(Point.CONFLICTS_WRITTEN)
    return len(decided)


def _send(job: Job, patient: Patient, by: str) -> None:
    patient.advance(PatientStatus.CONFIRMED, by)
    held = File.objects.filter(patient=patient, reason=Reason.UNCONFIRMED_PATIENT)
    released = advance_all(held, RELEASED, by, job.pk, reason="")
    if released:
        _reopen(job, released, by)
        _wake(job, by)


def _reopen(job: Job, file_ids: list[int], by: str) -> None:
    """What was complete is so no more: more of it is to be sent."""
    going = File.objects.filter(pk__in=file_ids, status=FileStatus.VALID)
    complete = Series.objects.filter(job=job, pk__in=going.values("series"), status=SeriesStatus.COMPLETE)
    advance_all(complete, (SeriesStatus.COMPLETE, SeriesStatus.OPEN), by, job.pk)


def _wake(job: Job, by: str) -> None:
    if job.status == JobStatus.ATTENTION:
        job.advance(JobStatus.PROCESSING, by)
