"""The team's history: searched, filtered, live, and as a table."""

import logging
from collections.abc import Iterator
from contextlib import suppress
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.timezone import localdate
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from uploads import history, searches
from uploads.documents.job_list_csv import job_list_csv
from uploads.job_list import rows
from uploads.job_list.filters import FilterForm
from uploads.views.people import person

logger = logging.getLogger(__name__)

ROWS_A_PAGE: Final = 50


@require_safe
def job_list(request: HttpRequest) -> HttpResponse:
    """The uploads that the address asks for, and above them what is unfinished."""
    user = person(request)
    form, is_lost = _form_of(request)
    filters = form.filters()
    found = rows.wanted(user, filters).values_list("pk", flat=True)
    # to search costs more than to hold the numbers: it is done once, and not once more to count
    page = Paginator(list(found) if filters.words else found, ROWS_A_PAGE).get_page(request.GET.get("page"))
    shown = rows.rows_of(page.object_list)
    logger.info("user %s sees uploads %s", user.pk, [row.job.pk for row in shown])
    context = {
        "form": form,
        "filters": filters,
        "page_obj": page,
        "is_lost": is_lost,
        "is_misread": bool(form.errors),
        **_live(shown),
        **(_unfinished(user) if page.number == 1 and not filters.are_any else {}),
    }
    return render(request, "uploads/job_list.html", context)


@sensitive_post_parameters("search")
@require_POST
def search_jobs(request: HttpRequest) -> HttpResponse:
    """Keep the search text in the session and go to the address that names everything else."""
    form = FilterForm(request.POST, uploaders=rows.uploaders(person(request)))
    address = form.address()
    for errors in form.errors.values():
        messages.warning(request, " ".join(map(str, errors)))
    if text := form.cleaned_data.get("search"):
        address["q"] = searches.remembered(request, text)
    return redirect(f"{reverse('job-list')}?{urlencode(address)}" if address else "job-list")


@require_safe
def job_list_rows(request: HttpRequest) -> HttpResponse:
    """The rows of these uploads as they are now: what a page shows does not jump while it is read."""
    keys = []
    for text in request.GET.getlist("job")[:ROWS_A_PAGE]:
        with suppress(ValueError):
            keys.append(UUID(text))
    found = dict(history.jobs_of(person(request)).filter(key__in=keys).values_list("key", "pk"))
    context = _live(rows.rows_of(found[key] for key in dict.fromkeys(keys) if key in found))
    return render(request, "uploads/_job_rows.html", context)


@require_safe
def unfinished_jobs(request: HttpRequest) -> HttpResponse:
    """The part of the page that names unfinished uploads, as they are now."""
    return render(request, "uploads/_unfinished.html", _unfinished(person(request)))


@require_safe
def job_list_as_csv(request: HttpRequest) -> HttpResponseBase:
    """Every upload that the address asks for, in its order."""
    user = person(request)
    form, _ = _form_of(request)
    lines = job_list_csv(_told(user, rows.all_rows(rows.wanted(user, form.filters()))))
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="uploads-{localdate():%Y-%m-%d}.csv"'
    return response


def _form_of(request: HttpRequest) -> tuple[FilterForm, bool]:
    """What the address asks for; whether it names a search text that is not known here."""
    data = request.GET.dict()
    key = data.pop("q", "")
    data["search"] = searches.text_of(request, key)
    return FilterForm(data, uploaders=rows.uploaders(person(request))), bool(key and not data["search"])


def _live(shown: list[rows.JobRow]) -> dict[str, object]:
    """Rows, and where to ask for them again as long as one moves."""
    keys = [("job", str(row.job.key)) for row in shown]
    is_moving = any(row.is_moving for row in shown)
    return {"rows": shown, "rows_url": f"{reverse('job-list-rows')}?{urlencode(keys)}" if is_moving else ""}


def _unfinished(user: User) -> dict[str, object]:
    found, count = rows.unfinished(user)
    return {
        "unfinished": found,
        "unfinished_count": count,
        "is_arriving": any(row.is_moving for row in found),
    }


def _told(user: User, chunks: Iterator[list[rows.JobRow]]) -> Iterator[rows.JobRow]:
    """Note who took which uploads away, by numbers only."""
    for chunk in chunks:
        logger.info("user %s exports uploads %s", user.pk, [row.job.pk for row in chunk])
        yield from chunk
