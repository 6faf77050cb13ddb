"""Static files that are collected once, for portals that are started by their own supervisor."""

from pathlib import Path

from django.conf import settings
from django.test import override_settings

from tests.portals import STATIC, static_files_to_oneself
from uploads.management.commands.prepare import collect_static


def collected_static_files() -> Path:
    """Collect them as a deployment does, unless they are there; answer where they are."""
    storages = {**settings.STORAGES, "staticfiles": {"BACKEND": "portal.static.ModuleStaticFiles"}}
    with static_files_to_oneself(), override_settings(STATIC_ROOT=STATIC, STORAGES=storages):
        collect_static()
    return STATIC
