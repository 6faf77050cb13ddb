"""A person's notices, and how they want them."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from uploads import notices
from uploads.forms import NoticeSettingsForm
from uploads.pipeline import noticing
from uploads.views.people import person

MOST_SHOWN = 100


def unread_notices(request: HttpRequest) -> dict[str, object]:
    """How many notices are new, for every page."""
    if not getattr(request, "user", None) or not request.user.is_authenticated:
        return {}
    return {"unread_notices": SimpleLazyObject(lambda: notices.unread_count(person(request)))}


@require_safe
def notice_list(request: HttpRequest) -> HttpResponse:
    """What one has been told, and which mails one gets."""
    user = person(request)
    context = {
        "notices": notices.notices_of(user)[:MOST_SHOWN],
        "form": NoticeSettingsForm(instance=notices.settings_of(user)),
    }
    return render(request, "uploads/notices.html", context)


@require_POST
def save_notice_settings(request: HttpRequest) -> HttpResponse:
    """Choose which mails one gets."""
    NoticeSettingsForm(request.POST, instance=notices.settings_of(person(request))).save()
    messages.success(request, gettext("Saved."))
    return redirect("notice-list")


@require_POST
def mark_notices_read(request: HttpRequest) -> HttpResponse:
    """One has seen them all."""
    noticing.mark_read(person(request))
    return redirect("notice-list")
