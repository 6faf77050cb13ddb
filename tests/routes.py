"""Every route of the portal: how it is called, and what people in every relation to its object get."""

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests.factories import make_api_token, make_job, make_patient, make_series, make_team, make_user
from uploads.models import ApiToken, Job, Membership, Patient, Picture, Series, Team

ROLES = ("anonymous", "member", "stranger", "former", "disabled", "administrator")
TO_SIGN_IN = 302
Answers = dict[str, int]


@dataclass
class World:
    """A team with everything an address can name, and people in every relation to it."""

    team: Team = field(default_factory=lambda: make_team(name="Own"))

    def __post_init__(self) -> None:
        other = make_team(name="Other")
        self.people: dict[str, User | None] = {
            "anonymous": None,
            "member": make_user(self.team, username="member"),
            "stranger": make_user(other, username="stranger"),
            "former": make_user(self.team, username="former"),
            "disabled": make_user(self.team, username="disabled"),
            "administrator": make_user(username="administrator", is_staff=True, is_superuser=True),
        }
        self.job: Job = make_job(self.team, created_by=self.people["member"])
        self.series: Series = make_series(self.job, picture=Picture.MADE)
        default_storage.save(self.series.picture_name, ContentFile(b"a PNG"))
        self.patient: Patient = make_patient(self.job)
        member = self.people["member"]
        assert member is not None
        make_api_token(member, self.team)
        self.token = ApiToken.objects.get()

    def client(self, role: str, checks_csrf: bool = False) -> Client:
        """A browser in which the role's person is signed in, and then perhaps lost the right to be."""
        client = Client(enforce_csrf_checks=checks_csrf)
        user = self.people[role]
        if user is not None:
            client.force_login(user)
        if role == "former":
            Membership.objects.filter(user=user).delete()
        if role == "disabled":
            User.objects.filter(pk=user.pk).update(is_active=False)  # type: ignore[union-attr]  # a person
        return client


def page(**answers: int) -> Answers:
    """A page for everybody who is signed in."""
    signed_out = {"anonymous": TO_SIGN_IN, "disabled": TO_SIGN_IN}
    return dict.fromkeys(ROLES, 200) | signed_out | answers


def object_page(success: int = 200) -> Answers:
    """A page about a team's object: its members see it, for all others it does not exist."""
    return page(stranger=404, former=404, administrator=404, member=success)


def intake(success: int) -> Answers:
    """JSON about a team's object."""
    return object_page(success) | {"anonymous": 401, "disabled": 401}


def everybody(status: int) -> Answers:
    """The same for all."""
    return dict.fromkeys(ROLES, status)


@dataclass(frozen=True)
class Route:
    """How to call a route, and what each role gets."""

    method: str
    answers: Answers
    arguments: Callable[[World], list[object]] = lambda _: []
    body: object = None


def of_job(world: World) -> list[object]:
    return [world.job.key]


def of_series(world: World) -> list[object]:
    return [world.series.key]


def of_patient(world: World) -> list[object]:
    return [world.patient.key]


def of_token(world: World) -> list[object]:
    return [world.token.key]


TABLE: dict[str, Route] = {
    "home": Route("get", page() | dict.fromkeys(ROLES, 302)),
    "upload": Route("get", page()),
    "send-form": Route("post", page() | dict.fromkeys(ROLES[1:], 415) | {"disabled": TO_SIGN_IN}),
    "job-list": Route("get", page()),
    "job-search": Route("post", page() | dict.fromkeys(ROLES, 302)),
    "job-list-rows": Route("get", page()),
    "unfinished-jobs": Route("get", page()),
    "destination-alarm": Route("get", page()),
    "job-list-csv": Route("get", page()),
    "job": Route("get", object_page(), of_job),
    "job-files": Route("get", object_page(), of_job),
    "job-progress": Route("get", object_page(), of_job),
    "receipt": Route("get", object_page(), of_job),
    "receipt-pdf": Route("get", object_page(), of_job),
    "receipt-csv": Route("get", object_page(), of_job),
    "add-files": Route("post", object_page(302), of_job),
    "cancel-job": Route("post", object_page(302), of_job),
    "decide-conflicts": Route("post", object_page(302), of_job),
    "decide-patient": Route("post", object_page(302), of_patient),
    "series-picture": Route("get", object_page(), of_series),
    "resend-series": Route("post", object_page(302), of_series),
    "notice-list": Route("get", page()),
    "save-notice-settings": Route("post", page() | dict.fromkeys(ROLES, 302)),
    "mark-notices-read": Route("post", page() | dict.fromkeys(ROLES, 302)),
    "token-list": Route("get", page()),
    "revoke-token": Route("post", object_page(302), of_token),
    "create-job": Route(
        "post",
        intake(201) | {"stranger": 201, "former": 404, "administrator": 404},
        body={"request": str(uuid.uuid4()), "team": None},
    ),
    "add-manifest": Route("post", intake(200), of_job, {"files": [{"path": "a", "size": 1}], "last": False}),
    "add-parcel": Route("post", intake(400), of_job),
    "report-unreadable": Route("post", intake(200), of_job, {"numbers": []}),
    "stop-adding": Route("post", intake(200), of_job, {"addition": 1, "numbers": []}),
    "set-language": Route("post", everybody(302)),
    "studies": Route("post", everybody(401)),
    "alive": Route("get", everybody(200)),
    "ready": Route("get", everybody(200)),
}


def all_routes() -> Iterator[str]:
    """The full name of every route of the portal."""
    yield from _routes(get_resolver(), "")


def _routes(resolver: URLResolver, namespace: str) -> Iterator[str]:
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLPattern):
            yield f"{namespace}{pattern.name}"
        else:
            yield from _routes(
                pattern, f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            )


def call(client: Client, world: World, name: str) -> HttpResponse:
    """Call a listed route as the table says."""
    route = TABLE[name]
    url = reverse(name, args=route.arguments(world))
    if route.method == "get":
        return client.get(url)  # type: ignore[return-value]  # a response
    body = json.dumps(route.body) if route.body is not None else ""
    return client.post(url, body, content_type="application/json")  # type: ignore[return-value]
