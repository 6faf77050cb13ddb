"""People, their teams, and their scripts' tokens."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import ForeignKey, QuerySet
from django.forms import ModelChoiceField
from django.http import HttpRequest
from django.utils.timezone import now

from uploads.admin.records import Record
from uploads.admin.searching import Searched
from uploads.admin.webhooks import WebhookInline
from uploads.models import ApiToken, Destination, Membership, Team, without_token

admin.site.unregister([User, Group])


@admin.register(User)
class PersonAdmin(Searched, UserAdmin[User]):
    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # Any: Django's signature
        """The record names people for good: take away "active" instead, which ends their sessions."""
        return False


@admin.register(Group)
class RightsAdmin(Searched, GroupAdmin):
    pass


class MembershipInline(admin.TabularInline[Membership, Team]):
    model = Membership
    extra = 1
    autocomplete_fields = ["user"]


@admin.register(Team)
class TeamAdmin(Searched):
    list_display = ["name", "destination", "sends_documents", "quota_bytes"]
    search_fields = ["name"]
    inlines = [MembershipInline, WebhookInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Team]:
        """The destination's token is not read: one that can't be must not take the page with it."""
        return without_token(super().get_queryset(request).select_related("destination"), "destination__")

    def formfield_for_foreignkey(
        self, db_field: "ForeignKey[Any, Any]", request: HttpRequest, **options: Any
    ) -> ModelChoiceField[Any] | None:  # Any: Django's signature
        """Nor are the tokens of those that can be chosen."""
        if db_field.name == "destination":
            options["queryset"] = without_token(Destination.objects.order_by("name"))
        return super().formfield_for_foreignkey(db_field, request, **options)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # Any: Django's signature
        """The record belongs to teams for good: take its members out instead."""
        return False


@admin.register(ApiToken)
class ApiTokenAdmin(Record):
    list_display = ["hint", "name", "user", "team", "created_at", "last_used_at", "revoked_at"]
    list_filter = ["team", "created_at", "revoked_at"]
    search_fields = ["hint", "name", "user__username"]
    list_select_related = ["user", "team"]
    exclude = ["digest"]
    actions = ["revoke"]

    @admin.action(description="Revoke", permissions=["act"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        """Close the scripts' door for tokens, their owners' leave or not."""
        live = list(queryset.filter(revoked_at=None))
        for token in live:
            self.log_change(request, token, "Revoked.")
        count = ApiToken.objects.filter(pk__in=[token.pk for token in live]).update(revoked_at=now())
        self.message_user(request, f"{count} of {queryset.count()} tokens are revoked now.")

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Those who may change tokens may revoke them."""
        return request.user.has_perm("uploads.change_apitoken")
