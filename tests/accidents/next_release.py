"""What the migrations of a release to come may do to the tables that programs of this one work with."""

from typing import Any, Final

from django.apps import apps
from django.db import connection, models
from django.db.migrations.recorder import MigrationRecorder

NAME: Final = "9999_of_the_next_release"


def migrate() -> None:
    """Give every table of this process's database more columns; note a migration that nobody here knows."""
    added: dict[str, models.Field[Any, Any]] = {  # Any: whatever it holds
        "next_word": models.CharField(max_length=20, db_default="new"),
        "next_count": models.IntegerField(null=True),
    }
    with connection.schema_editor() as editor:
        for model in apps.get_app_config("uploads").get_models():
            for name, field in added.items():
                column = field.clone()
                column.set_attributes_from_name(name)
                editor.add_field(model, column)
    MigrationRecorder(connection).record_applied("uploads", NAME)
