"""Where scans may go without TLS: to this machine, and to what the deployer names."""

import pytest
from django.core.exceptions import ValidationError
from pytest_django.fixtures import Settings

from uploads.checks import allowed_base_url

SANDBOX = "http://sandbox:9010/"


def test_a_named_host_may_be_sent_to_without_tls(settings: Settings) -> None:
    settings.QURE_BASE_URL, settings.QURE_PLAIN_HTTP_HOSTS = SANDBOX, ["sandbox"]

    assert allowed_base_url(SANDBOX) == SANDBOX


@pytest.mark.parametrize("address", ["http://sandbox.example/", "http://api.qure.example/"])
def test_no_other_host_may(settings: Settings, address: str) -> None:
    settings.QURE_BASE_URL, settings.QURE_PLAIN_HTTP_HOSTS = address, ["sandbox"]

    with pytest.raises(ValidationError, match="https://"):
        allowed_base_url(address)
