from typing import Any

from django.db import migrations
from django.db.models import OuterRef, Subquery, Value
from django.db.models.functions import Coalesce


def count_files(apps: Any, schema_editor: Any) -> None:  # Any: models as they were
    """Files are numbered from 0 without a gap: the last number says how many there are."""
    job, file = apps.get_model("uploads", "Job"), apps.get_model("uploads", "File")
    last = file.objects.filter(job=OuterRef("pk")).order_by("-number").values("number")[:1]
    job.objects.update(file_count=Coalesce(Subquery(last) + Value(1), Value(0)))


class Migration(migrations.Migration):
    dependencies = [("uploads", "0004_history_indexes")]

    operations = [migrations.RunPython(count_files, migrations.RunPython.noop)]
