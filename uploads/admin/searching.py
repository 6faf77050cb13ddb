"""Lists whose search is posted: its words are mostly a patient's, and the address is no place for them."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import PAGE_VAR, SEARCH_VAR, ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters

from uploads import searches


class FoundList(ChangeList):
    """Reads from the address a key instead of words."""

    def get_queryset(
        self, request: HttpRequest, exclude_parameters: list[str | None] | None = None
    ) -> QuerySet[Any]:  # Any: of whichever model
        """The rows with the words. None if those are lost: an action may be for all rows of a list."""
        key = request.GET.get(SEARCH_VAR, "")
        self.query = searches.text_of(request, key)
        rows = super().get_queryset(request, exclude_parameters)
        return rows.none() if key and not self.query else rows


class Searched(admin.ModelAdmin[Any]):  # Any: of whichever model
    """A list that can be searched. ``templates/admin/search_form.html`` posts the words."""

    def get_changelist(
        self, request: HttpRequest, **kwargs: Any
    ) -> type[ChangeList]:  # Any: Django's signature
        """The list behind the address."""
        return FoundList

    @method_decorator(sensitive_post_parameters(SEARCH_VAR))
    def changelist_view(
        self, request: HttpRequest, extra_context: Any = None
    ) -> HttpResponse:  # Any: Django's
        """Keep posted words and go to the address with their key; else the list."""
        if request.method == "POST" and SEARCH_VAR in request.POST:
            return self._searched(request)
        if (key := request.GET.get(SEARCH_VAR)) and not searches.text_of(request, key):
            lost = "The words of this search are not known any more. Enter them again."
            self.message_user(request, lost, messages.WARNING)
        return super().changelist_view(request, extra_context)

    def _searched(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        address = request.GET.copy()
        for name in (SEARCH_VAR, PAGE_VAR):
            address.pop(name, None)
        if text := request.POST[SEARCH_VAR].replace("\0", "").strip():  # PostgreSQL takes no NUL
            address[SEARCH_VAR] = searches.remembered(request, text)
        return redirect(f"{request.path}?{address.urlencode()}" if address else request.path)
