"""Take all pictures anew. Names of scenes as arguments take only those."""

import sys
import tempfile
from pathlib import Path

from portal.place import ROOT
from tests.browsers import complaint, running_browser
from tests.e2e.browsing import sign_in
from tests.portals import running_portal
from tests.screenshots.camera import Camera
from tests.screenshots.scenes import SCENES, Stage, signing_in

FOLDER = ROOT / "docs" / "screenshots"


def main(wanted: list[str]) -> int:
    """Play the scenes; the exit status is 1 where a page complained on the console."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    complaints: list[str] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        running_portal(Path(folder) / "portal") as portal,
        running_browser() as browser,
    ):
        context = browser.new_context(base_url=portal.url, viewport={"width": 1440, "height": 900})
        context.on("console", lambda message: complaints.extend(complaint(message)))
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        stage = Stage(portal, context, Camera(FOLDER), Path(folder) / "disk")
        if wanted and signing_in.__name__ not in wanted:
            sign_in(context.new_page(), portal)
        for scene in SCENES:
            if not wanted or scene.__name__ in wanted:
                sys.stdout.write(f"{scene.__name__}\n")
                scene(stage)
        context.close()
    sys.stderr.writelines(f"{text}\n" for text in complaints)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
