"""Qure accounts: where the scans go, and the token that goes with them."""

from typing import Any, Final

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from uploads import tasks
from uploads.admin.actor import by
from uploads.admin.searching import Searched
from uploads.checks import allowed_base_url
from uploads.models import Destination, record_birth, without_token
from uploads.qure.account import Account
from uploads.qure.errors import QureMisconfigured
from uploads.states import DestinationStatus

KEPT: Final = "kept"  # stands for a stored token, which is not read to be checked


class DestinationForm(forms.ModelForm[Destination]):
    """A destination's token can be written, never read."""

    new_token = forms.CharField(
        label="Token",
        required=False,
        strip=True,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="Write-only. Leave empty to keep the stored token. A new address needs its token again.",
    )

    class Meta:
        model = Destination
        fields = ["name", "base_url", "new_token", "source", "scheme"]

    def clean_base_url(self) -> str:
        """Only hosts that the deployment allows: the token goes there."""
        return allowed_base_url(self.cleaned_data["base_url"])

    def clean(self) -> None:
        """Only what an HTTP header can carry."""
        said = {name: self.cleaned_data.get(name, "") for name in ("source", "scheme")}
        token = self.cleaned_data.get("new_token") or KEPT
        try:
            Account(base_url="", token=token, **said).headers()
        except QureMisconfigured as e:
            raise forms.ValidationError(str(e)) from None


@admin.register(Destination)
class DestinationAdmin(Searched):
    form = DestinationForm
    list_display = ["name", "base_url", "status", "alarm", "failing_since", "not_before"]
    list_filter = ["status"]
    search_fields = ["name", "base_url"]
    readonly_fields = ["status", "alarm", "failing_since", "not_before", "body_limit"]
    actions = ["resume"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Destination]:
        """The token is not read: where it can't be, it is entered again here."""
        return without_token(super().get_queryset(request))

    def save_model(
        self, request: HttpRequest, obj: Destination, form: Any, change: bool
    ) -> None:  # Any: Django's
        """Bind a token to its address; go on when there is a new one."""
        new_token = form.cleaned_data["new_token"]
        is_moved = "base_url" in form.changed_data
        if new_token or is_moved:
            obj.token = new_token
        if is_moved:
            obj.body_limit = None
        if not change:
            super().save_model(request, obj, form, change)
            record_birth(obj, by(request))
            return
        # Only what the form holds: the relay may have paused the destination since it was read.
        obj.save(update_fields=["name", "base_url", "source", "scheme", *_written(new_token, is_moved)])
        is_mended = obj.status != DestinationStatus.OPEN and {"source", "scheme"} & set(form.changed_data)
        if new_token or (is_mended and not is_moved):
            tasks.resume_destination(obj, by(request))
        elif is_moved:
            sentence = "A new address needs its token. Until you enter it, nothing is sent; nothing is lost."
            self.message_user(request, sentence, messages.WARNING)

    @admin.action(description="Resume sending", permissions=["change"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Destination]) -> None:
        """Let paused destinations go on."""
        for destination in queryset:
            tasks.resume_destination(destination, by(request))
        self.message_user(request, "Sending goes on.", messages.SUCCESS)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # Any: Django's signature
        """The record refers to destinations for good."""
        return False


def _written(new_token: str, is_moved: bool) -> list[str]:
    """What changes with the token or the address: what was learned of an address is forgotten with it."""
    if is_moved:
        return ["token", "body_limit"]
    return ["token"] if new_token else []
