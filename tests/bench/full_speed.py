"""P9: a study on its whole way as fast as it goes, beside the CPU time that it takes on all cores."""

import os
import time
from collections import Counter
from collections.abc import Iterator
from typing import Final

from tests.bench.drain import Drain
from tests.bench.pairs import figure_of
from tests.bench.portal import Portal
from tests.bench.sender import FULL_SPEED, Sender
from tests.bench.studies import Study
from tests.bench.table import Line, at_most

GOAL: Final = 1.3
# Pictures are made besides; nobody waits for them.
ON_THE_WAY: Final = ("web", "checks", "relay", "stat", "beat", "reader", "valkey", "supervisor")


def full_speed_lines(study: Study, portal: Portal, drain: Drain, count: int) -> Iterator[Line]:
    """From the list of files to the last word; sender and receiver share the cores and are counted."""
    sender = Sender(portal.url, portal.username, portal.password)
    cores = os.cpu_count() or 1
    walls, shares = [], []
    used: Counter[str] = Counter()
    for number in range(count + 1):
        before = _cpu_seconds(portal, drain)
        sent = sender.send(study, FULL_SPEED)
        _, word_at = portal.receipts(sent.job)
        spent = _cpu_seconds(portal, drain)
        spent.subtract(before)
        if number:  # the first is the warm-up
            walls.append(word_at - sent.begun_at)
            shares.append(walls[-1] * cores / spent.total())
            used += spent
    ratio = figure_of(shares)
    yield at_most(
        GOAL, "P9", f"end to end / its CPU on {cores} cores, {study.name}", ratio.median, str(ratio)
    )
    yield Line("P9", f"end to end, {study.name}, s", str(figure_of(walls)))
    split = ", ".join(f"{name} {seconds / count:.2f}" for name, seconds in used.most_common())
    yield Line("P9", f"CPU on the way, {study.name}, s", split)


def _cpu_seconds(portal: Portal, drain: Drain) -> "Counter[str]":
    """What each has used so far."""
    used = {name: portal.cpu_seconds(name) for name in ON_THE_WAY}
    return Counter({**used, "receiver": drain.cpu_seconds(), "sender": time.process_time()})
