"""A text column that is encrypted at rest."""

from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import Expression


class SecretUnreadable(Exception):
    """A stored secret can't be decrypted: FIELD_KEYS lacks the key it was written with."""


@lru_cache(maxsize=8)
def _cipher(keys: tuple[str, ...]) -> MultiFernet:
    if not keys:
        raise ImproperlyConfigured(
            "Set FIELD_KEYS or FIELD_KEYS_FILE to store tokens (`make run` makes one)."
        )
    return MultiFernet([Fernet(key) for key in keys])


class EncryptedTextField(models.TextField[str, str]):
    """Text that is stored as a Fernet token. The first of FIELD_KEYS encrypts, every one decrypts.

    A value that can't be decrypted raises :class:`SecretUnreadable`; it is never handed on as it lies there.
    """

    def from_db_value(
        self, value: str | None, expression: Expression, connection: BaseDatabaseWrapper
    ) -> str | None:
        """Decrypt what the database holds."""
        if not value:
            return value
        try:
            return _cipher(tuple(settings.FIELD_KEYS)).decrypt(value.encode()).decode()
        except InvalidToken:
            raise SecretUnreadable("A stored token can't be decrypted with FIELD_KEYS.") from None

    def get_prep_value(self, value: str | None) -> str | None:
        """Encrypt what goes to the database."""
        if not value:
            return value
        return _cipher(tuple(settings.FIELD_KEYS)).encrypt(value.encode()).decode()
