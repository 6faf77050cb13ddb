"""When a row that has to wait is due again."""

import random
from datetime import datetime, timedelta
from typing import Final

from django.utils.timezone import now

LONGEST_WAIT: Final = 600  # seconds
LONGEST_PAUSE: Final = 3600  # seconds: of a destination that takes nothing from us
SPREAD: Final = 0.25  # of a wait, each way
MOST_DOUBLINGS: Final = 10


def due_after(failures: int, first_wait: float, longest_wait: float = LONGEST_WAIT) -> datetime:
    """Waits double from the first (seconds), up to the longest, and are spread by a quarter each way."""
    wait = min(longest_wait, first_wait * 2 ** min(failures, MOST_DOUBLINGS))
    return now() + timedelta(seconds=wait * random.uniform(1 - SPREAD, 1 + SPREAD))  # noqa: S311  # spreads load, no secret
