"""Teams' webhooks: where events go, the secret that signs them, and what became of each delivery."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.timezone import now
from django.views.decorators.debug import sensitive_variables

from uploads import tasks
from uploads.admin.records import Record, RecordInline
from uploads.checks import allowed_webhook_url
from uploads.models import Delivery, DeliveryAttempt, Notice, Team, Webhook, make_secret, without_token


class WebhookForm(forms.ModelForm[Webhook]):
    """A webhook's address. Its secret is made here and shown once, by an action of the list."""

    class Meta:
        model = Webhook
        fields = ["url", "is_active"]
        help_texts = {
            "url": "Choose “Make a new secret and show it” in the list of webhooks to see its secret."
        }

    def clean_url(self) -> str:
        """Only hosts that the deployment allows."""
        return allowed_webhook_url(self.cleaned_data["url"])


class WebhookInline(admin.StackedInline[Webhook, Team]):
    model = Webhook
    form = WebhookForm
    extra = 0
    show_change_link = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Webhook]:
        """The secret is not read to be left out."""
        return super().get_queryset(request).defer("secret")


@admin.register(Webhook)
class WebhookAdmin(admin.ModelAdmin[Webhook]):
    form = WebhookForm
    fields = ["team", "url", "is_active"]
    list_display = ["team", "url", "is_active"]
    list_select_related = ["team"]
    autocomplete_fields = ["team"]
    actions = ["make_new_secret", "send_test"]
    change_form_template = "admin/uploads/webhook/change.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Webhook]:
        """The secret is not read to be left out."""
        return super().get_queryset(request).defer("secret")

    def get_readonly_fields(
        self, request: HttpRequest, obj: Any = None
    ) -> list[str]:  # Any: Django's signature
        """A webhook stays with its team."""
        return ["team"] if obj else []

    def save_model(
        self, request: HttpRequest, obj: Webhook, form: Any, change: bool
    ) -> None:  # Any: Django's
        """Write only what the form holds."""
        if change:
            obj.save(update_fields=["url", "is_active"])
        else:
            super().save_model(request, obj, form, change)

    @sensitive_variables("secret")
    @admin.action(description="Make a new secret and show it", permissions=["change"])
    def make_new_secret(self, request: HttpRequest, queryset: QuerySet[Webhook]) -> HttpResponse | None:
        """Show a new secret this once; the old one signs no more."""
        webhook = queryset.select_related("team").first()
        if webhook is None or queryset.count() != 1:
            self.message_user(request, "Choose one webhook.", messages.WARNING)
            return None
        secret = make_secret()
        Webhook.objects.filter(pk=webhook.pk).update(secret=secret)
        self.log_change(request, webhook, "Made a new secret.")
        context = {
            **self.admin_site.each_context(request),
            "title": f"New secret of team {webhook.team}",
            "opts": self.opts,
            "secret": secret,
        }
        return TemplateResponse(request, "admin/uploads/webhook/new_secret.html", context)

    @admin.action(description="Send a test event", permissions=["change"])
    def send_test(self, request: HttpRequest, queryset: QuerySet[Webhook]) -> HttpResponse | None:
        """Call a webhook; its delivery shows what came back."""
        webhook = queryset.select_related("team").first()
        if webhook is None or queryset.count() != 1:
            self.message_user(request, "Choose one webhook.", messages.WARNING)
            return None
        if not webhook.is_active:
            self.message_user(request, "This webhook is switched off: nothing is sent.", messages.WARNING)
            return None
        delivery = tasks.test_webhook(webhook)
        self.message_user(request, "The test is on its way. Load this page again to see what was answered.")
        return redirect("admin:uploads_delivery_change", delivery.pk)


class DeliveryAttemptInline(RecordInline):
    model = DeliveryAttempt
    fields = ["started_at", "http_status", "detail"]


@admin.register(Delivery)
class DeliveryAdmin(Record):
    list_display = ["key", "webhook", "event", "job", "created_at", "due_at", "delivered_at"]
    list_filter = ["event", "created_at", "delivered_at", "webhook__team"]
    search_fields = ["key", "job__key"]
    date_hierarchy = "created_at"
    inlines = [DeliveryAttemptInline]
    actions = ["deliver_again"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:  # Any: the base class is of any model
        """The secret is not read to be left out."""
        return super().get_queryset(request).select_related("webhook__team", "job").defer("webhook__secret")

    @admin.action(description="Deliver again", permissions=["act"])
    def deliver_again(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        """The sweep finds them."""
        count = queryset.update(due_at=now(), delivered_at=None, created_at=now())
        self.message_user(request, f"{count} deliveries are on their way.")


@admin.register(Notice)
class NoticeAdmin(Record):
    list_display = ["created_at", "kind", "user", "job", "destination", "mailed_at", "mail_failures"]
    list_filter = ["kind", "created_at", "mailed_at"]
    search_fields = ["user__username", "job__key"]
    date_hierarchy = "created_at"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:  # Any: the base class is of any model
        """The destination's token is not read: one that can't be must not take the page with it."""
        rows = super().get_queryset(request).select_related("user", "job", "destination")
        return without_token(rows, "destination__")
