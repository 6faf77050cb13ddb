"""What must be right before the portal starts, and where a token may go."""

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ValidationError
from pytest_django.fixtures import Settings

from uploads.checks import a_lease_outlasts_a_stall, allowed_base_url, qure_is_reached_safely, secrets_are_set


@pytest.fixture(autouse=True)
def hosts(settings: Settings) -> None:
    """Two hosts are allowed, and this machine."""
    settings.QURE_BASE_URL = "https://api.qure.test/v1/"
    settings.QURE_ALLOWED_HOSTS = ["Other.Qure.test", "localhost", "127.0.0.1", "::1"]


@pytest.mark.parametrize(
    "url",
    [
        "https://api.qure.test/",
        "https://api.qure.test",
        "https://api.qure.test/v1/",
        "https://api.qure.test:8443/v1/",
        "https://API.QURE.TEST/",
        "https://other.qure.test/",
        "  https://api.qure.test/  ",
        "http://localhost:8001/",
        "http://127.0.0.1:8001/",
        "http://[::1]:8001/",
        "https://localhost/",
    ],
)
def test_an_allowed_address_is_taken(url: str) -> None:
    assert allowed_base_url(url) == url.strip()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.qure.test",
        "//api.qure.test/",
        "http://api.qure.test/",
        "HTTP://api.qure.test/",
        "ftp://api.qure.test/",
        "file:///etc/passwd",
        "file://api.qure.test/etc/passwd",
        "gopher://api.qure.test/",
        "javascript:alert(1)",
        "https://",
        "https:///v1/",
        "https://evil.test/",
        "https://api.qure.test.evil.test/",
        "https://evil.test/api.qure.test/",
        "https://evil.test#api.qure.test/",
        "https://evil.test?api.qure.test/",
        "https://evil.test\\api.qure.test/",
        "https://api.qure.test\\.evil.test/",
        "https://api.qure.test\\@evil.test/",
        "https://evil.test\\@api.qure.test/",
        "https://api.qure.test@evil.test/",
        "https://evil.test@api.qure.test/",
        "https://user:password@api.qure.test/",
        "https://@api.qure.test/",
        "https://:@api.qure.test/",
        "https://api.qure.test/?next=x",
        "https://api.qure.test/?",
        "https://api.qure.test/#x",
        "https://api.qure.test/#",
        "https://api.qure.test:port/",
        "https://api.qure.test:99999/",
        "https://api.qure.test:0/",
        "https://api.qure.test./",
        "https://api.qure.test /",
        "https://api.qure.test/ v1/",
        "https://api.qure.test/\r\nX-Evil: 1",
        "https://api.qure.test\t/",
        "https://api.qure.test\x00/",
        "https://api\u3002qure\u3002test/",
        "https://\u0430pi.qure.test/",
        "http://127.0.0.2/",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0177.0.0.1/",
        "http://0.0.0.0/",
        "http://[::]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::1/",
        "http://169.254.169.254/latest/meta-data/",
        "https://169.254.169.254/",
        "http://10.0.0.1/",
        "http://localhost.evil.test/",
        "http://localhost:80@evil.test/",
    ],
)
def test_every_other_address_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        allowed_base_url(url)


def test_plain_http_is_for_hosts_that_the_deployment_names(settings: Settings) -> None:
    settings.QURE_PLAIN_HTTP_HOSTS = ["api.qure.test", "elsewhere.test"]

    assert allowed_base_url("http://api.qure.test/") == "http://api.qure.test/"
    with pytest.raises(ValidationError, match="not allowed"):
        allowed_base_url("http://elsewhere.test/")


def test_an_address_that_is_not_configured_allows_nothing(settings: Settings) -> None:
    settings.QURE_BASE_URL, settings.QURE_ALLOWED_HOSTS = "", []

    with pytest.raises(ValidationError, match="not allowed"):
        allowed_base_url("https://api.qure.test/")


@pytest.mark.parametrize(
    ("url", "ids"),
    [
        ("", []),
        ("https://api.qure.test/", []),
        ("http://localhost:8001/", []),
        ("http://api.qure.test/", ["uploads.E002"]),
        ("https://user@api.qure.test/", ["uploads.E002"]),
        ("https://[api/", ["uploads.E002"]),
    ],
)
def test_the_configured_address_is_checked(url: str, ids: list[str], settings: Settings) -> None:
    settings.QURE_BASE_URL = url

    assert [error.id for error in qure_is_reached_safely()] == ids


GOOD_KEY = Fernet.generate_key().decode()


@pytest.mark.parametrize(
    ("keys", "ids"),
    [
        ([GOOD_KEY], []),
        ([], ["uploads.E001"]),
        (["a key"], ["uploads.E001"]),
        ([GOOD_KEY, "\xe9"], ["uploads.E001"]),
    ],
)
def test_tokens_need_a_key(keys: list[str], ids: list[str], settings: Settings) -> None:
    settings.FIELD_KEYS = keys

    assert [error.id for error in secrets_are_set()] == ids


@pytest.mark.parametrize(("lease", "ids"), [(61, []), (60, ["uploads.E003"])])
def test_a_lease_must_outlast_a_stall(lease: int, ids: list[str], settings: Settings) -> None:
    settings.RELAY_LEASE_SECONDS, settings.RELAY_STALL_SECONDS = lease, 60

    assert [error.id for error in a_lease_outlasts_a_stall()] == ids
