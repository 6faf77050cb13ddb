"""How the portal logs: structured, with the request's id, without what an exception says or a query holds.

Exception texts may quote a row or a path, and so a patient. Log records therefore carry the type of an
exception and where it was raised, never its words. A query may be what somebody looks for.
"""

import logging.config
import re
import sys
import traceback
from types import TracebackType
from typing import Final

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

ExceptionInfo = tuple[type[BaseException], BaseException, TracebackType | None]
# Where an exception's text lies: in ours, and in what django_structlog says of a task.
TEXTS: Final = ("exception_text", "error", "reason")
RESET_KEY: Final = re.compile(r"(?<= /accounts/password/reset/key/).*")  # whoever has it sets the password


def _exception_info(value: object) -> ExceptionInfo | None:
    if isinstance(value, BaseException):
        return type(value), value, value.__traceback__
    if isinstance(value, tuple) and value[0] is not None:
        return value
    current = sys.exc_info()
    return current if value and current[0] is not None else None


def wordless_exception(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Replace an exception by its type and frames, without its text."""
    info = _exception_info(event.pop("exc_info", None)) or _exception_info(event.pop("exception", None))
    if info is not None:
        frames = traceback.extract_tb(info[2])
        event["exception"] = info[0].__qualname__
        event["raised_at"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-8:]]
    for name in TEXTS:
        event.pop(name, None)
    return event


def address_alone(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Cut what a request asks for from its address."""
    if isinstance(request := event.get("request"), str):
        event["request"] = RESET_KEY.sub("", request.partition("?")[0])
    return event


SHARED: Final[list[Processor]] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    wordless_exception,
    address_alone,
]

# Celery's own lines repeat what django_structlog logs, with task arguments and exception texts.
QUIET: Final = ("celery.app.trace", "celery.worker.strategy")


def logging_config(log_format: str, level: int) -> None:
    """Send every log record through structlog to stderr, as JSON or for a terminal."""
    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=False, sort_keys=False)
    )
    structlog.configure(
        processors=[*SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "structured": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
                    "foreign_pre_chain": SHARED,
                    "keep_exc_info": False,
                }
            },
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
            "root": {"handlers": ["stderr"], "level": level},
            "loggers": {name: {"level": "CRITICAL"} for name in QUIET},
        }
    )
