"""A second team, whose destination is another account at another receiver."""

from typing import Final

from django.contrib.auth.models import User

from tests.portals import Portal
from tests.sandboxes import Sandbox
from uploads.models import Destination, Membership, Team, record_birth

NAME: Final = "Second"
MEMBER: Final = "second"
ONLOOKER: Final = "onlooker"  # sees the uploads of both teams
PASSWORD: Final = "of a portal that lives as long as a run"


def add_team(portal: Portal, qure: Sandbox) -> None:
    """Let the portal make a team that sends to ``qure``, and its people."""
    call = f"add_rows({qure.base_url!r}, {qure.token!r})"
    done = portal.manage("shell", "-c", f"from tests.chaos.teams import add_rows; {call}")
    assert done.returncode == 0, done.stderr


def add_rows(base_url: str, token: str) -> None:
    """Add the team to the database of this process."""
    destination = Destination.objects.create(name=NAME, base_url=base_url, token=token)
    record_birth(destination, "chaos")
    first, second = Team.objects.get(), Team.objects.create(name=NAME, destination=destination)
    for name, teams in ((MEMBER, [second]), (ONLOOKER, [first, second])):
        user = User.objects.create_user(name, password=PASSWORD)
        Membership.objects.bulk_create(Membership(user=user, team=team) for team in teams)
