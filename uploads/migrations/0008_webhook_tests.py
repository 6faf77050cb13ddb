"""A test of a webhook is a delivery about no job."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("uploads", "0007_left_out_files")]

    operations = [
        migrations.AlterField(
            model_name="delivery",
            name="event",
            field=models.CharField(
                choices=[
                    ("job.accepted", "Accepted"),
                    ("job.decision", "Needs a decision"),
                    ("job.attention", "Needs attention"),
                    ("test", "Test"),
                ],
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="delivery",
            name="job",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="deliveries",
                to="uploads.job",
            ),
        ),
    ]
