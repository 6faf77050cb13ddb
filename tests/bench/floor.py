"""What takes the same bodies in with as little as can be: bare WSGI applications, and plain Django."""

import hashlib
import os
import uuid
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import Any, Final, cast

import django
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.auth.decorators import login_required
from django.core.files.storage import FileSystemStorage
from django.core.files.uploadedfile import UploadedFile
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.db import connections
from django.http import HttpRequest, HttpResponse
from django.urls import path

from uploads.seals import Digests

READ_BYTES: Final = 1024 * 1024
# Those of a new project (`django-admin startproject`).
MIDDLEWARE: Final = (
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
)

Start = Callable[[str, list[tuple[str, str]]], object]
Application = Callable[[dict[str, Any], Start], Iterable[bytes]]  # Any: WSGI's environment


def writing(folder: str, is_durable: bool) -> Application:
    """Writes each body to a file and hashes it; a durable one is sealed and synced too, as intake is."""

    def application(environ: dict[str, Any], start: Start) -> Iterable[bytes]:  # Any: WSGI's environment
        left = int(environ.get("CONTENT_LENGTH") or 0)
        digests = Digests() if is_durable else hashlib.sha256()
        with (Path(folder) / uuid.uuid4().hex).open("xb", buffering=0) as out:
            while left:
                chunk = environ["wsgi.input"].read(min(READ_BYTES, left))
                digests.update(chunk)
                out.write(chunk)
                left -= len(chunk)
            if is_durable:
                os.fsync(out.fileno())
        start("201 Created", [("Content-Length", "0")])
        return [b""]

    return application


def plain_django(folder: str, session_key: str) -> WSGIHandler:
    """One file a request, as a first draft does it: a new project's middleware, somebody who has signed in,
    Django's parser, and a storage's ``save``.

    It is let off much: nothing is hashed, nothing is synced, and no row is written. To be loaded before the
    workers fork.
    """
    storage = FileSystemStorage(folder)

    @login_required
    def add_file(request: HttpRequest) -> HttpResponse:
        storage.save(uuid.uuid4().hex, cast("UploadedFile[bytes]", request.FILES["file"]))
        return HttpResponse(status=201)

    settings.configure(
        SECRET_KEY=uuid.uuid4().hex,
        ALLOWED_HOSTS=["127.0.0.1"],
        ROOT_URLCONF=(path("", add_file),),
        MIDDLEWARE=MIDDLEWARE,
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{folder}.sqlite3"}},
        LOGGING_CONFIG=None,
    )
    django.setup()
    call_command("migrate", verbosity=0)
    _sign_in(session_key)
    connections.close_all()
    return get_wsgi_application()


def _sign_in(session_key: str) -> None:
    user = get_user_model().objects.create(username="clinician")
    store = import_module(settings.SESSION_ENGINE).SessionStore()
    data = {
        SESSION_KEY: str(user.pk),
        BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
        HASH_SESSION_KEY: user.get_session_auth_hash(),
    }
    store.model.objects.create(
        session_key=session_key, session_data=store.encode(data), expire_date=store.get_expiry_date()
    )
