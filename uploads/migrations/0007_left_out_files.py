from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("uploads", "0006_wire_seal")]

    operations = [
        migrations.AddField(
            model_name="file",
            name="is_left_out",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="job",
            name="additions",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="job",
            name="unlisted",
            field=models.PositiveIntegerField(default=0),
        ),
    ]
