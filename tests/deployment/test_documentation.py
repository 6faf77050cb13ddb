"""docs/deployment.md says what is: its table of settings, its services, its commands."""

import re

from portal import secrets
from tests.deployment.composed import PROJECT, read_compose
from tests.deployment.settings_read import variables_read

TEXT = (PROJECT / "docs/deployment.md").read_text(encoding="utf-8")
COMPOSED = read_compose(
    {"PUBLIC_URL": "https://upload.hospital.example", "QURE_BASE_URL": "https://qure.example"}
)


def rows_under(heading: str) -> list[str]:
    """The first cells of the table under a heading."""
    section = TEXT.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    cells = re.findall(r"^\| (?!-)(.+?) \|", section, re.MULTILINE)
    return cells[1:]


def test_the_table_of_settings_names_each_variable_that_is_read_and_no_other() -> None:
    named = [re.findall("`(.+?)`", cell)[0] for cell in rows_under("Settings")]

    assert named == sorted(variables_read())


def test_the_table_marks_those_that_may_come_from_a_file() -> None:
    marked = {cell.split("`")[1] for cell in rows_under("Settings") if cell.endswith("*")}

    source = (PROJECT / "portal/settings.py").read_text(encoding="utf-8")
    assert marked == set(re.findall(r'\bsecret(?:_url)?\(\s*"(\w+)"', source))


def test_the_table_of_services_names_each() -> None:
    assert set(rows_under("What is where")) == set(COMPOSED["services"])


def test_the_image_that_makes_the_secrets_is_the_one_that_is_built() -> None:
    named = set(re.findall(r"qure-upload-portal:[\d.]+", TEXT))

    assert named == {COMPOSED["services"]["web"]["image"]}


def test_each_secret_that_a_person_gives_is_explained() -> None:
    assert all(f"secrets/{name}" in TEXT for name in secrets.GIVEN)


def test_each_volume_is_explained() -> None:
    assert all(f"`{name}`" in TEXT for name in COMPOSED["volumes"])
