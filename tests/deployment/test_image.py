"""What the Dockerfile promises, read from the file."""

import re

from tests.deployment.composed import PROJECT, instructions


def test_the_base_image_is_a_slim_python_of_one_version() -> None:
    (base,) = instructions("FROM")

    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+", base)


def test_packages_are_installed_by_their_digests_and_as_wheels_only() -> None:
    (install,) = [line for line in instructions("RUN") if line.startswith("pip ")]

    assert install == "pip install --require-hashes --only-binary=:all: -r requirements.txt"


def test_it_does_not_run_as_root() -> None:
    (user,) = instructions("USER")

    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", user)


def test_static_files_are_collected_when_it_is_built() -> None:
    assert any("collectstatic" in line for line in instructions("RUN"))


def test_all_that_is_copied_is_let_into_the_build() -> None:
    sources = {source for line in instructions("COPY") for source in line.split()[:-1]}
    lines = (PROJECT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    let_in = {line.removeprefix("!") for line in lines if line.startswith("!")}

    assert "*" in lines
    assert let_in == sources
    assert all((PROJECT / source).exists() for source in sources)
