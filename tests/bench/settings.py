"""The tests' settings, with the database that is to be measured."""

import os

from portal.env import env
from tests.settings import *  # noqa: F403  # as the settings that it stands for

if "BENCH_DATABASE_URL" in os.environ:
    DATABASES = {"default": env.db_url_config(os.environ["BENCH_DATABASE_URL"])}
