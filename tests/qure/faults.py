"""One request that must end in a fault."""

import pytest

from tests.qure.parts import account_at, parts_of
from tests.qure.servers import (
    Behavior,
    serve,
)
from uploads.qure.client import Client
from uploads.qure.errors import (
    QureFault,
)


def fault_of(*behaviors: Behavior, **values: object) -> QureFault:
    """What one request to such a server ends as; it was made once."""
    with (
        serve(*behaviors) as server,
        Client(account_at(server.base_url, **values)) as client,
        pytest.raises(QureFault) as caught,
    ):
        client.send(parts_of(b"content"))
    assert len(server.requests) == server.connection_count == 1
    return caught.value
