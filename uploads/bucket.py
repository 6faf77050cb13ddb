"""Staging storage in an S3 bucket."""

import errno
import tempfile
from http import HTTPStatus
from typing import Any, Final

from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError
from django.core.files.base import File
from s3transfer.exceptions import RetriesExceededError, S3DownloadFailedError, S3ValidationError
from storages.backends.s3 import S3Storage

from uploads import failpoints
from uploads.failpoints import Point
from uploads.storage import COPY_BYTES

# A store that is silent must hold nobody longer than a lease; who asks for the bytes asks again later.
PATIENCE: Final = Config(
    connect_timeout=5, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 2}
)
# What a download says that broke off; it is neither botocore's nor an OSError.
BROKEN_OFF: Final = (RetriesExceededError, S3DownloadFailedError, S3ValidationError)


class StagingBucket(S3Storage):  # type: ignore[misc]  # django-storages is untyped
    """Objects in an S3 bucket: one PUT each, from a temporary file; a failing writer leaves nothing."""

    def get_default_settings(self) -> dict[str, Any]:  # Any: django-storages' settings
        """Never replace an object; hold at most 1 MiB of one in memory."""
        kept = {"file_overwrite": False, "max_memory_size": COPY_BYTES, "default_acl": None}
        line = {"client_config": PATIENCE, "transfer_config": TransferConfig(num_download_attempts=2)}
        return {**super().get_default_settings(), **kept, **line}

    def _open(self, name: str, mode: str = "rb") -> File[bytes]:
        """Fetch the object now, whole: django-storages' own files do it when they are first read."""
        stored: File[bytes] = super()._open(name, mode)
        try:
            stored.open()
        except BROKEN_OFF as e:
            stored.close()
            raise OSError(errno.EIO, "The object could not be read to its end.") from e
        return stored

    def _save(self, name: str, content: File[Any]) -> str:  # Any: bytes, in Django's generic
        with tempfile.TemporaryFile() as spool:
            for chunk in content.chunks(COPY_BYTES):
                spool.write(chunk)
            size = spool.tell()
            spool.seek(0)
            failpoints.reach(Point.STORAGE_WRITING)
            self.bucket.Object(self._normalize_name(name)).put(Body=spool, ContentLength=size)
        failpoints.reach(Point.STORAGE_RENAMED)
        return name

    def free_bytes(self) -> int | None:
        """Not known of a bucket."""
        return None

    def make_ready(self) -> None:
        """Make the bucket, unless it is there."""
        try:
            self.connection.meta.client.head_bucket(Bucket=self.bucket_name)
        except ClientError as e:
            if e.response["ResponseMetadata"]["HTTPStatusCode"] != HTTPStatus.NOT_FOUND:
                raise
            self.bucket.create()
