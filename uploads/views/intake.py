"""What the upload page's script calls: JSON in, JSON out."""

from collections.abc import Callable
from functools import wraps
from uuid import UUID

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from uploads import concerns, tasks
from uploads.forms import (
    read_addition,
    read_digest,
    read_file_digest,
    read_job,
    read_length,
    read_manifest,
    read_numbers,
    read_uuid,
)
from uploads.http import Refusal, drain, json_body
from uploads.models import Source
from uploads.parcel_format import ArrivingParcel
from uploads.pipeline import manifest, staging
from uploads.views.addresses import upload_urls
from uploads.views.people import actor, own_job, own_team, person
from uploads.views.refusals import answered

View = Callable[..., HttpResponseBase]


def json_view(view: View) -> View:
    """A POST for signed-in people that answers every refusal as JSON, a lost session included."""

    @login_not_required
    @require_POST
    @wraps(view)
    def wrapped(request: HttpRequest, *args: UUID, **kwargs: UUID) -> HttpResponseBase:
        return answered(request, lambda: _for_signed_in(view, request, *args, **kwargs))

    return wrapped


@json_view
def create_job(request: HttpRequest) -> JsonResponse:
    """Begin an upload. The same request made twice begins one."""
    new = read_job(json_body(request))
    user = person(request)
    team = own_team(user, new.team)
    job, is_new = manifest.open_job(team, user, new.request, Source.BROWSER, new.note, new.is_stat)
    return JsonResponse({"job": str(job.key), **upload_urls(job)}, status=201 if is_new else 200)


@json_view
def add_manifest(request: HttpRequest, key: UUID) -> JsonResponse:
    """Say what is to come and for which patients; learn which of it is wanted, and what was sent before."""
    job = own_job(request, key)
    read = read_manifest(json_body(request))
    lines = manifest.declare(job.pk, read.entries, read.is_last, actor(request), read.left_out, anew=True)
    if read.warned or read.study_uids or read.series or read.unlisted:
        manifest.keep_review(job.pk, read.warned, read.study_uids, read.series, read.unlisted)
    if read.confirmed:
        tasks.confirm_patients(job.pk, read.confirmed, actor(request))
    tasks.hint(tasks.close_job, job.pk)
    answer: dict[str, object] = {"files": [_line(line) for line in lines]}
    if read.study_uids:
        answer["known"] = [_known(known) for known in concerns.known_studies(job, read.study_uids)]
    return JsonResponse(answer)


@json_view
def add_parcel(request: HttpRequest, key: UUID) -> JsonResponse:
    """Take a parcel in. It is acknowledged when it is durable under its final name."""
    job = own_job(request, key)
    parcel_key = read_uuid(request.headers.get("X-Parcel"))
    length = read_length(request, settings.UPLOAD_PARCEL_MAX_BYTES)
    digest, file_digest = read_digest(request), read_file_digest(request)
    stored = staging.find_parcel(job, parcel_key, digest)
    if stored is None:
        arriving = ArrivingParcel(request, length, digest, file_digest)
        stored = staging.store_parcel(job, parcel_key, arriving, actor(request))
    else:
        drain(request)
    tasks.hint(tasks.check_parcel, stored.parcel_id)
    return JsonResponse({"stored": stored.numbers}, status=200 if stored.is_repeated else 201)


@json_view
def report_unreadable(request: HttpRequest, key: UUID) -> JsonResponse:
    """Note the files that the person's computer can't read."""
    job = own_job(request, key)
    manifest.report_unreadable(job.pk, read_numbers(json_body(request)), actor(request))
    tasks.hint(tasks.close_job, job.pk)
    return JsonResponse({})


@json_view
def stop_adding(request: HttpRequest, key: UUID) -> JsonResponse:
    """Wait no longer for files that somebody had begun to add. What the upload held before is not touched."""
    job = own_job(request, key)
    data = json_body(request)
    manifest.stop_adding(job.pk, read_addition(data), read_numbers(data), actor(request))
    tasks.hint(tasks.close_job, job.pk)
    return JsonResponse({})


def _for_signed_in(view: View, request: HttpRequest, *args: UUID, **kwargs: UUID) -> HttpResponseBase:
    if not request.user.is_authenticated:
        raise Refusal(401, "signed_out", gettext("You have been signed out. Sign in again to go on."))
    return view(request, *args, **kwargs)


def _known(known: concerns.KnownStudy) -> dict[str, object]:
    goes_on_at = f"{reverse('upload')}?job={known.job.key}"
    return {
        "study_uid": known.study_uid,
        "job_url": reverse("job", args=[known.job.key]),
        "continue_url": goes_on_at if known.job.can_continue else None,
        "status": known.job.status,
        "status_label": known.job.get_status_display(),
        "at": known.job.created_at.isoformat(),
        "by": known.job.created_by.get_username(),
    }


def _line(line: manifest.Line) -> dict[str, object]:
    answer: dict[str, object] = {"number": line.number, "wanted": line.is_wanted}
    if line.is_here:
        answer["here"] = True
    if line.reason is not None:
        answer["reason"] = gettext(line.reason.sentence)
    return answer
