"""WCAG 2.2 AA, as far as a machine can hold it, for every state of every page, in both themes and widths."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Browser

from tests.browsers import complaint
from tests.e2e.auditor import Auditor
from tests.portals import running_portal
from tests.screenshots.scenes import SCENES, Stage, signing_in, the_first_day

Scene = Callable[[Stage], None]
LATER = [scene for scene in SCENES if scene not in (signing_in, the_first_day)]


@pytest.fixture(scope="module")
def stage(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A portal in which nothing was sent yet; the scenes before that have been played."""
    folder = tmp_path_factory.mktemp("scenes")
    with running_portal(folder / "portal") as portal:
        context = chromium.new_context(base_url=portal.url, viewport={"width": 1440, "height": 900})
        complaints: list[str] = []
        context.on("console", lambda message: complaints.extend(complaint(message)))
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        stage = Stage(portal, context, Auditor(), folder / "disk")
        signing_in(stage)
        the_first_day(stage)
        yield stage
        context.close()
        assert complaints == []


def test_the_door_and_the_pages_of_the_first_day_keep_the_rules(stage: Stage) -> None:
    assert isinstance(stage.camera, Auditor)

    assert stage.camera.found == []


@pytest.mark.parametrize("scene", LATER, ids=lambda scene: scene.__name__)
def test_what_a_scene_shows_keeps_the_rules(stage: Stage, scene: Scene) -> None:
    auditor = Auditor()

    scene(replace(stage, camera=auditor))

    assert auditor.found == []
