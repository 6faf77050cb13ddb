"""What a person sends: the job, its files, the parcels they arrive in and the series they belong to."""

import uuid
from typing import Final

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.timezone import now
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from uploads.models.state import Stateful, status_check
from uploads.models.teams import Team
from uploads.reasons import WORTH_ANOTHER_TRY, Reason
from uploads.states import (
    FILE_HOLDS_KEY,
    FILE_MOVES,
    JOB_AT_REST,
    JOB_MOVES,
    PARCEL_MOVES,
    SERIES_MOVES,
    BatchStatus,
    FileStatus,
    JobStatus,
    ParcelStatus,
    SeriesStatus,
)


class Source(models.TextChoices):
    """Where a job came from."""

    BROWSER = "browser", _("Browser")
    SCRIPT = "script", _("Script")


class Kind(models.TextChoices):
    """What an instance is for; the values are those of ``uploads.dicom.findings.Kind``."""

    IMAGE = "image", "Image"
    SECONDARY = "secondary", "Secondary capture"
    REPORT = "report", "Report"
    DOCUMENT = "document", "Document"
    OTHER = "other", "Other"


class Picture(models.TextChoices):
    """Whether there is a small picture of a series."""

    WAITING = "waiting", "Waiting"
    MADE = "made", "Made"
    NONE = "none", "None"


class Job(Stateful):
    """What one person sends in one go."""

    moves = JOB_MOVES

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    team = models.ForeignKey(Team, models.PROTECT, related_name="jobs")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="jobs")
    created_at = models.DateTimeField(default=now, db_index=True)
    source = models.CharField(max_length=20, choices=Source.choices, default=Source.BROWSER)
    status = models.CharField(max_length=20, choices=JobStatus.choices, default=JobStatus.UPLOADING)
    # made by the browser, so that a repeated request makes one job
    request = models.UUIDField(default=uuid.uuid4)
    # counts the decisions taken about the job as a whole; whoever raises it goes first
    turn = models.PositiveIntegerField(default=0)
    manifest_closed_at = models.DateTimeField(null=True)
    last_arrival_at = models.DateTimeField(default=now)
    # kept with the manifest: the history is sorted by it, and millions of files can't be counted for that
    file_count = models.PositiveIntegerField(default=0)
    unlisted = models.PositiveIntegerField(default=0)  # left out beyond those that have a row
    additions = models.PositiveIntegerField(default=0)  # times that somebody set about adding files
    purged_at = models.DateTimeField(null=True)  # nothing of it is staged any more
    is_stat = models.BooleanField(default=False)  # it goes ahead of everybody's bulk
    note = models.CharField(max_length=200, blank=True)  # the uploader's own words; may name a patient
    warnings = models.JSONField(default=list)  # what the browser warned of: uploads.reasons.Caution
    confirmed = models.JSONField(default=dict)  # match keys of patients that may be sent -> who said so

    class Meta:
        constraints = [
            status_check("job_status", JobStatus),
            models.UniqueConstraint(fields=["created_by", "request"], name="one_job_a_request"),
        ]
        indexes = [
            models.Index(fields=["status"]),
            # the history: sorted and cut without a look at the rows
            models.Index(fields=["team", "-created_at", "-id"], name="history_newest"),
            models.Index(fields=["team", "status", "-created_at", "-id"], name="history_of_status"),
            models.Index(fields=["team", "created_by", "-created_at", "-id"], name="history_of_uploader"),
            models.Index(fields=["team", "-file_count", "-created_at", "-id"], name="history_largest"),
        ]

    def __str__(self) -> str:
        return f"Upload {self.key}"

    @property
    def change_job_id(self) -> int | None:
        """The job itself."""
        return self.pk

    @property
    def is_at_rest(self) -> bool:
        """Nothing moves until a person acts."""
        return self.status in JOB_AT_REST

    @property
    def can_continue(self) -> bool:
        """A person has begun it, and a person can finish it."""
        return self.status == JobStatus.UPLOADING and self.source == Source.BROWSER


def take_turn(job_id: int) -> Job:
    """Be the only one who decides about this job until the transaction ends; answer the job as it is now.

    The UPDATE locks the row on PostgreSQL; on SQLite the transaction has the only write lock already.
    Call it first thing in a transaction.
    """
    Job.objects.filter(pk=job_id).update(turn=F("turn") + 1)
    return Job.objects.get(pk=job_id)


