"""What htmx swaps into a page."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from uploads.views.pages import job_context
from uploads.views.people import own_job


@require_safe
def alarm(request: HttpRequest) -> HttpResponse:
    """What everybody of the team should know about sending, as it is now."""
    return render(request, "uploads/_alarm.html")


@require_safe
def job_progress(request: HttpRequest, key: UUID) -> HttpResponse:
    """The live part of the job's page."""
    return render(request, "uploads/_job_progress.html", job_context(own_job(request, key)))
