"""The small pictures of series."""

import logging
from http import HTTPStatus
from typing import Final
from uuid import UUID

from django.core.files.storage import default_storage
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from uploads import history
from uploads.models import Picture
from uploads.storage import STORAGE_TROUBLE
from uploads.views.people import person

logger: Final = logging.getLogger(__name__)


@require_safe
def series_picture(request: HttpRequest, key: UUID) -> HttpResponse:
    """The picture of a series, once there is one."""
    series = get_object_or_404(history.series_of(person(request)), key=key, picture=Picture.MADE)
    try:
        with default_storage.open(series.picture_name) as stored:
            return HttpResponse(stored.read(), content_type="image/png")
    except FileNotFoundError:  # it has just been purged
        raise Http404 from None
    except STORAGE_TROUBLE:
        logger.warning("the picture of series %s can't be read now", series.pk, exc_info=True)
        return HttpResponse(status=HTTPStatus.SERVICE_UNAVAILABLE)
