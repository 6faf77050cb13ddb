"""9: nothing leaves of a patient whom nobody has confirmed."""

from typing import Final

from django.db.models import F, Q

from uploads.models import File
from uploads.states import FileStatus, PatientStatus
from uploads.verification.pieces import Violations, keys

LEAVES: Final = Q(
    status__in=(FileStatus.VALID, FileStatus.SENT, FileStatus.ACCEPTED, FileStatus.REFUSED)
) | Q(batch__attempts__isnull=False)


def no_file_of_an_unconfirmed_patient_leaves() -> Violations:
    """9. Every file that was sent, or will be, is of a patient whom somebody confirmed.

    Files from before there was a gate name no patient.
    """
    leaving = File.objects.filter(LEAVES, patient__isnull=False).distinct()
    for pk in keys(leaving.exclude(patient__status=PatientStatus.CONFIRMED)):
        yield f"9: file {pk} leaves, but its patient is not confirmed"
    for pk in keys(File.objects.filter(patient__isnull=False).exclude(patient__job_id=F("job_id"))):
        yield f"9: file {pk} is of a patient of another job"
