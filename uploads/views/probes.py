"""What load balancers and supervisors ask."""

from typing import Final

from django.contrib.auth.decorators import login_not_required
from django.db import Error
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from uploads.models import Team

PLAIN: Final = "text/plain"


@login_not_required
@require_safe
def alive(request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return HttpResponse("ok", content_type=PLAIN)


@login_not_required
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """The process reaches its database, and the tables are there."""
    try:
        Team.objects.exists()
    except Error:
        return HttpResponse("the database does not answer", content_type=PLAIN, status=503)
    return HttpResponse("ok", content_type=PLAIN)
