"""The Django project. It holds no domain code."""

from portal.celery import app as celery_app

__all__ = ["celery_app"]
