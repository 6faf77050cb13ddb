"""How much a team may have on its way to Qure."""

from django.db import migrations, models

HELP = (
    "Bytes that the team may have on their way to Qure; 0 for any number. Leave it empty for the portal's own limit."
)


class Migration(migrations.Migration):
    dependencies = [("uploads", "0010_outages")]

    operations = [
        migrations.AddField(
            "team", "quota_bytes", models.PositiveBigIntegerField(blank=True, help_text=HELP, null=True)
        ),
    ]
