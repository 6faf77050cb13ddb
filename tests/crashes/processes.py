"""A process that is killed where it was to be killed."""

import os
import signal
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn, cast

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connections

from uploads.bucket import StagingBucket
from uploads.failpoints import Point, listening


def dies_at(point: Point, work: Callable[[], None]) -> bool:
    """Work in a process of its own that is killed at the point; answer whether it came there."""
    _hang_up()
    database = connections["default"]
    child = os.fork()
    if child == 0:
        # Where a browser's loop runs in the parent, Django keeps connections where the child does not look.
        connections["default"] = database
        _work(point, work)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def _hang_up() -> None:
    """What is open is not for two processes; each opens its own when it needs them."""
    connections.close_all()
    if settings.STAGING_S3_BUCKET:
        cast(StagingBucket, default_storage).connection.meta.client.close()


def _work(point: Point, work: Callable[[], None]) -> NoReturn:
    """Never come back: the parent's tests are not the child's."""

    def die(reached: Point) -> None:
        if reached is point:
            os.kill(os.getpid(), signal.SIGKILL)

    listening.to = die
    try:
        work()
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)
