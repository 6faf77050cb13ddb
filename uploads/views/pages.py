"""The pages."""

from dataclasses import asdict
from typing import Final
from urllib.parse import urlencode
from uuid import UUID, uuid4

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from uploads import concerns, history, outages, outcomes, tasks
from uploads.job_list import rows
from uploads.models import Job
from uploads.pipeline import closing, manifest, noticing
from uploads.states import FileStatus, JobStatus
from uploads.views.addresses import upload_urls
from uploads.views.people import actor, own_job, person

FILES_A_PAGE = 100
MEGABYTE: Final = 1_000_000  # decimal, as Qure's limit is given in
MOST_NAMES: Final = 20  # additions whose files are known again


def destination_alarm(request: HttpRequest) -> dict[str, str]:
    """What everybody of the team should know about sending, for every page."""
    if not getattr(request, "user", None) or not request.user.is_authenticated:
        return {}
    return {"destination_alarm": " ".join(outages.alarms_of(person(request)))}


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Begin where the work begins."""
    return redirect("upload")


@require_safe
def upload(request: HttpRequest) -> HttpResponse:
    """Choose what to send, and send it; ``?job=`` brings what an upload lacks, ``&add=`` more than that."""
    begun = _begun(request)
    adding = _addition(request, begun)
    progress = history.progress(begun) if begun else None
    if begun and progress and not _goes_on(begun, progress, adding):
        messages.info(request, gettext("This upload needs no more files."))
        return redirect("job", key=begun.key)
    context: dict[str, object] = {
        "teams": history.teams_of(person(request)),
        "create_url": reverse("create-job"),
        "login_url": reverse(settings.LOGIN_URL),
        "file_bytes": settings.UPLOAD_FILE_MAX_BYTES,
        "file_megabytes": round(settings.UPLOAD_FILE_MAX_BYTES / MEGABYTE, 1),
        "parcel_bytes": settings.UPLOAD_PARCEL_MAX_BYTES,
        "posted_megabytes": round(settings.POSTED_MAX_BYTES / MEGABYTE, 1),
        "form_key": uuid4(),
    }
    if begun is None:
        context["left_behind"] = rows.left_behind(person(request))
    else:
        resumed = {
            "urls": upload_urls(begun),
            "files": _resumed_files(begun, adding),
            "addition": adding,
            "patients": asdict(concerns.confirmed_patients(begun)),
        }
        context |= {"job": begun, "progress": progress, "resumed": resumed, "adding": adding}
    return render(request, "uploads/upload.html", context)


@require_safe
def job(request: HttpRequest, key: UUID) -> HttpResponse:
    """One upload, live until it rests."""
    found = own_job(request, key)
    noticing.mark_read(person(request), found)
    return render(request, "uploads/job.html", job_context(found))


@require_safe
def job_files(request: HttpRequest, key: UUID) -> HttpResponse:
    """Each file of an upload with what became of it."""
    found = own_job(request, key)
    wished = request.GET.get("status", "")
    status = wished if wished in FileStatus.values else ""
    found_outcomes = outcomes.file_outcomes(found)
    page = Paginator(outcomes.files_of(found, status), FILES_A_PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "uploads/job_files.html",
        {"job": found, "page_obj": page, "outcomes": found_outcomes, "current_status": status},
    )


@require_POST
def add_files(request: HttpRequest, key: UUID) -> HttpResponse:
    """Begin to add files to an upload."""
    found = own_job(request, key)
    number = manifest.begin_addition(found.pk)
    if number is None:
        messages.warning(request, gettext("This upload takes no more files. Begin a new one."))
        return redirect("job", key=found.key)
    return redirect(f"{reverse('upload')}?{urlencode({'job': found.key, 'add': number})}")


@require_POST
def cancel_job(request: HttpRequest, key: UUID) -> HttpResponse:
    """Stop what has not been sent."""
    found = own_job(request, key)
    if closing.cancel(found.pk, actor(request)):
        messages.info(
            request, gettext("The upload is cancelled. What Qure had accepted before stays with Qure.")
        )
    else:
        messages.warning(request, gettext("This upload has already ended; there is nothing to cancel."))
    return redirect("job", key=found.key)


@require_POST
def resend_series(request: HttpRequest, key: UUID) -> HttpResponse:
    """Send the images of a series again that Qure has not confirmed."""
    series = get_object_or_404(history.series_of(person(request)), key=key)
    if tasks.resend_series(series, actor(request)):
        messages.info(request, gettext("The series is being sent again."))
    else:
        messages.warning(request, gettext("There is nothing to send again in this series."))
    return redirect("job", key=series.job.key)


@require_POST
def decide_patient(request: HttpRequest, key: UUID) -> HttpResponse:
    """Send what is held back of a patient, or never send it."""
    patient = get_object_or_404(history.patients_of(person(request)), key=key)
    choice = request.POST.get("send")
    if choice not in ("yes", "no"):
        messages.warning(request, gettext("Nothing is decided yet: choose whether to send the images."))
    elif not tasks.decide_patient(patient, choice == "yes", actor(request)):
        messages.warning(request, gettext("This was decided before; nothing has changed."))
    elif choice == "yes":
        messages.info(request, gettext("The images are on their way."))
    else:
        messages.info(request, gettext("These images will not be sent."))
    return redirect("job", key=patient.job.key)


@require_POST
def decide_conflicts(request: HttpRequest, key: UUID) -> HttpResponse:
    """Send what is held back for its image number where nothing else has it, or never send it."""
    found = own_job(request, key)
    choice = request.POST.get("send")
    if choice not in ("yes", "no"):
        messages.warning(request, gettext("Nothing is decided yet: choose whether to send the images."))
    elif not tasks.decide_conflicts(found.pk, choice == "yes", actor(request)):
        messages.warning(request, gettext("There is nothing left to decide here."))
    elif choice == "yes":
        messages.info(request, gettext("The images are on their way."))
    else:
        messages.info(request, gettext("These images will not be sent."))
    return redirect("job", key=found.key)


def _begun(request: HttpRequest) -> Job | None:
    """The upload that the page goes on with."""
    if "job" not in request.GET:
        return None
    try:
        return own_job(request, UUID(request.GET["job"]))
    except ValueError:
        raise Http404 from None


def _addition(request: HttpRequest, begun: Job | None) -> int | None:
    """The number under which files are added: one that the upload has given out."""
    text = request.GET.get("add", "")
    if begun is None or text not in {str(number) for number in range(1, begun.additions + 1)}:
        return None
    return int(text)


def _goes_on(begun: Job, progress: history.JobProgress, adding: int | None) -> bool:
    is_expected = begun.status == JobStatus.UPLOADING or progress.missing > 0 or adding is not None
    return is_expected and manifest.takes_files(begun)


def _resumed_files(begun: Job, adding: int | None) -> dict[str, object]:
    """What the upload page compares the chosen files with."""
    newest = range(begun.additions, max(0, begun.additions - MOST_NAMES), -1)
    name_of = manifest.NAME_OF_ADDITION.format
    name = None if adding is None else name_of(adding)
    names = ["", *(name_of(number) for number in newest), *([name] if name else [])]
    return {
        **asdict(history.expected_files(begun)),
        "names": list(dict.fromkeys(names)),
        "adding": name,
        "is_open": begun.status == JobStatus.UPLOADING and begun.manifest_closed_at is None,
    }


def job_context(found: Job) -> dict[str, object]:
    """What the job's page and its live part show."""
    progress = history.progress(found)
    series = outcomes.series_ledgers(found)
    can_add = manifest.takes_files(found)
    named, more_named = concerns.named_patients(found)
    is_asked = found.status != JobStatus.UPLOADING and progress.missing > 0
    patients, conflicts = concerns.held_patients(found), concerns.held_conflicts(found)
    awaits_others = any(one.awaits_picture for one in series) or bool(patients or conflicts)
    return {
        "job": found,
        "is_live": not found.is_at_rest or awaits_others,
        "progress": progress,
        "is_all": found.status == JobStatus.ACCEPTED,
        "series": series,
        "named": named,
        "more_named": more_named,
        "groups": outcomes.reason_groups(found),
        "patients": patients,
        "conflicts": conflicts,
        "warnings": concerns.warnings(found),
        "known": concerns.known_to_others(found),
        "can_cancel": not found.is_at_rest,
        "can_add": can_add,
        "can_send_missing": can_add and is_asked,
    }
