"""Who may call what of the administration: every page, every role. A page that is not listed is red."""

from collections.abc import Callable
from typing import Final

import pytest
from allauth.account.models import EmailAddress
from django.contrib import admin
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from tests.admin.rows import Everything
from tests.factories import make_user
from tests.routes import all_routes
from uploads.models import Delivery, Notice, NoticeKind, StateChange, Webhook

pytestmark = pytest.mark.django_db

ROLES: Final = ("anonymous", "clinician", "staff", "administrator")
Answers = tuple[int, int, int, int]  # to each role

SHUT: Final = (302, 302, 403, 403)
OPEN: Final = (302, 302, 403, 200)  # to administrators
FOR_STAFF: Final = (302, 302, 200, 200)
WRITTEN: Final = {"user", "group", "emailaddress", "team", "destination", "webhook"}
DELETED: Final = {"group", "emailaddress", "webhook"}  # the record names all others for good

# The pages that belong to no kind of rows: what a GET gets, what a POST gets.
SITE: Final[dict[str, tuple[Answers, Answers]]] = {
    "index": (FOR_STAFF, FOR_STAFF),
    "app_list": ((302, 302, 404, 200), (302, 302, 404, 200)),
    "autocomplete": (OPEN, (302, 302, 405, 405)),
    "jsi18n": (FOR_STAFF, (302, 302, 405, 405)),
    "view_on_site": ((302, 302, 404, 404), (302, 302, 404, 404)),
    "login": ((302, 403, 302, 302), (302, 403, 200, 200)),
    "logout": ((302, 302, 405, 405), (302, 302, 200, 200)),
    "password_change": (FOR_STAFF, FOR_STAFF),
    "password_change_done": (FOR_STAFF, (302, 302, 405, 405)),
}

# The pages of each kind of rows, likewise.
PAGES: Final[dict[str, Callable[[str], tuple[Answers, Answers]]]] = {
    "changelist": lambda _: (OPEN, OPEN),
    "add": lambda kind: (OPEN, OPEN) if kind in WRITTEN else (SHUT, SHUT),
    "change": lambda kind: (OPEN, OPEN) if kind in WRITTEN else (OPEN, SHUT),
    "history": lambda _: (OPEN, OPEN),
    "delete": lambda kind: (OPEN, OPEN) if kind in DELETED else (SHUT, SHUT),
    "password_change": lambda _: (OPEN, OPEN),
}
PREFIXES: Final = {
    f"admin:{model._meta.app_label}_{model._meta.model_name}_": model for model in admin.site._registry
}
WRITING: Final = ("add", "change", "delete")
NAMES: Final = sorted({name for name in all_routes() if name.startswith("admin:")} - {"admin:None"})


@pytest.fixture
def rows(everything: Everything) -> Everything:
    """A row of each kind."""
    webhook = Webhook.objects.create(team=everything.team, url="https://hooks.test/", secret="x")
    Delivery.objects.create(webhook=webhook, event="test", body="{}")
    Notice.objects.create(user=everything.user, job=everything.job, kind=NoticeKind.DECISION)
    Group.objects.create(name="Administrators")
    EmailAddress.objects.create(user=everything.user, email="night@hospital.test")
    return everything


def client_of(role: str, everything: Everything) -> Client:
    """The role's browser. A clinician is in the team; the staff has no permissions."""
    client = Client()
    if role == "clinician":
        client.force_login(everything.user)
    if role in ("staff", "administrator"):
        client.force_login(make_user(is_staff=True, is_superuser=role == "administrator"))
    return client


def kind_of(name: str) -> tuple[type[Model] | None, str]:
    """The kind of rows that a page is about, if it is, and which page of it."""
    for prefix, model in PREFIXES.items():
        if name.startswith(prefix):
            return model, name.removeprefix(prefix)
    return None, name.removeprefix("admin:")


def url_of(name: str, everything: Everything) -> str:
    """An address of the page, about a row that is there."""
    model, page = kind_of(name)
    if model is not None:
        arguments = [] if page in ("changelist", "add") else [model._default_manager.latest("pk").pk]
        return reverse(name, args=arguments)
    job = everything.job
    named = {
        "app_list": ["uploads"],
        "view_on_site": [str(ContentType.objects.get_for_model(job).pk), str(job.pk)],
    }
    query = "?app_label=uploads&model_name=membership&field_name=user" if page == "autocomplete" else ""
    return reverse(name, args=named.get(page, [])) + query


def answers_of(name: str) -> tuple[Answers, Answers]:
    """What each role gets, to a GET and to a POST that holds nothing."""
    model, page = kind_of(name)
    if model is None:
        return SITE[page]
    return PAGES[page](str(model._meta.model_name))


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", NAMES)
def test_each_role_gets_what_the_tables_say(name: str, role: str, rows: Everything) -> None:
    url = url_of(name, rows)
    asked, sent = (answers[ROLES.index(role)] for answers in answers_of(name))

    got, posted = client_of(role, rows).get(url), client_of(role, rows).post(url)

    assert (got.status_code, posted.status_code) == (asked, sent)


@pytest.mark.parametrize("role", ROLES[:-1])
@pytest.mark.parametrize("name", [name for name in NAMES if kind_of(name)[1] in WRITING])
def test_who_is_no_administrator_adds_changes_and_deletes_nothing(
    name: str, role: str, rows: Everything
) -> None:
    model, _ = kind_of(name)
    assert model is not None
    client = client_of(role, rows)
    before = list(model._default_manager.order_by("pk").values())

    client.post(url_of(name, rows), {"post": "yes", "name": "x", "status": "accepted"})

    assert list(model._default_manager.order_by("pk").values()) == before


@pytest.mark.parametrize("role", ROLES[:-1])
@pytest.mark.parametrize(("kind", "action"), [("job", "cancel"), ("job", "retry"), ("destination", "resume")])
def test_who_is_no_administrator_takes_no_action(kind: str, action: str, role: str, rows: Everything) -> None:
    row = (rows.records() | rows.settings())[kind]
    before = StateChange.objects.count()
    data = {"action": action, "_selected_action": [row.pk], "index": "0"}

    response = client_of(role, rows).post(reverse(f"admin:uploads_{kind}_changelist"), data)

    assert response.status_code == (403 if role == "staff" else 302)
    assert StateChange.objects.count() == before


@pytest.mark.parametrize("role", ROLES)
def test_an_address_without_a_name_shows_nothing(role: str, rows: Everything) -> None:
    client = client_of(role, rows)

    row = client.get(f"/admin/uploads/job/{rows.job.pk}/")
    nothing = client.get("/admin/nothing/")

    assert row.status_code == 302
    assert nothing.status_code == (404 if role in ("staff", "administrator") else 302)
