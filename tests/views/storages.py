"""Storages that fail as disks and buckets do."""

import errno
from typing import Any

from botocore.exceptions import ClientError, EndpointConnectionError
from django.core.files.base import File

from uploads.storage import StagingFiles


class FullDisk(StagingFiles):
    """Takes the bytes, and then has no room for them."""

    def _save(self, name: str, content: File[Any]) -> str:  # Any: bytes, in Django's generic
        for _ in content.chunks():
            raise OSError(errno.ENOSPC, "No space left on device", name)
        raise AssertionError


class BrokenDisk(StagingFiles):
    """Fails in mid-write."""

    def _save(self, name: str, content: File[Any]) -> str:  # Any: bytes, in Django's generic
        for _ in content.chunks():
            raise OSError(errno.EIO, "Input/output error", name)
        raise AssertionError


class ReadOnlyDisk(StagingFiles):
    """Was mounted again after a fault."""

    def free_bytes(self) -> int | None:
        raise OSError(errno.EROFS, "Read-only file system")


class BucketOutOfReach(StagingFiles):
    """What a bucket's client says when nothing listens."""

    def _save(self, name: str, content: File[Any]) -> str:  # Any: bytes, in Django's generic
        raise EndpointConnectionError(endpoint_url="http://127.0.0.1:9/")


class BucketRefuses(StagingFiles):
    """What a bucket's client says when its key was taken back."""

    def _save(self, name: str, content: File[Any]) -> str:  # Any: bytes, in Django's generic
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "denied"}}, "PutObject")
