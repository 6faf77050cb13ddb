"""The portal's settings for tests: keys and folders that exist only as long as the tests run."""

import os
import tempfile

from cryptography.fernet import Fernet

os.environ["SECRET_KEY"] = "only-for-tests-" * 4
os.environ["FIELD_KEYS"] = Fernet.generate_key().decode()
os.environ["DATA_DIR"] = tempfile.mkdtemp(prefix="portal-tests-")
os.environ["REDIS_URL"] = "memory://"
os.environ["UPLOAD_FREE_BYTES_FLOOR"] = "0"
os.environ["STATIC_ROOT"] = tempfile.mkdtemp(prefix="portal-static-")
os.environ["LOG_LEVEL"] = "ERROR"
os.environ["PUBLIC_URL"] = "http://127.0.0.1:8000"
for name in ("QURE_BASE_URL", "QURE_TOKEN", "QURE_SOURCE"):
    os.environ.pop(name, None)
if "TESTS_ON_PARTS" not in os.environ:  # else `python -m tests.parts` has started what these name
    for name in ("DATABASE_URL", "STAGING_S3_BUCKET"):
        os.environ.pop(name, None)

from portal.settings import *  # noqa: E402, F403  # the one place where a star import reads best

STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}  # noqa: F405
WHITENOISE_AUTOREFRESH = True
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
CELERY_TASK_ALWAYS_EAGER = True
CELERY_TASK_EAGER_PROPAGATES = True
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
