"""The scripts' door: ``POST /studies`` with the contract of the Qure API itself.

The seed's sample script sends here unchanged but for URL and TOKEN. Status codes, which the API document does
not give: 200, 400 nothing usable, 401 token; beyond it 409, 411, 413, 415, 429, 503 and 507.
"""

import time
import uuid
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import BinaryIO, Final

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.urls import reverse
from django.utils.timezone import now
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from uploads import concerns, history, tasks
from uploads.forms import Entry, read_length
from uploads.http import Refusal, drain
from uploads.models import ApiToken, File, Job, Source, token_digest
from uploads.pipeline import manifest, staging
from uploads.posted import Posted, PostedFile, PostedParcel, distinct_names, new_spool, read_posted
from uploads.room import Free, require_room
from uploads.states import FILE_HOLDS_KEY, FileStatus, JobStatus
from uploads.views.refusals import answered

NO_DICOM: Final = "No DICOM files were uploaded!"
NAMELESS: Final = "This part has no file name, so it was not taken for a file."
SCHEMES: Final = ("token", "bearer")
TYPES: Final = ("multipart/related", "multipart/form-data")
WRONG_TOKENS: Final = 30  # from one address in a window; tokens that are right are never shut out
WINDOW: Final = 60  # seconds

TAKEN: Final = FILE_HOLDS_KEY | {FileStatus.DUPLICATE}


@csrf_exempt  # a token in a header, which no foreign page can make a browser send
@login_not_required
@require_POST
def add_studies(request: HttpRequest) -> HttpResponseBase:
    """Take in the DICOM files of one multipart request, check them, and answer as Qure would."""
    token = _token(request)
    if token is None:
        drain(request)
        return _unauthorized(request)
    return answered(request, lambda: _take_in(request, token))


def _take_in(request: HttpRequest, token: ApiToken) -> HttpResponseBase:
    if request.content_type not in TYPES:
        raise Refusal(415, "wrong_type", "Send multipart/related; type=application/dicom; boundary=…")
    length = read_length(request, settings.POSTED_MAX_BYTES)
    require_room(token.team, length, 1, Free.now())  # before anything of it is kept
    with new_spool() as spool:
        posted = read_posted(request, length, spool)
        keys, fresh = _look_up(token, posted)
        job = _earlier_job(token, fresh) if fresh else None
        if job is not None and _is_over(job):
            keys, fresh = _look_up(token, posted)  # the same request may have come at once, and is in by now
            job = manifest.open_job(token.team, token.user, uuid.uuid4(), Source.SCRIPT)[0] if fresh else None
        if job is not None:
            keys |= _stage(job, fresh, spool, f"token:{token.pk}")
    for parcel_id in history.unchecked_parcels(keys.values()):
        tasks.check_parcel(parcel_id)
    if job is not None:
        tasks.hint(tasks.close_job, job.pk)
    files = history.outcomes_of(keys.values())
    return _answer(posted, [files[keys[part.sha256]] for part in posted.files], job)


def _look_up(token: ApiToken, posted: Posted) -> tuple[dict[str, int], list[PostedFile]]:
    """The files that the team has already, as primary keys by digest; the others, one for each digest."""
    known = concerns.known_by_digest(token.team, (part.sha256 for part in posted.files))
    fresh: dict[str, PostedFile] = {}
    for part in posted.files:
        if part.sha256 not in known:
            fresh.setdefault(part.sha256, part)
    return {digest: file.pk for digest, file in known.items()}, list(fresh.values())


def _earlier_job(token: ApiToken, parts: Sequence[PostedFile]) -> Job:
    """The job that an earlier try of this very request began, or a new one under the key of this request."""
    told = repr([(part.sha256, part.name) for part in parts])
    return manifest.open_job(token.team, token.user, uuid.uuid5(token.key, told), Source.SCRIPT)[0]


def _is_over(job: Job) -> bool:
    """Whether the job waits neither for its bytes nor for a check of them."""
    is_unfinished = job.status == JobStatus.UPLOADING and not job.parcels.exists()
    return not is_unfinished and not job.files.filter(status=FileStatus.RECEIVED).exists()


def _stage(job: Job, parts: Sequence[PostedFile], spool: BinaryIO, by: str) -> dict[str, int]:
    """Declare the parts and stage them as one parcel; answer the files' primary keys by digest."""
    names = distinct_names(part.name for part in parts)
    entries = [Entry(name, part.length) for name, part in zip(names, parts, strict=True)]
    lines = manifest.declare(job.pk, entries, True, by)
    wanted = [(line.number, part) for line, part in zip(lines, parts, strict=True) if line.is_wanted]
    if wanted:
        with suppress(
            staging.UploadClosed
        ):  # the same request came twice at once, and the other has staged it
            staging.store_parcel(job, job.request, PostedParcel(spool, wanted), by)
    keys = dict(File.objects.filter(job=job).values_list("number", "pk"))
    return {part.sha256: keys[line.number] for line, part in zip(lines, parts, strict=True)}


def _token(request: HttpRequest) -> ApiToken | None:
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() not in SCHEMES or not value:
        return None
    token = history.live_tokens().filter(digest=token_digest(value.strip())).first()
    if token is not None:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now())
    return token


def _answer(posted: Posted, files: Sequence[File], job: Job | None) -> JsonResponse:
    """``files`` says what became of each posted file."""
    if any(file.status == FileStatus.RECEIVED for file in files):
        raise Refusal(
            503, "not_checked", "The files are kept but could not be checked yet. Send them again.", 30
        )
    taken = dict.fromkeys(
        (file.series.series_uid, file.sop_uid) for file in files if file.series and file.status in TAKEN
    )
    body: dict[str, object] = {}
    invalid = [
        {"file": part.name, "reason": file.reason_sentence}
        for part, file in zip(posted.files, files, strict=True)
        if file.status not in TAKEN
    ]
    invalid += [{"file": name, "reason": NAMELESS} for name in posted.fields]
    if invalid:
        body["invalid_files"] = invalid
    if job is not None:
        body["upload_url"] = reverse("job", args=[job.key])
    if not taken:
        return JsonResponse({"message": NO_DICOM, **body}, status=400)
    counts = Counter(series_uid for series_uid, _ in taken)
    details = [
        {"SeriesInstanceUID": uid, "NumberOfSeriesRelatedInstances": number} for uid, number in counts.items()
    ]
    success = {"message": "Success", "series_instance_uids": list(counts), "detailed_info": details}
    return JsonResponse({**success, **body})


def _unauthorized(request: HttpRequest) -> JsonResponse:
    """The documented answer to a bad token; to an address that tries many, that it has to wait."""
    if "Authorization" in request.headers and _tries(request) > WRONG_TOKENS:
        sentence = "Too many wrong tokens came from this address. Try again later."
        return Refusal(429, "too_many_tries", sentence, WINDOW).response()
    sentence = "Invalid token header. No credentials provided."
    body = {"message": sentence, "next": reverse("account_login"), "authenticated": False}
    response = JsonResponse(body, status=401)
    response["WWW-Authenticate"] = "Token"
    return response


def _tries(request: HttpRequest) -> int:
    """How many wrong tokens came from the request's address in this window, this one included."""
    key = f"wrong-tokens:{get_adapter().get_client_ip(request)}:{int(time.time() // WINDOW)}"
    tries = int(cache.get(key, 0)) + 1
    cache.set(key, tries, WINDOW)
    return tries
