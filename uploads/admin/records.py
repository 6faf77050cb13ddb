"""What happened: to be read and acted on, never edited by hand."""

from typing import Any

from django.contrib import admin
from django.db.models import Field, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from uploads import tasks
from uploads.admin.actor import by
from uploads.admin.searching import Searched
from uploads.models import (
    Attempt,
    Batch,
    Destination,
    File,
    Job,
    Parcel,
    Patient,
    ReceiptLine,
    Series,
    StateChange,
    without_token,
)
from uploads.pipeline import closing
from uploads.reasons import Reason


class Record(Searched):
    """What happened: to be read, never edited by hand."""

    list_per_page = 50
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # Any: Django's signature
        """Nobody makes up a record."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # Any: Django's signature
        """Nobody edits a record; those who may, see it and use its actions."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # Any: Django's signature
        """Nobody deletes a record."""
        return False

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Those who may change uploads may act on them. To see them is not enough."""
        return request.user.has_perm("uploads.change_job")


class RecordInline(admin.TabularInline[Any, Any]):
    """Rows of a record beneath the row they belong to."""

    extra = 0
    can_delete = False
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # Any: Django's signature
        """Nobody makes up a record."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # Any: Django's signature
        """Nobody edits a record."""
        return False


class SeriesInline(RecordInline):
    model = Series
    fields = ["series_uid", "modality", "description", "status"]


class BatchInline(RecordInline):
    model = Batch
    fields = ["pk", "status", "body_bytes", "next_attempt_at", "failures"]
    readonly_fields = ["pk"]


class AttemptInline(RecordInline):
    model = Attempt
    fields = ["number", "outcome", "http_status", "started_at", "ended_at", "detail", "receipt"]


class ReceiptLineInline(RecordInline):
    model = ReceiptLine
    fields = ["series", "sent", "reported"]


@admin.register(Job)
class JobAdmin(Record):
    list_display = ["key", "team", "created_by", "source", "status", "created_at"]
    list_filter = ["status", "source", "team", "created_at"]
    search_fields = ["key", "created_by__username", "team__name", "series__series_uid", "series__study_uid"]
    date_hierarchy = "created_at"
    list_select_related = ["team", "created_by"]
    inlines = [SeriesInline, BatchInline]
    readonly_fields = ["trail"]
    actions = ["retry", "cancel"]

    @admin.action(description="Retry what waits for an administrator", permissions=["act"])
    def retry(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        """Try stuck and short uploads again."""
        retried = [tasks.retry_job(job.pk, by(request)) for job in queryset]
        self.message_user(request, f"{sum(retried)} of {len(retried)} uploads are tried again.")

    @admin.action(description="Cancel what has not been sent", permissions=["act"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        """Stop uploads that have not ended."""
        cancelled = [closing.cancel(job.pk, by(request)) for job in queryset]
        count = f"{sum(cancelled)} of {len(cancelled)} uploads are cancelled."
        doubt = File.objects.filter(job__in=queryset, reason=Reason.MAY_HAVE_ARRIVED).count()
        besides = f" Qure may also have {doubt} of their files: no answer confirms it." if doubt else ""
        self.message_user(request, f"{count} What Qure had accepted before stays with Qure.{besides}")

    @admin.display(description="What happened")
    def trail(self, job: Job) -> SafeString:
        """Every change of a status, oldest first."""
        rows = (
            (
                f"{change.at:%Y-%m-%d %H:%M:%S}",
                change.kind,
                len(change.subjects),
                change.from_status,
                change.to_status,
                change.by,
            )
            for change in job.changes.all()[:500]
        )
        return format_html("<ul>{}</ul>", format_html_join("", "<li>{} {} ({}) {} → {} by {}</li>", rows))


@admin.register(Patient)
class PatientAdmin(Record):
    list_display = ["patient_id", "name", "birth_date", "sex", "job", "status"]
    list_filter = ["status", "job__team", "job__created_at"]
    search_fields = ["patient_id", "name", "job__key"]
    list_select_related = ["job"]
    exclude = ["match_key"]


@admin.register(Series)
class SeriesAdmin(Record):
    list_display = ["series_uid", "job", "modality", "description", "status"]
    list_filter = ["status", "modality", "job__team", "job__created_at"]
    search_fields = ["series_uid", "study_uid", "job__key"]
    list_select_related = ["job"]


@admin.register(File)
class FileAdmin(Record):
    list_display = ["path", "job", "size", "status", "why"]
    list_filter = ["status", "reason", "kind", "job__team", "job__created_at"]
    search_fields = ["path", "sop_uid", "sha256", "job__key"]
    list_select_related = ["job"]
    exclude = ["wrapper"]

    @admin.display(description="Reason")
    def why(self, file: File) -> str:
        """The reason in words."""
        return file.reason_sentence


@admin.register(Batch)
class BatchAdmin(Record):
    list_display = ["pk", "job", "status", "body_bytes", "next_attempt_at", "failures", "created_at"]
    list_filter = ["status", "job__team", "created_at"]
    search_fields = ["key", "job__key"]
    date_hierarchy = "created_at"
    list_select_related = ["job"]
    inlines = [AttemptInline]


class DestinationFilter(admin.RelatedFieldListFilter):
    """Destinations by name: their tokens are not read to list them."""

    def field_choices(
        self, field: "Field[Any, Any]", request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[str, Any]]:  # Any: Django's signature
        """All of them."""
        rows = Destination.objects.order_by("name").values_list("pk", "name")
        return [(str(pk), name) for pk, name in rows]


@admin.register(Attempt)
class AttemptAdmin(Record):
    list_display = ["batch", "number", "outcome", "http_status", "destination", "started_at", "ended_at"]
    list_filter = ["outcome", ("destination", DestinationFilter), "started_at"]
    search_fields = ["batch__key", "batch__job__key", "receipt"]
    date_hierarchy = "started_at"
    inlines = [ReceiptLineInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:  # Any: the base class is of any model
        """The destination's token is not read: one that can't be must not take the page with it."""
        rows = super().get_queryset(request).select_related("batch", "destination")
        return without_token(rows, "destination__")


@admin.register(Parcel)
class ParcelAdmin(Record):
    list_display = ["key", "job", "size", "status", "created_at"]
    list_filter = ["status", "created_at"]
    search_fields = ["key", "job__key", "object_name"]
    date_hierarchy = "created_at"
    list_select_related = ["job"]
    exclude = ["layout"]


@admin.register(StateChange)
class StateChangeAdmin(Record):
    list_display = ["at", "kind", "subjects", "from_status", "to_status", "by", "job"]
    list_filter = ["kind", "to_status", "at"]
    search_fields = ["job__key", "by"]
    date_hierarchy = "at"
    list_select_related = ["job"]
