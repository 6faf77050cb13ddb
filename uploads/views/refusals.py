"""Which failure is answered how, to the upload page and to scripts alike."""

import logging
from collections.abc import Callable
from typing import Final

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFilesSent
from django.http import Http404, HttpRequest, HttpResponseBase, UnreadablePostError
from django.utils.functional import lazy
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from uploads import history, room
from uploads.http import Refusal, drain
from uploads.multipart import BadMultipart, HeadersTooLong
from uploads.parcel_format import BadParcel, DigestMismatch
from uploads.pipeline import manifest, staging
from uploads.storage import STORAGE_TROUBLE

logger: Final = logging.getLogger(__name__)

_number = lazy(history.number, str)
_CLOSED: Final = Refusal(409, "job_closed", _("This upload is closed and takes no more files."))

# The first that fits is answered.
REFUSALS: Final[tuple[tuple[type[Exception], Refusal], ...]] = (
    (Http404, Refusal(404, "not_found", _("There is no such upload."))),
    (manifest.JobClosed, _CLOSED),
    (staging.UploadClosed, _CLOSED),
    (
        manifest.TooManyFiles,
        Refusal(
            413,
            "too_many_files",
            format_lazy(
                _("One upload may hold at most {count} files."), count=_number(settings.UPLOAD_JOB_MAX_FILES)
            ),
        ),
    ),
    (
        manifest.SizeChanged,
        Refusal(409, "size_changed", _("A file has changed since this upload began. Start a new upload.")),
    ),
    (
        staging.ContentUnnamed,
        Refusal(
            400,
            "no_file_digest",
            _("A part of a file can't be matched to it. Reload the page and choose the same files again."),
        ),
    ),
    (BadParcel, Refusal(400, "bad_parcel", _("The upload could not be read."))),
    (
        DigestMismatch,
        Refusal(409, "digest_mismatch", _("The bytes were damaged on the way; they are sent again.")),
    ),
    (
        staging.KeyReused,
        Refusal(
            409,
            "key_reused",
            _("Another part came under this key. Reload the page and choose the same files again."),
        ),
    ),
    (HeadersTooLong, Refusal(400, "headers_too_long", _("A file's name in this request is too long."))),
    (BadMultipart, Refusal(400, "bad_multipart", _("The multipart body could not be read to its end."))),
    (
        TooManyFilesSent,
        Refusal(
            413,
            "too_many_files",
            format_lazy(
                _("One request may hold at most {count} files."),
                count=_number(settings.DATA_UPLOAD_MAX_NUMBER_FILES),
            ),
        ),
    ),
    (RequestDataTooBig, Refusal(413, "too_large", _("The request is larger than the server takes."))),
    (
        room.TeamFull,
        Refusal(
            507,
            "team_full",
            _(
                "Your team has as much on its way to Qure as it may, with what needs attention. There is "
                "room again when that has gone out, is decided or is cancelled."
            ),
            60,
        ),
    ),
    (
        room.TooMuchWaits,
        Refusal(
            429,
            "too_much_waits",
            _("Very much is waiting to be sent at the moment. That goes out first; then there is room."),
            60,
        ),
    ),
    (
        room.StorageFull,
        Refusal(
            507,
            "storage_full",
            _("The server has no room at the moment. Nothing is lost; it will be tried again."),
            60,
        ),
    ),
    (UnreadablePostError, Refusal(400, "cut_off", _("The connection broke; it is tried again."))),
    *(
        (
            trouble,
            Refusal(
                503,
                "storage_unavailable",
                _("The server can't reach its storage at the moment. Nothing is lost; it is tried again."),
                30,
            ),
        )
        for trouble in STORAGE_TROUBLE
    ),
)


def answered(
    request: HttpRequest,
    act: Callable[[], HttpResponseBase],
    answer: Callable[[Refusal], HttpResponseBase] = Refusal.response,
) -> HttpResponseBase:
    """Act; what can't be done is answered after the body is read, so that the client hears it."""
    try:
        return act()
    except Refusal as e:
        refusal = e
    except tuple(kind for kind, _ in REFUSALS) as e:
        found: Exception = room.StorageFull() if _means_no_room(e) else e
        refusal = next(refusal for kind, refusal in REFUSALS if isinstance(found, kind))
        if refusal.retry_after is not None:
            logger.warning("refused code=%s", refusal.code, exc_info=True)
    drain(request)
    return answer(refusal)


def _means_no_room(error: Exception) -> bool:
    """A disk is full, though not necessarily that of the staging storage."""
    return isinstance(error, OSError) and error.errno in room.NO_ROOM
