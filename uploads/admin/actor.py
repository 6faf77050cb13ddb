"""Who acts on the administrators' pages."""

from typing import cast

from django.contrib.auth.models import User
from django.http import HttpRequest


def by(request: HttpRequest) -> str:
    """Who acts, for the trail."""
    return f"admin:{cast(User, request.user).pk}"