class Series(Stateful):
    """One series of a job. Its ledger is counted from the files and the receipts."""

    moves = SERIES_MOVES

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    job = models.ForeignKey(Job, models.CASCADE, related_name="series")
    study_uid = models.CharField(max_length=64, db_index=True)
    series_uid = models.CharField(max_length=64, db_index=True)
    modality = models.CharField(max_length=16, blank=True)
    description = models.CharField(max_length=64, blank=True)
    study_date = models.CharField(max_length=8, blank=True)
    study_description = models.CharField(max_length=64, blank=True)
    accession_number = models.CharField(max_length=64, blank=True)
    series_number = models.IntegerField(null=True)
    body_part = models.CharField(max_length=64, blank=True)
    status = models.CharField(max_length=20, choices=SeriesStatus.choices, default=SeriesStatus.OPEN)
    picture = models.CharField(max_length=20, choices=Picture.choices, default=Picture.WAITING)
    picture_due_at = models.DateTimeField(null=True, db_index=True)
    picture_tries = models.PositiveSmallIntegerField(default=0)  # begun; each has an object name of its own

    class Meta:
        verbose_name_plural = "series"
        constraints = [
            status_check("series_status", SeriesStatus),
            status_check("series_picture", Picture, "picture"),
            models.UniqueConstraint(fields=["job", "study_uid", "series_uid"], name="one_series_a_job"),
        ]
        indexes = [
            models.Index(fields=["modality", "job"], name="history_of_modality"),
            models.Index(fields=["accession_number", "job"], name="history_of_accession"),
        ]

    def __str__(self) -> str:
        return f"Series {self.pk}"

    @property
    def picture_name(self) -> str:
        """The name of the staged object that holds the picture, when there is one."""
        return f"{self.job.key}/{self.key}-{self.picture_tries}.png"

    @property
    def change_job_id(self) -> int | None:
        """The job it belongs to."""
        return self.job_id


class Parcel(Stateful):
    """The bytes of one upload request: one staged object.

    ``layout`` says where its members lie, in order: ``[file number, offset in the file, offset in the
    parcel, length, SHA-256, seal]``, in bytes; of a slice also the SHA-256 of the file that it was cut from.
    """

    moves = PARCEL_MOVES

    job = models.ForeignKey(Job, models.CASCADE, related_name="parcels")
    key = models.UUIDField()
    object_name = models.CharField(max_length=120)
    size = models.PositiveBigIntegerField()
    digest = models.CharField(max_length=64)
    layout = models.JSONField()
    # set when the parcel is a slice of one big file
    slice_of = models.ForeignKey("File", models.CASCADE, null=True, related_name="slices")
    status = models.CharField(max_length=20, choices=ParcelStatus.choices, default=ParcelStatus.STORED)
    created_at = models.DateTimeField(default=now)
    due_at = models.DateTimeField(default=now)
    lease_until = models.DateTimeField(null=True)  # no two leases end at the same microsecond
    failures = models.PositiveIntegerField(default=0)  # times that checker or storage were out of order
    strikes = models.PositiveIntegerField(default=0)  # workers lost over the same file, in a row

    class Meta:
        constraints = [
            status_check("parcel_status", ParcelStatus),
            models.UniqueConstraint(fields=["job", "key"], name="one_parcel_a_request"),
        ]
        indexes = [models.Index(fields=["status", "lease_until"])]

    def __str__(self) -> str:
        return f"Parcel {self.pk}"

    @property
    def cut_from(self) -> str:
        """SHA-256 of the file that the slice was cut from; empty where it came before slices said so."""
        return "".join(self.layout[0][6:])

    @property
    def change_job_id(self) -> int | None:
        """The job it belongs to."""
        return self.job_id

    def fence(self) -> Q:
        """Only the holder of the newest lease may write."""
        return Q(lease_until=self.lease_until)


# One instance, one live file. What waits for a decision about its patient holds the key too: when it is
# released, nobody has taken it.
HOLDS_KEY: Final = Q(status__in=sorted(FILE_HOLDS_KEY)) | Q(
    status=FileStatus.QUARANTINED.value, reason=Reason.UNCONFIRMED_PATIENT.value
)


