"""Statuses, and the moves that are allowed between them. Labels are what a person reads."""

from collections.abc import Mapping
from typing import Final

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

Moves = Mapping[TextChoices, frozenset[TextChoices]]


class JobStatus(TextChoices):
    """What one person sends in one go."""

    UPLOADING = "uploading", _("Uploading")
    PROCESSING = "processing", _("Checking and sending")
    ACCEPTED = "accepted", _("Accepted by Qure")
    ATTENTION = "attention", _("Needs attention")
    CANCELLED = "cancelled", _("Cancelled")


class FileStatus(TextChoices):
    """What became of one line of the manifest."""

    DECLARED = "declared", _("Waiting for upload")
    RECEIVED = "received", _("Received, not yet checked")
    VALID = "valid", _("Checked, waiting to be sent")
    SENT = "sent", _("Sent, not yet confirmed")
    ACCEPTED = "accepted", _("Accepted by Qure")
    REJECTED = "rejected", _("Not sent")
    IGNORED = "ignored", _("Left out")
    DUPLICATE = "duplicate", _("Duplicate")
    QUARANTINED = "quarantined", _("Held back")
    REFUSED = "refused", _("Refused by Qure")
    MISSING = "missing", _("Missing")
    CANCELLED = "cancelled", _("Cancelled")


class ParcelStatus(TextChoices):
    """The bytes of one upload request."""

    STORED = "stored", "Waiting to be checked"
    CHECKING = "checking", "Being checked"
    CHECKED = "checked", "Checked"
    PURGED = "purged", "Bytes removed"


class BatchStatus(TextChoices):
    """One request to Qure."""

    READY = "ready", "Waiting to be sent"
    SENDING = "sending", "Being sent"
    ACCEPTED = "accepted", "Accepted by Qure"
    SHORT = "short", "Qure has fewer images than were sent"
    REPLACED = "replaced", "Sent again in other requests"
    REFUSED = "refused", "Refused by Qure"
    STUCK = "stuck", "Needs an administrator"
    CANCELLED = "cancelled", "Cancelled"


class SeriesStatus(TextChoices):
    """Whether Qure's receipts account for every image of a series that was sent."""

    OPEN = "open", _("On its way")
    COMPLETE = "complete", _("Accepted by Qure")
    SHORT = "short", _("Qure has fewer images")


class PatientStatus(TextChoices):
    """Whether a person has said that a patient's images may be sent."""

    UNCONFIRMED = "unconfirmed", _("Waiting for a decision")
    CONFIRMED = "confirmed", _("Confirmed")
    DECLINED = "declined", _("Not to be sent")


class DestinationStatus(TextChoices):
    """A Qure account."""

    OPEN = "open", "Open"
    SILENT = "silent", "Not answering"
    PAUSED = "paused", "Paused"


class Outcome(TextChoices):
    """How one attempt to send a batch ended."""

    STARTED = "started", _("Under way")
    ACCEPTED = "accepted", _("Accepted")
    MISMATCH = "mismatch", _("The answer does not name every series")
    REFUSED = "refused", _("Refused")
    TOO_LARGE = "too_large", _("Refused as too large")
    UNAUTHORIZED = "unauthorized", _("Token not accepted")
    MISCONFIGURED = "misconfigured", _("Wrong address or setting")
    THROTTLED = "throttled", _("Asked to wait")
    NOT_REACHED = "not_reached", _("Not reached")
    UNKNOWN = "unknown", _("No usable answer")
    BYTES_LOST = "bytes_lost", _("Staged bytes are gone or changed")
    ABANDONED = "abandoned", _("Given up before the end")


def _moves(table: Mapping[TextChoices, set[TextChoices]]) -> Moves:
    return {status: frozenset(targets) for status, targets in table.items()}


JOB_MOVES: Final = _moves(
    {
        JobStatus.UPLOADING: {JobStatus.PROCESSING, JobStatus.CANCELLED},
        # back to uploading: somebody adds files
        JobStatus.PROCESSING: {
            JobStatus.ACCEPTED,
            JobStatus.ATTENTION,
            JobStatus.CANCELLED,
            JobStatus.UPLOADING,
        },
        JobStatus.ATTENTION: {JobStatus.PROCESSING, JobStatus.CANCELLED, JobStatus.UPLOADING},
        JobStatus.ACCEPTED: {JobStatus.UPLOADING},
        JobStatus.CANCELLED: set(),
    }
)

