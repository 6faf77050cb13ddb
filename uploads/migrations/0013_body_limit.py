"""How large a request Qure has been seen to take."""

from django.db import migrations, models

HELP = "Bytes of the largest request that Qure takes, as its refusals (413) show. Empty: none."


class Migration(migrations.Migration):
    dependencies = [("uploads", "0012_declared_series")]

    operations = [
        migrations.AddField(
            "destination",
            "body_limit",
            models.PositiveBigIntegerField(editable=False, help_text=HELP, null=True),
        ),
    ]
