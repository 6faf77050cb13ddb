"""Who may have an account: people whom an administrator has entered."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.http import HttpRequest


class LeanArgon2(Argon2PasswordHasher):
    """Argon2id as OWASP's Password Storage Cheat Sheet has it: 19 MiB, two passes.

    Django's own takes 100 MiB a sign-in: a few people who sign in at once would be most of a web process.
    """

    memory_cost = 19 * 1024  # KiB
    time_cost = 2
    parallelism = 1


class ClosedDoor(DefaultAccountAdapter):  # type: ignore[misc]  # allauth is untyped
    """Accounts are made by administrators; nobody signs up."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Nobody signs up."""
        return False

    def _get_login_attempts_cache_key(
        self, request: HttpRequest, **credentials: Any
    ) -> str:  # Any: allauth's
        """Count failures per name and address: who guesses elsewhere must not lock a clinician out."""
        name = credentials.get("email", credentials.get("username", "")).lower()
        return f"{self.get_client_ip(request)}:{name}"
