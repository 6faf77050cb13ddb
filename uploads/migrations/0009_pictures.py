from django.db import migrations, models

CHOICES = [("waiting", "Waiting"), ("made", "Made"), ("none", "None")]


class Migration(migrations.Migration):
    dependencies = [("uploads", "0008_webhook_tests")]

    operations = [
        # Of what is here already no picture is made: much of it has no bytes any more.
        migrations.AddField("series", "picture", models.CharField(choices=CHOICES, default="none", max_length=20)),
        migrations.AlterField(
            "series", "picture", models.CharField(choices=CHOICES, default="waiting", max_length=20)
        ),
        migrations.AddField("series", "picture_due_at", models.DateTimeField(db_index=True, null=True)),
        migrations.AddField("series", "picture_tries", models.PositiveSmallIntegerField(default=0)),
        migrations.AddConstraint(
            "series",
            models.CheckConstraint(
                condition=models.Q(("picture__in", ["waiting", "made", "none"])), name="series_picture"
            ),
        ),
    ]
