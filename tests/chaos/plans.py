"""How much of a chaos run is to come, and how much of it is done: faults and uploads go side by side."""

import threading
from dataclasses import dataclass, field

LEAD = 0.05  # share by which faults or uploads may be ahead of each other


@dataclass(frozen=True)
class Plan:
    """What a run is to hold. The same seed chooses the same faults and the same sizes of uploads."""

    kills: int
    files: int
    seed: int
    people: int = 4
    pause: float = 0.25  # seconds between two faults, on average
    seconds: float = 3600  # after which the run ends, with whatever is done


@dataclass
class Progress:
    """What has been done of a plan, shared by all threads."""

    plan: Plan
    kills: int = 0
    files: int = 0
    over: threading.Event = field(default_factory=threading.Event)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def add_kills(self, count: int) -> None:
        """Processes were killed."""
        with self._changed:
            self.kills += count
            self._changed.notify_all()

    def take_files(self, count: int) -> int:
        """Claim files to send, once the faults have come as far; answer how many are left to be sent."""
        with self._changed:
            self._changed.wait_for(
                lambda: self.over.is_set() or self._share_sent <= self._share_killed + LEAD
            )
            taken = min(count, self.plan.files - self.files)
            self.files += taken
            return 0 if self.over.is_set() else taken

    @property
    def may_strike(self) -> bool:
        """There is something left to disturb, and it is under way."""
        return self._share_killed <= self._share_sent

    def stop(self) -> None:
        """End everything."""
        with self._changed:
            self.over.set()
            self._changed.notify_all()

    @property
    def _share_killed(self) -> float:
        return self.kills / self.plan.kills

    @property
    def _share_sent(self) -> float:
        return self.files / self.plan.files
