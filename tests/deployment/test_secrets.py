"""``python -m portal.secrets``: made once, for their owner, whole."""

import hashlib
import json
from pathlib import Path

import pytest

from portal import secrets


def test_all_that_can_be_made_is_made(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"

    assert secrets.main([str(folder)]) == 0

    assert {path.name for path in folder.iterdir()} == set(secrets.MADE)
    empty = {path.name for path in folder.iterdir() if not path.read_text(encoding="ascii").strip()}
    assert empty == {"email_password"}  # whoever runs the mail server knows it


def test_only_the_owner_may_enter_and_every_container_may_read(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    folder.mkdir(mode=0o755)

    secrets.main([str(folder)])

    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o444}


def test_what_is_there_stays(tmp_path: Path) -> None:
    secrets.main([str(tmp_path)])
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    secrets.main([str(tmp_path)])

    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_no_two_are_alike(tmp_path: Path) -> None:
    secrets.main([str(tmp_path)])

    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == len(secrets.MADE)


def test_the_broker_knows_its_password_by_a_digest_only(tmp_path: Path) -> None:
    secrets.main([str(tmp_path)])

    password = (tmp_path / "broker_password").read_text(encoding="ascii")
    users = (tmp_path / "broker_users").read_text(encoding="ascii")
    assert hashlib.sha256(password.encode()).hexdigest() in users
    assert password not in users


def test_the_storage_knows_the_portals_keys(tmp_path: Path) -> None:
    secrets.main([str(tmp_path)])

    (identity,) = json.loads((tmp_path / "s3_identities").read_text(encoding="ascii"))["identities"]
    keys = {
        name: (tmp_path / name).read_text(encoding="ascii") for name in ("s3_access_key", "s3_secret_key")
    }
    assert identity["credentials"] == [
        {"accessKey": keys["s3_access_key"], "secretKey": keys["s3_secret_key"]}
    ]


def test_what_only_a_person_can_give_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "tls_key").touch()

    secrets.main([str(tmp_path)])

    missing = capsys.readouterr().out
    assert str(tmp_path / "qure_token") in missing and str(tmp_path / "tls_certificate") in missing
    assert str(tmp_path / "tls_key") not in missing


def test_without_a_folder_it_says_how_it_is_called(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        secrets.main([])

    assert "usage: python -m portal.secrets" in capsys.readouterr().err
