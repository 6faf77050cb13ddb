"""A job that has gone all the way to a sandbox."""

from tests.pipeline.conftest import no_waits  # noqa: F401  # a fixture
