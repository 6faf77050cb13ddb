"""An administrator, somebody who may only look, and one of everything to look at."""

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from tests.admin.rows import Everything
from tests.factories import make_user


@pytest.fixture
def administrator(db: None) -> User:
    """A superuser who is in no team."""
    return make_user(is_staff=True, is_superuser=True)


@pytest.fixture
def admin_pages(administrator: User) -> Client:
    """The administrator's browser."""
    client = Client()
    client.force_login(administrator)
    return client


@pytest.fixture
def onlooker(db: None) -> Client:
    """The browser of somebody on the staff who may see everything of the app and change nothing."""
    user = make_user(is_staff=True)
    seeing = Permission.objects.filter(codename__startswith="view_", content_type__app_label="uploads")
    user.user_permissions.set(seeing)
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def everything(db: None) -> Everything:
    """A job with all that belongs to one."""
    return Everything()
