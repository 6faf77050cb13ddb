"""A real S3 server for the tests of staging storage."""

from collections.abc import Iterator

import pytest

from tests.parts.s3 import BUCKET, KEY, SECRET, running_bucket
from uploads.bucket import StagingBucket


@pytest.fixture(scope="session")
def s3_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where it listens."""
    with running_bucket(tmp_path_factory.mktemp("weed")) as endpoint:
        yield endpoint


@pytest.fixture
def bucket(s3_endpoint: str) -> StagingBucket:
    """Its one bucket."""
    return bucket_at(s3_endpoint)


def bucket_at(endpoint: str) -> StagingBucket:
    """The bucket, as it is reached there."""
    return StagingBucket(
        bucket_name=BUCKET,
        endpoint_url=endpoint,
        access_key=KEY,
        secret_key=SECRET,
        region_name="us-east-1",
        verify=None,
    )
