"""People, their teams, and their scripts' tokens."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.timezone import now

from uploads.admin.records import Record
from uploads.admin.webhooks import WebhookInline
from uploads.models import ApiToken, Membership, Team

admin.site.unregister(User)


@admin.register(User)
class PersonAdmin(UserAdmin[User]):
    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # Any: Django's signature
        """The record names people for good: take away "active" instead, which ends their sessions."""
        return False


class MembershipInline(admin.TabularInline[Membership, Team]):
    model = Membership
    extra = 1
    autocomplete_fields = ["user"]


@admin.register(Team)
class TeamAdmin(admin.ModelAdmin[Team]):
    list_display = ["name", "destination", "sends_documents", "quota_bytes"]
    list_select_related = ["destination"]
    search_fields = ["name"]
    inlines = [MembershipInline, WebhookInline]

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
