"""A destination that does not answer is a state of its own; one probe at a time; teams take turns."""

from django.db import migrations, models
from django.db.models import Q

STATUSES = [("open", "Open"), ("silent", "Not answering"), ("paused", "Paused")]
NEXT_TRY = Q(not_before__isnull=False, failing_since__isnull=False)


class Migration(migrations.Migration):
    dependencies = [("uploads", "0009_pictures")]

    operations = [
        migrations.RemoveConstraint("destination", "destination_status"),
        migrations.AlterField(
            "destination",
            "status",
            models.CharField(choices=STATUSES, default="open", editable=False, max_length=20),
        ),
        migrations.AddField("destination", "failures", models.PositiveIntegerField(default=0, editable=False)),
        migrations.AddField(
            "destination", "room", models.PositiveSmallIntegerField(editable=False, null=True)
        ),
        migrations.AddField("team", "served_at", models.DateTimeField(editable=False, null=True)),
        migrations.AddField("attempt", "is_probe", models.BooleanField(default=False)),
        migrations.AddIndex(
            "attempt",
            models.Index(condition=Q(outcome="started"), fields=["destination"], name="attempts_under_way"),
        ),
        migrations.AddConstraint(
            "attempt",
            models.UniqueConstraint(
                condition=Q(is_probe=True, outcome="started"),
                fields=("destination",),
                name="one_probe_at_a_time",
            ),
        ),
        migrations.AddConstraint(
            "destination",
            models.CheckConstraint(
                condition=Q(status__in=["open", "silent", "paused"]), name="destination_status"
            ),
        ),
        migrations.AddConstraint(
            "destination",
            models.CheckConstraint(
                condition=~Q(status="silent") | NEXT_TRY, name="silence_has_a_next_try"
            ),
        ),
    ]
