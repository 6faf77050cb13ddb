"""The plain form: files from a browser without JavaScript. Staging, validation and gate are those for all."""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import BinaryIO

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_POST

from uploads import tasks, unpacking
from uploads.forms import Entry, NewJob, read_job, read_length
from uploads.http import Refusal
from uploads.models import Job, Source
from uploads.pipeline import manifest, staging
from uploads.posted import Posted, PostedFile, PostedParcel, distinct_names, new_spool, read_posted
from uploads.room import Free, require_room
from uploads.views.people import actor, own_team, person
from uploads.views.refusals import answered

Numbered = tuple[int, PostedFile]


class SeeOther(HttpResponseRedirect):
    """Go there with a GET (RFC 9110, 15.4.4)."""

    status_code = 303


@csrf_exempt  # the token comes with the files: it is compared when they are read, in _take_in
@require_POST
def send_form(request: HttpRequest) -> HttpResponseBase:
    """Take in a form's files and lead to the upload's page, where a person says whose images they are."""

    def as_page(refusal: Refusal) -> HttpResponse:
        return render(
            request, "uploads/not_taken.html", {"sentence": refusal.sentence}, status=refusal.status
        )

    return answered(request, lambda: _take_in(request), as_page)


def _take_in(request: HttpRequest) -> HttpResponseBase:
    if request.content_type != "multipart/form-data":
        return _no_form(request)
    length = read_length(request, settings.POSTED_MAX_BYTES)
    with new_spool() as spool:
        posted = read_posted(request, length, spool)
        request.META["HTTP_X_CSRFTOKEN"] = posted.fields.get("csrfmiddlewaretoken", "")
        return _send(request, posted, spool)


@csrf_protect
def _no_form(request: HttpRequest) -> HttpResponse:
    raise Refusal(415, "wrong_type", gettext("This was not sent by the form of the upload page."))


@csrf_protect
def _send(request: HttpRequest, posted: Posted, spool: BinaryIO) -> HttpResponse:
    if not posted.files:
        raise Refusal(400, "no_files", gettext("No file was chosen. Go back and choose some."))
    new = _read(posted.fields)
    user = person(request)
    team = own_team(user, new.team)
    unpacked = unpacking.unpack(posted.files, spool, settings.UPLOAD_FILE_MAX_BYTES)
    coming = unpacked.files
    require_room(
        team, sum(part.length for part in coming), len(coming), Free.now()
    )  # before an upload begins
    # pressed twice, the button sends the same files once; gone back to, the form may send others
    told = repr([(part.sha256, part.name) for part in posted.files])
    request_key = uuid.uuid5(new.request, told)
    job, _ = manifest.open_job(team, user, request_key, Source.BROWSER, new.note, new.is_stat)
    _stage(job, unpacked, spool, actor(request))
    return SeeOther(reverse("job", args=[job.key]))


def _read(fields: QueryDict) -> NewJob:
    return read_job(
        {
            "request": fields.get("request"),
            "team": fields.get("team"),
            "note": fields.get("note", ""),
            "stat": "stat" in fields,
        }
    )


def _stage(job: Job, unpacked: unpacking.Unpacked, spool: BinaryIO, by: str) -> None:
    files = unpacked.files
    names = distinct_names(part.name for part in files)
    entries = [Entry(name, part.length) for name, part in zip(names, files, strict=True)]
    lines = manifest.declare(job.pk, entries, True, by, unpacked.left_out)
    wanted = [(line.number, part) for line, part in zip(lines, files, strict=True) if line.is_wanted]
    with suppress(staging.UploadClosed):  # the same form came twice at once, and the other was faster
        for parts in _parcels(wanted):
            stored = staging.store_parcel(job, uuid.uuid4(), PostedParcel(spool, parts), by)
            tasks.hint(tasks.check_parcel, stored.parcel_id)
    tasks.hint(tasks.close_job, job.pk)


def _parcels(wanted: Sequence[Numbered]) -> Iterator[list[Numbered]]:
    """Cut the files into parcels of the usual size; a larger file has one of its own."""
    parcel: list[Numbered] = []
    size = 0
    for number, part in wanted:
        if parcel and size + part.length > settings.UPLOAD_PARCEL_MAX_BYTES:
            yield parcel
            parcel, size = [], 0
        parcel.append((number, part))
        size += part.length
    if parcel:
        yield parcel
