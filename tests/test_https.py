"""Headers and cookies: what every answer carries, and what https adds to it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography.fernet import Fernet
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from tests.factories import PASSWORD, make_job, make_user

ROOT: Final = Path(__file__).resolve().parent.parent
HOST: Final = "upload.hospital.example"
POLICY: Final = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
}
NAMES: Final = (
    "SESSION_COOKIE_NAME",
    "SESSION_COOKIE_SECURE",
    "CSRF_COOKIE_NAME",
    "CSRF_COOKIE_SECURE",
    "CSRF_TRUSTED_ORIGINS",
    "SECURE_PROXY_SSL_HEADER",
    "SECURE_SSL_REDIRECT",
    "SECURE_REDIRECT_EXEMPT",
    "SECURE_HSTS_SECONDS",
    "SECURE_HSTS_INCLUDE_SUBDOMAINS",
    "SECURE_HSTS_PRELOAD",
    "ALLOWED_HOSTS",
    "DEBUG",
)


def production(folder: Path, **changes: str) -> dict[str, str]:
    """The environment of a deployment, with changes."""
    return {
        "PATH": os.environ["PATH"],
        "SECRET_KEY": "".join(chr(ord("a") + number % 26) for number in range(0, 250, 3)),
        "FIELD_KEYS": Fernet.generate_key().decode(),
        "DATA_DIR": str(folder),
        "PUBLIC_URL": f"https://{HOST}",
        "QURE_BASE_URL": "https://api.qure.example/",
        "QURE_TOKEN": "token",
        **changes,
    }


def run(environment: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run Python in a process of its own, with these settings."""
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def check(environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """Let Django and the portal judge a deployment."""
    return run(environment, "manage.py", "check", "--deploy", "--fail-level", "WARNING")


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:  # Any: settings' values
    """What the settings are in a deployment."""
    values = f"{{name: getattr(settings, name) for name in {NAMES}}}"
    script = f"import json; from portal import settings; print(json.dumps({values}))"
    done = run(production(tmp_path_factory.mktemp("deployed")), "-c", script)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.fixture
def https(settings: Settings, deployed: dict[str, Any]) -> None:  # Any: settings' values
    """The settings of a deployment, for as long as a test takes."""
    for name, value in deployed.items():
        setattr(settings, name, value)
    settings.SECURE_PROXY_SSL_HEADER = tuple(deployed["SECURE_PROXY_SSL_HEADER"])


def secure_client() -> Client:
    """A browser behind the proxy that ends TLS."""
    return Client(headers={"Host": HOST, "X-Forwarded-Proto": "https"})


def test_a_deployment_passes_every_check(tmp_path: Path) -> None:
    done = check(production(tmp_path))

    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        "System check identified no issues (0 silenced).\n",
        "",
    )


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        ({"FIELD_KEYS": ""}, "uploads.E001"),
        ({"QURE_BASE_URL": "http://api.qure.example/"}, "uploads.E002"),
        ({"PUBLIC_URL": "http://upload.hospital.example"}, "security.W012"),
        ({"SECRET_KEY": "short"}, "security.W009"),
        ({"DEBUG": "1"}, "security.W018"),
    ],
)
def test_a_deployment_that_is_not_safe_is_red(changes: dict[str, str], finding: str, tmp_path: Path) -> None:
    done = check(production(tmp_path, **changes))

    assert done.returncode == 1
    assert finding in done.stderr


def test_without_a_secret_key_nothing_starts(tmp_path: Path) -> None:
    done = check(production(tmp_path, SECRET_KEY=""))

    assert done.returncode != 0
    assert "Set SECRET_KEY or SECRET_KEY_FILE" in done.stderr


@pytest.mark.django_db
@pytest.mark.parametrize("route", ["account_login", "upload", "job-list", "admin:index", "alive"])
def test_every_page_carries_the_headers(route: str) -> None:
    client = Client()
    client.force_login(make_user(is_staff=True, is_superuser=True))

    headers = client.get(reverse(route)).headers

    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy == POLICY
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "no-store" in headers["Cache-Control"]


@pytest.mark.django_db
def test_pages_with_patients_data_and_errors_are_kept_nowhere() -> None:
    job = make_job()
    client = Client()
    client.force_login(job.created_by)

    pages = [client.get(reverse("job", args=[job.key])), client.get("/nothing/here/")]

    assert [page.headers["Cache-Control"] for page in pages] == ["no-store", "no-store"]


@pytest.mark.django_db
@pytest.mark.usefixtures("https")
def test_cookies_are_bound_to_the_host_and_to_tls() -> None:
    user, client = make_user(), secure_client()

    client.post(reverse("account_login"), {"login": user.username, "password": PASSWORD})

    cookies = {name: cookie.output(header="").strip() for name, cookie in client.cookies.items()}
    assert set(cookies) >= {"__Host-session", "__Host-csrf"}
    for name in ("__Host-session", "__Host-csrf"):
        assert "Secure" in cookies[name]
        assert "HttpOnly" in cookies[name]
        assert "SameSite=Lax" in cookies[name]
        assert "Path=/" in cookies[name]
        assert "Domain" not in cookies[name]
    assert "expires" not in cookies["__Host-session"]


@pytest.mark.usefixtures("https")
def test_a_browser_is_told_to_stay_with_https() -> None:
    response = secure_client().get(reverse("account_login"))

    assert response.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains; preload"


@pytest.mark.usefixtures("https")
def test_a_plain_request_is_sent_to_https_but_the_probes_are_answered() -> None:
    client = Client(headers={"Host": HOST})

    page, probe = client.get(reverse("account_login")), client.get(reverse("alive"))

    assert (page.status_code, page.headers["Location"]) == (301, f"https://{HOST}{reverse('account_login')}")
    assert probe.status_code == 200


@pytest.mark.usefixtures("https")
@pytest.mark.parametrize("host", ["evil.test", f"{HOST}.evil.test", f"{HOST}@evil.test", f"evil-{HOST}", "0"])
def test_another_host_name_is_refused(host: str) -> None:
    response = Client(headers={"Host": host, "X-Forwarded-Proto": "https"}).get(reverse("account_login"))

    assert response.status_code == 400


@pytest.mark.django_db
@pytest.mark.usefixtures("https")
def test_a_form_from_another_origin_is_refused() -> None:
    client = Client(enforce_csrf_checks=True, headers={"Host": HOST, "X-Forwarded-Proto": "https"})
    client.get(reverse("account_login"))
    token = client.cookies["__Host-csrf"].value

    response = client.post(
        reverse("account_login"),
        {"login": "a", "password": "b", "csrfmiddlewaretoken": token},
        headers={"Origin": "https://evil.test"},
    )

    assert response.status_code == 403
