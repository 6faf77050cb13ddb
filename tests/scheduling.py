"""Which worker runs what: tests that share a server that takes long to start stay together."""

from typing import Final

from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

# Those that take longest first: what starts last must not be what ends last.
TOGETHER: Final = (
    "e2e/test_scenes.py",
    "e2e",
    "accidents",
    "bench",
    "ops/test_run.py",
    "deployment/test_stack.py",
    "ops/test_canary.py",
    "staging",
    "views/test_seed_script.py",
    "commands/test_prepare.py",
    "test_https.py",
    "js/test_reading_in_chromium.py",
)


class TogetherScheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist is untyped
    """The groups start first; whoever is free takes one of the other tests.

    pytest-xdist has marks for this (``loadgroup``), which do nothing under pytest 9.
    """

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0].removeprefix("tests/")
        return next((name for name in TOGETHER if path == name or path.startswith(f"{name}/")), nodeid)

    def _assign_work_unit(self, node: WorkerController) -> None:
        longest = next((name for name in TOGETHER if name in self.workqueue), None)
        if longest is not None:
            self.workqueue.move_to_end(longest, last=False)
        super()._assign_work_unit(node)
