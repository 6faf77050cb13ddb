"""Whose images a job holds, as the files say, and whether they may be sent."""

import uuid

from django.db import models

from uploads.models.jobs import Job
from uploads.models.state import Stateful, status_check
from uploads.states import PATIENT_MOVES, PatientStatus


class Patient(Stateful):
    """One patient of a job. Texts are as the first of the patient's files has them."""

    moves = PATIENT_MOVES

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    job = models.ForeignKey(Job, models.CASCADE, related_name="patients")
    match_key = models.CharField(max_length=64)  # uploads.dicom.patients: the same key, the same patient
    patient_id = models.CharField(max_length=64, blank=True, db_index=True)
    name = models.CharField(max_length=200, blank=True)
    birth_date = models.CharField(max_length=64, blank=True)
    sex = models.CharField(max_length=64, blank=True)
    has_undecodable_text = models.BooleanField(default=False)  # the texts may not read as they were meant
    status = models.CharField(max_length=20, choices=PatientStatus.choices, default=PatientStatus.UNCONFIRMED)

    class Meta:
        constraints = [
            status_check("patient_status", PatientStatus),
            models.UniqueConstraint(fields=["job", "match_key"], name="one_patient_a_job"),
        ]

    def __str__(self) -> str:
        return f"Patient {self.pk}"

    @property
    def change_job_id(self) -> int | None:
        """The job it belongs to."""
        return self.job_id


class DeclaredStudy(models.Model):
    """A study that the browser said it would send, before any of it was here."""

    job = models.ForeignKey(Job, models.CASCADE, related_name="declared_studies")
    study_uid = models.CharField(max_length=64, db_index=True)

    class Meta:
        verbose_name_plural = "declared studies"
        constraints = [models.UniqueConstraint(fields=["job", "study_uid"], name="one_declaration_a_study")]

    def __str__(self) -> str:
        return f"Study of job {self.job_id}"


class DeclaredSeries(models.Model):
    """How many files of a series were chosen in the browser, at most, before any of them was here."""

    job = models.ForeignKey(Job, models.CASCADE, related_name="declared_series")
    study_uid = models.CharField(max_length=64)
    series_uid = models.CharField(max_length=64)
    count = models.PositiveIntegerField()

    class Meta:
        verbose_name_plural = "declared series"
        constraints = [
            models.UniqueConstraint(fields=["job", "study_uid", "series_uid"], name="one_declared_series")
        ]

    def __str__(self) -> str:
        return f"Series of job {self.job_id}"
