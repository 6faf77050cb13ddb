"""The receipt of an upload: to read, to print, to keep."""

from typing import TypeVar
from uuid import UUID

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import override
from django.views.decorators.http import require_safe

from uploads import receipts
from uploads.documents.receipt_csv import receipt_csv
from uploads.languages import ENGLISH
from uploads.views.people import own_job

Response = TypeVar("Response", bound=HttpResponseBase)


@require_safe
def receipt(request: HttpRequest, key: UUID) -> HttpResponse:
    """The receipt as a page that prints well."""
    job = own_job(request, key)
    context = {"job": job, "receipt": receipts.receipt(job), "digest_rule": receipts.digest_rule()}
    return render(request, "uploads/receipt.html", context)


@require_safe
def receipt_as_pdf(request: HttpRequest, key: UUID) -> HttpResponse:
    """The receipt as a PDF."""
    # Loading fpdf2 with all that it draws in takes as long as the rest of the web process.
    from uploads.documents.receipt_pdf import receipt_pdf  # noqa: PLC0415

    content = receipt_pdf(receipts.receipt(own_job(request, key)))
    return _download(HttpResponse(content, content_type="application/pdf"), key, "pdf")


@require_safe
def receipt_as_csv(request: HttpRequest, key: UUID) -> HttpResponseBase:
    """The receipt as a table, with each file."""
    job = own_job(request, key)
    with override(ENGLISH):
        lines = receipt_csv(receipts.receipt(job), receipts.files(job))
    return _download(StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8"), key, "csv")


def _download(response: Response, key: UUID, kind: str) -> Response:
    """The name says nothing about the patient."""
    response["Content-Disposition"] = f'attachment; filename="receipt-{key}.{kind}"'
    return response