FILE_MOVES: Final = _moves(
    {
        FileStatus.DECLARED: {
            FileStatus.RECEIVED,
            FileStatus.REJECTED,
            FileStatus.IGNORED,
            FileStatus.MISSING,
            FileStatus.CANCELLED,
        },
        FileStatus.RECEIVED: {
            FileStatus.VALID,
            FileStatus.REJECTED,
            FileStatus.IGNORED,
            FileStatus.DUPLICATE,
            FileStatus.QUARANTINED,
            FileStatus.MISSING,
            FileStatus.CANCELLED,
        },
        FileStatus.VALID: {
            FileStatus.SENT,
            FileStatus.REFUSED,
            FileStatus.MISSING,
            FileStatus.CANCELLED,
            FileStatus.DUPLICATE,
        },
        FileStatus.SENT: {FileStatus.ACCEPTED, FileStatus.VALID},
        FileStatus.REFUSED: {FileStatus.VALID},
        # back to the beginning: the file is chosen again
        FileStatus.MISSING: {FileStatus.CANCELLED, FileStatus.DECLARED},
        FileStatus.REJECTED: {FileStatus.DECLARED},
        FileStatus.ACCEPTED: set(),
        FileStatus.IGNORED: {FileStatus.DECLARED},
        # it changes places with the file that it is a copy of, whose bytes are lost
        FileStatus.DUPLICATE: {FileStatus.VALID},
        FileStatus.QUARANTINED: {FileStatus.VALID, FileStatus.CANCELLED},
        FileStatus.CANCELLED: set(),
    }
)

PARCEL_MOVES: Final = _moves(
    {
        ParcelStatus.STORED: {ParcelStatus.CHECKING},
        ParcelStatus.CHECKING: {ParcelStatus.CHECKED, ParcelStatus.STORED},
        ParcelStatus.CHECKED: {ParcelStatus.PURGED},
        ParcelStatus.PURGED: set(),
    }
)

BATCH_MOVES: Final = _moves(
    {
        BatchStatus.READY: {BatchStatus.SENDING, BatchStatus.CANCELLED},
        BatchStatus.SENDING: {
            BatchStatus.ACCEPTED,
            BatchStatus.SHORT,
            BatchStatus.READY,
            BatchStatus.REPLACED,
            BatchStatus.REFUSED,
            BatchStatus.STUCK,
        },
        BatchStatus.SHORT: {BatchStatus.ACCEPTED, BatchStatus.REPLACED},
        BatchStatus.REFUSED: {BatchStatus.REPLACED},
        BatchStatus.STUCK: {BatchStatus.READY, BatchStatus.CANCELLED},
        BatchStatus.ACCEPTED: set(),
        BatchStatus.REPLACED: set(),
        BatchStatus.CANCELLED: set(),
    }
)

SERIES_MOVES: Final = _moves(
    {
        SeriesStatus.OPEN: {SeriesStatus.COMPLETE, SeriesStatus.SHORT},
        SeriesStatus.SHORT: {SeriesStatus.OPEN},
        SeriesStatus.COMPLETE: {SeriesStatus.OPEN},
    }
)

PATIENT_MOVES: Final = _moves(
    {
        PatientStatus.UNCONFIRMED: {PatientStatus.CONFIRMED, PatientStatus.DECLINED},
        PatientStatus.CONFIRMED: set(),
        PatientStatus.DECLINED: set(),
    }
)

DESTINATION_MOVES: Final = _moves(
    {
        DestinationStatus.OPEN: {DestinationStatus.SILENT, DestinationStatus.PAUSED},
        DestinationStatus.SILENT: {DestinationStatus.OPEN, DestinationStatus.PAUSED},
        DestinationStatus.PAUSED: {DestinationStatus.OPEN},
    }
)

# Attempts end once.
ATTEMPT_MOVES: Final = _moves(
    {
        outcome: {other for other in Outcome if other != Outcome.STARTED}
        if outcome == Outcome.STARTED
        else set()
        for outcome in Outcome
    }
)

# A job at rest changes only when a person acts.
JOB_AT_REST: Final = frozenset({JobStatus.ACCEPTED, JobStatus.ATTENTION, JobStatus.CANCELLED})
# What may still need its staged bytes, or the person's.
FILE_ON_ITS_WAY: Final = frozenset(
    {FileStatus.DECLARED, FileStatus.RECEIVED, FileStatus.VALID, FileStatus.SENT}
)
# One instance, one live file: these hold the key (study, series, SOP instance) within a job.
FILE_HOLDS_KEY: Final = frozenset({FileStatus.VALID, FileStatus.SENT, FileStatus.ACCEPTED})
# A person should look at these.
FILE_PROBLEMS: Final = frozenset({FileStatus.REJECTED, FileStatus.REFUSED, FileStatus.MISSING})
FILE_LEFT_OUT: Final = frozenset({FileStatus.IGNORED, FileStatus.DUPLICATE})
# The batch holds its files: no other batch may.
BATCH_ALIVE: Final = frozenset(
    {BatchStatus.READY, BatchStatus.SENDING, BatchStatus.ACCEPTED, BatchStatus.SHORT, BatchStatus.STUCK}
)
# What an attempt ends with when nothing of its account is taken: the destination pauses.
PAUSING: Final = frozenset({Outcome.UNAUTHORIZED, Outcome.MISCONFIGURED})
