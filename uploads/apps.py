from django.apps import AppConfig

from uploads import checks


class UploadsConfig(AppConfig):
    name = "uploads"
    verbose_name = "Uploads"
    checks = checks  # registers them
