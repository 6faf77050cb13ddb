"""A database or a storage that can't be asked is said in a sentence, and is no passed check."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO

import pytest
from botocore.exceptions import EndpointConnectionError
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from pytest_django.fixtures import Settings

from tests.factories import make_file, make_job
from uploads.states import FileStatus
from uploads.storage import StagingFiles

pytestmark = pytest.mark.django_db


class BrokenDisk(StagingFiles):
    """Nothing of it can be read."""

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        raise OSError(errno.EIO, "Input/output error", path)


class BucketOutOfReach(StagingFiles):
    """What a bucket's client says when nothing listens."""

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        raise EndpointConnectionError(endpoint_url="http://127.0.0.1:9/")


@pytest.mark.parametrize("storage", [BrokenDisk, BucketOutOfReach])
def test_a_storage_that_cannot_be_read_is_said_after_what_was_found_before(
    storage: type[StagingFiles], settings: Settings
) -> None:
    default = {"BACKEND": f"{storage.__module__}.{storage.__name__}"}
    settings.STORAGES = {**settings.STORAGES, "default": default}
    file = make_file(make_job(), status=FileStatus.ACCEPTED)

    told, failure = verify()

    assert f"1: file {file.pk} is accepted without a receipt" in told
    assert str(failure) == "The staging storage can't be read now: verify again when it can."
    assert failure.returncode == 2


def test_a_database_that_cannot_be_asked_is_said() -> None:
    with database_away():
        told, failure = verify()

    assert (told, failure.returncode) == ("", 2)
    assert str(failure) == "The database can't be asked now: verify again when it can."


@contextmanager
def database_away() -> Iterator[None]:
    """Let each query fail as it does when the server has gone."""

    def fail(*_: object) -> None:
        raise OperationalError("server closed the connection unexpectedly")

    with connection.execute_wrapper(fail):
        yield


def verify() -> tuple[str, CommandError]:
    """Verify in vain; answer what was printed, and the failure."""
    output = StringIO()
    with pytest.raises(CommandError) as failed:
        call_command("verify", stdout=output)
    return output.getvalue(), failed.value
