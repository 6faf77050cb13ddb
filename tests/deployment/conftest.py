"""One stack for all tests of this folder: it takes half a minute to start."""

from collections.abc import Iterator

import pytest

from portal import secrets
from tests.deployment.certificates import write_certificate
from tests.deployment.stack import Stack, new_stack

VARIABLES = {"QURE_BASE_URL": "http://sandbox:9010/"}
SCALE = {"web": 2}


@pytest.fixture(scope="package")
def stack() -> Iterator[Stack]:
    """Everything that docker-compose.yml names, sandbox included, after the steps of docs/deployment.md."""
    with new_stack(VARIABLES, SCALE) as stack:
        folder = stack.place.secrets
        assert secrets.main([str(folder)]) == 0
        (folder / "qure_token").write_text("token-of-the-sandbox\n", encoding="ascii")
        write_certificate(folder / "tls_certificate", folder / "tls_key", stack.place.of("nginx")[0].address)
        stack.build()
        stack.up()
        yield stack
