"""A receiver that events may be sent to."""

from collections.abc import Iterator

import pytest
from pytest_django.fixtures import Settings

from tests.notices.receiver import Receiver, start_receiver


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    """A receiver on this machine, which the deployment allows."""
    settings.WEBHOOK_ALLOWED_HOSTS = ["127.0.0.1"]
    with start_receiver() as running:
        yield running
