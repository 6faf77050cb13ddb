"""``python -m portal.secrets FOLDER``: the secrets that docker-compose.yml reads from files.

What is there stays. The folder is for its owner only; the files in it can be read by all, because in its
container each program runs as a user of its own and is given no more than the files it needs.
"""

import argparse
import hashlib
import json
import secrets
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cryptography.fernet import Fernet

GIVEN: Final = {
    "qure_token": "the token that Qure gave you",
    "tls_certificate": "the certificate of the portal's host, with its chain, as PEM",
    "tls_key": "the certificate's private key, as PEM",
}


def main(arguments: list[str]) -> int:
    """Make what is missing; say what only a person can give."""
    parser = argparse.ArgumentParser(prog="python -m portal.secrets", description=__doc__)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args(arguments).folder
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    for name, make in MADE.items():
        path = folder / name
        if not path.exists():
            path.write_text(make(folder), encoding="ascii")
            path.chmod(0o444)
    for name, what in GIVEN.items():
        if not (folder / name).exists():
            sys.stdout.write(f"Still missing: {folder / name}, {what}.\n")
    return 0


def _password(_: Path) -> str:
    return secrets.token_urlsafe(48)  # bytes; Django wants 50 characters for its own


def _field_key(_: Path) -> str:
    return Fernet.generate_key().decode()


def _broker_users(folder: Path) -> str:
    """Valkey's access list: one user, known by a digest, who can neither manage the server nor empty it."""
    digest = hashlib.sha256((folder / "broker_password").read_bytes()).hexdigest()
    return f"user default on #{digest} ~* &* +@all -@admin -@dangerous +info\n"


def _s3_identities(folder: Path) -> str:
    """SeaweedFS' one identity, which the portal uses."""
    names = {"accessKey": "s3_access_key", "secretKey": "s3_secret_key"}
    keys = {name: (folder / file).read_text(encoding="ascii") for name, file in names.items()}
    actions = ["Admin", "Read", "Write", "List"]
    return json.dumps({"identities": [{"name": "portal", "credentials": [keys], "actions": actions}]})


def _nothing(_: Path) -> str:
    """A mail server that needs a password has one; whoever runs it knows."""
    return ""


MADE: Final[dict[str, Callable[[Path], str]]] = {  # in this order: some are made from others
    "secret_key": _password,
    "field_keys": _field_key,
    "database_password": _password,
    "broker_password": _password,
    "broker_users": _broker_users,
    "s3_access_key": _password,
    "s3_secret_key": _password,
    "s3_identities": _s3_identities,
    "email_password": _nothing,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
