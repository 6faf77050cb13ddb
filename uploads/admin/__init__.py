"""The administrators' pages: what happened, to be read; people, teams and destinations, to be changed."""

from uploads.admin import destinations, people, records, webhooks

__all__ = ["destinations", "people", "records", "webhooks"]
