"""Why a file was not sent as it came: one code and one sentence for each case.

A leaf: it knows neither Django nor DICOM, so that every layer can name a reason. The sentences are marked here
and translated where they are shown.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Final


def _(sentence: str) -> str:
    return sentence  # collected for translation


class Reason(StrEnum):
    """The code that is stored; ``sentence`` is what a clinician reads."""

    # found in the file (uploads/dicom)
    EMPTY = "empty"
    NOT_DICOM = "not_dicom"
    SYSTEM_FILE = "system_file"
    DICOMDIR = "dicomdir"
    UNREADABLE_HEADER = "unreadable_header"
    MISSING_UID = "missing_uid"
    INVALID_UID = "invalid_uid"
    TRUNCATED_PIXELS = "truncated_pixels"
    EXECUTABLE_PREAMBLE = "executable_preamble"
    TOO_COMPLEX = "too_complex"
    NOT_AN_IMAGE = "not_an_image"
    # found beside other files
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    UNCONFIRMED_PATIENT = "unconfirmed_patient"
    # found on the way
    TOO_LARGE = "too_large"
    UNREADABLE_SOURCE = "unreadable_source"
    NEVER_ARRIVED = "never_arrived"
    NOT_CHECKED = "not_checked"
    STAGED_BYTES_LOST = "staged_bytes_lost"
    REFUSED_BY_QURE = "refused_by_qure"
    CANCELLED = "cancelled"
    MAY_HAVE_ARRIVED = "may_have_arrived"
    DECLINED = "declined"
    # found by the upload page, which leaves the file where it is
    NOT_CHOSEN = "not_chosen"
    ADDING_STOPPED = "adding_stopped"
    ARCHIVE_ENCRYPTED = "archive_encrypted"
    ARCHIVE_DAMAGED = "archive_damaged"
    ARCHIVE_UNSUPPORTED = "archive_unsupported"
    ARCHIVE_SPLIT = "archive_split"
    ARCHIVE_TOO_LARGE = "archive_too_large"
    ARCHIVE_TOO_MANY = "archive_too_many"
    ARCHIVE_NESTED = "archive_nested"
    OTHER = "other"
    # not against the file: it was sent, and this was noted
    WRAPPED = "wrapped"

    @property
    def sentence(self) -> str:
        """Say the reason to a clinician."""
        return SENTENCES[self]


SENTENCES: Final[dict[Reason, str]] = {
    Reason.EMPTY: _("The file is empty (0 bytes). Copy it again from its source."),
    Reason.NOT_DICOM: _("This is not a DICOM file, so it was left out."),
    Reason.SYSTEM_FILE: _("A file of the computer or of the CD's viewer, not an image; it was left out."),
    Reason.DICOMDIR: _("The CD's table of contents (DICOMDIR); it holds no image and was left out."),
    Reason.UNREADABLE_HEADER: _(
        "The DICOM header is damaged and can't be read. Copy the file again from its source."
    ),
    Reason.MISSING_UID: _(
        "The file does not say which study, series or image it belongs to (a UID is missing)."
    ),
    Reason.INVALID_UID: _("The file's study, series or image number (UID) is not valid; it may be cut off."),
    Reason.TRUNCATED_PIXELS: _(
        "The image is incomplete: the file ends too early. Copy it again from its source."
    ),
    Reason.EXECUTABLE_PREAMBLE: _(
        "The file hides a program before the image, so it is never sent. Tell your administrator where it comes from."
    ),
    Reason.TOO_COMPLEX: _("The file needs too much memory or time to read, so it was not sent."),
    Reason.NOT_AN_IMAGE: _("A report or document, not an image; your team's setting leaves these out."),
    Reason.DUPLICATE: _("The same image is already in this upload; that copy counts."),
    Reason.CONFLICT: _(
        "Another file in this upload has the same image number but other content. It is held back until somebody decides."
    ),
    Reason.UNCONFIRMED_PATIENT: _(
        "This file belongs to a patient whom nobody has confirmed for this upload. It is held back until somebody decides."
    ),
    Reason.TOO_LARGE: _(
        "The file is larger than the 100 MB that Qure takes in one request, so it can't be sent."
    ),
    Reason.UNREADABLE_SOURCE: _("Your computer could not read this file (a scratched CD, for example)."),
    Reason.NEVER_ARRIVED: _(
        "The file was chosen but its upload never finished. Choose the same folder again to send it."
    ),
    Reason.NOT_CHECKED: _(
        "The portal could not check this file, though it tried for hours. Choose it again; if that does not help, tell your administrator."
    ),
    Reason.STAGED_BYTES_LOST: _(
        "Our stored copy of the file is damaged or gone. Choose the file again to send it."
    ),
    Reason.REFUSED_BY_QURE: _("Qure refused this file."),
    Reason.CANCELLED: _("The upload was cancelled before this file was sent."),
    Reason.MAY_HAVE_ARRIVED: _(
        "The upload was cancelled after a request to Qure that held this file. No answer confirms it: Qure may have it."
    ),
    Reason.DECLINED: _("It was held back, and somebody decided not to send it."),
    Reason.ADDING_STOPPED: _(
        "Somebody stopped adding files before this one had arrived, so it stayed on the computer."
    ),
    Reason.NOT_CHOSEN: _(
        "It belongs to a patient whose images were not chosen, so it stayed on the computer."
    ),
    Reason.ARCHIVE_ENCRYPTED: _(
        "The archive is protected with a password. Open it on your computer, then add the folder."
    ),
    Reason.ARCHIVE_DAMAGED: _("The archive is damaged or cut off. Copy it again from its source."),
    Reason.ARCHIVE_UNSUPPORTED: _(
        "The archive is packed in a way that can't be opened here. Open it on your computer, then add the folder."
    ),
    Reason.ARCHIVE_SPLIT: _("A part of a divided archive. Open it on your computer, then add the folder."),
    Reason.ARCHIVE_TOO_LARGE: _("Too much for one archive. Open it on your computer, then add the folder."),
    Reason.ARCHIVE_TOO_MANY: _(
        "Too many files in one archive. Open it on your computer, then add the folder."
    ),
    Reason.ARCHIVE_NESTED: _("An archive within archives. Open it on your computer, then add the folder."),
    Reason.OTHER: _("The upload page left this file out."),
    Reason.WRAPPED: _(
        "The file had no DICOM file header; one was added before sending, the image itself is unchanged."
    ),
}


# What the upload page leaves out without anybody having to look at it.
EXPECTED: Final = frozenset(
    {Reason.NOT_DICOM, Reason.SYSTEM_FILE, Reason.DICOMDIR, Reason.NOT_AN_IMAGE, Reason.NOT_CHOSEN}
)
# Why the upload page may leave a file out; whatever else it says is OTHER.
LEFT_OUT: Final = EXPECTED | {
    Reason.EMPTY,
    Reason.UNREADABLE_HEADER,
    Reason.MISSING_UID,
    Reason.INVALID_UID,
    Reason.TRUNCATED_PIXELS,
    Reason.EXECUTABLE_PREAMBLE,
    Reason.TOO_COMPLEX,
    Reason.TOO_LARGE,
    Reason.UNREADABLE_SOURCE,
    Reason.ARCHIVE_ENCRYPTED,
    Reason.ARCHIVE_DAMAGED,
    Reason.ARCHIVE_UNSUPPORTED,
    Reason.ARCHIVE_SPLIT,
    Reason.ARCHIVE_TOO_LARGE,
    Reason.ARCHIVE_TOO_MANY,
    Reason.ARCHIVE_NESTED,
}
# Another copy of the same file would help: a person is asked for it.
WANTED_COPIES: Final = frozenset(
    {
        Reason.EMPTY,
        Reason.UNREADABLE_HEADER,
        Reason.MISSING_UID,
        Reason.INVALID_UID,
        Reason.TRUNCATED_PIXELS,
        Reason.UNREADABLE_SOURCE,
        Reason.NEVER_ARRIVED,
        Reason.NOT_CHECKED,
        Reason.STAGED_BYTES_LOST,
    }
)
# Nothing usable has come: if somebody chooses the file again, it is taken again.
WORTH_ANOTHER_TRY: Final = LEFT_OUT - EXPECTED - {Reason.EXECUTABLE_PREAMBLE} | WANTED_COPIES | {Reason.OTHER}


class Caution(StrEnum):
    """What the browser warned of before sending: the codes of static/js/reading/preflight.js. Nothing is blocked."""

    NEITHER = "neither_head_ct_nor_chest_xray"
    CONTRAST = "contrast"
    UNDER_AGE = "under_age"
    FEW_SLICES = "few_slices"
    GAPS = "gaps"
    MISSING_FROM_DISC = "missing_from_disc"

    def sentence(self, number: int | None, translate: Callable[[str], str] = str) -> str:
        """Say the warning to a clinician. ``number``: a count, or years of age."""
        return translate(CAUTIONS[self]) % {"number": translate(_("some")) if number is None else number}


CAUTIONS: Final[dict[Caution, str]] = {
    Caution.NEITHER: _("Neither a head CT nor a chest X-ray: Qure may give no result."),
    Caution.CONTRAST: _("Made with contrast: Qure reads head CTs without contrast."),
    Caution.UNDER_AGE: _(
        "The patient may be younger than Qure's reading is meant for. Its youngest age in years: %(number)s."
    ),
    Caution.FEW_SLICES: _("Few slices for a reading: %(number)s."),
    Caution.GAPS: _("Image numbers are missing within the series: %(number)s."),
    Caution.MISSING_FROM_DISC: _(
        "Images that the disc's table of contents lists were not among the chosen files: %(number)s."
    ),
}
