"""Named points between two lines of a step, at which a test can make the process die.

Where the portal is at work nobody listens: to reach a point does nothing. Each step that changes something
names its own; tests/crashes kills a process at each of them and looks at what recovery makes of it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final


class Point(Enum):
    """What has been done, and what has not, in the order of an upload's way."""

    MANIFEST_OPENED = "the upload has its row, nobody was answered"
    MANIFEST_WRITING = "files have their rows, not committed"
    MANIFEST_WRITTEN = "files have their rows, nobody was answered"
    STORAGE_WRITING = "bytes lie under a temporary name"
    STORAGE_RENAMED = "bytes lie under their final name, their writer was not told"
    PARCEL_STORED = "the object is there, the database does not know"
    PARCEL_WRITING = "the parcel has its row, not committed"
    PARCEL_WRITTEN = "the parcel is committed, nobody was answered"
    CHECK_CLAIMED = "a lease is taken, nothing is checked"
    CHECK_INSPECTED = "files are checked, nothing is written"
    CHECK_WRITING = "verdicts are written, not committed"
    CHECK_WRITTEN = "verdicts are committed, nothing follows"
    CHECK_TAKEN_BACK = "a parcel is taken from a dead worker, nothing follows"
    PLAN_WRITING = "batches are made, not committed"
    PLAN_WRITTEN = "batches are committed, nobody was told"
    RELAY_CLAIMING = "lease and attempt are written, not committed"
    RELAY_CLAIMED = "lease and attempt are committed, no byte has left"
    RELAY_BYTES_LEFT = "bytes have left"
    RELAY_BODY_SENT = "the whole request has left, no answer was read"
    RELAY_ANSWERED = "the answer is read, nothing is written"
    RELAY_ACCEPTING = "the receipt is written, not committed"
    RELAY_ACCEPTED = "the receipt is committed, nothing follows"
    RELAY_HOLDING = "what a failure means is written, not committed"
    RELAY_HELD = "what a failure means is committed, nothing follows"
    RELAY_TAKEN_BACK = "a batch is taken from a dead sender, nothing follows"
    CLOSE_WRITING = "the last word is written, not committed"
    CLOSE_WRITTEN = "the last word is committed, nothing follows"
    CANCEL_WRITTEN = "the upload is cancelled, nothing follows"
    ABANDON_WRITTEN = "nobody waits for files that never came, nothing follows"
    DECISION_WRITTEN = "a person has decided about a patient, nothing follows"
    CONFLICTS_WRITTEN = "a person has decided about image numbers, nothing follows"
    RESEND_WRITTEN = "a series is to be sent again, nothing follows"
    RESUME_WRITTEN = "a destination goes on, nothing follows"
    ALARM_WRITTEN = "administrators have their notice, nothing follows"
    MAIL_CLAIMED = "a mail is taken, not sent"
    MAIL_SENT = "a mail is sent, nothing is written"
    CALL_CLAIMED = "a call of a webhook is taken, not made"
    CALL_MADE = "a webhook is called, nothing is written"
    PICTURE_CLAIMED = "a picture is taken, not drawn"
    PICTURE_STORED = "a picture is staged, the database does not know"
    PICTURE_WRITTEN = "a picture is known, nothing follows"
    PURGE_DELETED = "an object is gone, its parcel does not say so"
    PURGE_WRITTEN = "a parcel says that its object is gone, others are still there"
    PURGE_EMPTIED = "an upload's folder is empty, its row does not say so"


def _nobody(point: Point) -> None:
    """Where the portal is at work."""


@dataclass
class Listening:
    """Who is told of each point."""

    to: Callable[[Point], None] = _nobody


listening: Final = Listening()


def reach(point: Point) -> None:
    """Say that the process has come to a point."""
    listening.to(point)