class File(Stateful):
    """One line of the manifest: what was chosen, what it is, what became of it."""

    moves = FILE_MOVES

    job = models.ForeignKey(Job, models.CASCADE, related_name="files")
    number = models.PositiveIntegerField()  # within the job; the name on the wire
    path = models.CharField(max_length=1024)  # as shown; may name a patient
    path_digest = models.CharField(max_length=64)  # SHA-256 of the path as it came: its identity
    size = models.PositiveBigIntegerField()
    status = models.CharField(max_length=20, choices=FileStatus.choices, default=FileStatus.DECLARED)
    reason = models.CharField(max_length=30, blank=True)  # a code of uploads.reasons
    is_left_out = models.BooleanField(default=False)  # by the upload page: its bytes never came
    duplicate_of = models.ForeignKey("self", models.SET_NULL, null=True, related_name="duplicates")
    # where the bytes lie: whole in one parcel, or in the slices that name this file
    parcel = models.ForeignKey(Parcel, models.SET_NULL, null=True, related_name="files")
    # what it is
    series = models.ForeignKey(Series, models.SET_NULL, null=True, related_name="files")
    patient = models.ForeignKey("Patient", models.SET_NULL, null=True, related_name="files")
    sop_uid = models.CharField(max_length=64, blank=True)
    sop_class_uid = models.CharField(max_length=64, blank=True)
    transfer_syntax_uid = models.CharField(max_length=64, blank=True)
    kind = models.CharField(max_length=20, choices=Kind.choices, blank=True)
    use = models.CharField(max_length=20, blank=True)  # a code of uploads.dicom.findings.Use
    sha256 = models.CharField(max_length=64, blank=True)  # of the bytes as they arrived
    # what is sent differs from what arrived only by a file header put in front (PS3.10, 7.1)
    wrapper = models.BinaryField(null=True)
    wire_sha256 = models.CharField(max_length=64, blank=True)  # of the bytes as they are sent
    wire_seal = models.CharField(max_length=64, blank=True)  # of the same: uploads.seals
    batch = models.ForeignKey("Batch", models.SET_NULL, null=True, related_name="files")

    class Meta:
        constraints = [
            status_check("file_status", FileStatus),
            models.UniqueConstraint(fields=["job", "number"], name="one_file_a_number"),
            models.UniqueConstraint(fields=["job", "path_digest"], name="one_file_a_path"),
            models.UniqueConstraint(
                fields=["series", "sop_uid"],
                condition=HOLDS_KEY,
                name="one_live_file_an_instance",
            ),
        ]
        indexes = [
            models.Index(fields=["job", "status"]),
            models.Index(fields=["sha256"]),
            models.Index(fields=["sop_uid"]),
        ]

    def __str__(self) -> str:
        return f"File {self.number} of job {self.job_id}"

    @property
    def change_job_id(self) -> int | None:
        """The job it belongs to."""
        return self.job_id

    @property
    def wire_size(self) -> int:
        """Bytes of the file as it is sent."""
        return self.size + len(self.wrapper or b"")

    @property
    def wire_name(self) -> str:
        """The neutral name it is sent under: a path may hold a patient's name, a quote or a line break."""
        return f"{self.number:06d}.dcm"

    @property
    def reason_sentence(self) -> str:
        """Why it was not sent, or what was noted, for a clinician."""
        if self.reason:
            return gettext(Reason(self.reason).sentence)
        return gettext(Reason.WRAPPED.sentence) if self.wrapper else ""


# What the upload page left out and nobody has to look at.
LEFT_OUT_AS_EXPECTED: Final = Q(is_left_out=True, status=FileStatus.IGNORED)
# Files of which nothing usable came, and that may be chosen again.
MAY_COME_FROM: Final = (FileStatus.MISSING, FileStatus.REJECTED, FileStatus.IGNORED)
MAY_COME_AGAIN: Final = Q(status__in=MAY_COME_FROM) & (
    Q(is_left_out=True) | Q(reason__in=sorted(WORTH_ANOTHER_TRY))
)

# Files that get on without a person: to be checked, to be batched, or in a batch that is not stuck.
MOVES_BY_ITSELF: Final = Q(status=FileStatus.RECEIVED) | (
    Q(status=FileStatus.VALID) & (Q(batch=None) | ~Q(batch__status=BatchStatus.STUCK))
)
