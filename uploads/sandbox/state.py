"""What one running sandbox consists of; shared by all its connections."""

from dataclasses import dataclass

from uploads.sandbox.faults import Faults
from uploads.sandbox.ledger import Ledger
from uploads.sandbox.options import Options
from uploads.sandbox.store import Store


@dataclass
class Sandbox:
    """The parts of a sandbox; ``token`` alone changes while it runs."""

    options: Options
    store: Store
    ledger: Ledger
    faults: Faults
    token: str


def open_sandbox(options: Options) -> Sandbox:
    """Open what lies under ``options.data``, or begin anew there."""
    store = Store(options.data)
    ledger = Ledger(options.data / "ledger.sqlite3")
    return Sandbox(options, store, ledger, Faults(), options.token)
