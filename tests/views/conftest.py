"""What the tests of the views share."""

from collections.abc import Callable

import pytest
from pytest_django.fixtures import Settings

from tests.views.browser import Browser, open_browser

Store = Callable[[str], None]


@pytest.fixture
def browser(db: None) -> Browser:
    """A member of a team with an upload under way."""
    return open_browser()


@pytest.fixture
def store_in(settings: Settings) -> Store:
    """Let staging be one of ``tests.views.storages``, or what it was: ``store_in("")``."""
    own = settings.STORAGES

    def store(name: str) -> None:
        backend = f"tests.views.storages.{name}" if name else own["default"]["BACKEND"]
        settings.STORAGES = {**own, "default": {**own["default"], "BACKEND": backend}}

    return store
