"""Structured logs: one JSON object a line, with the trace id of the request or task that wrote it."""

import logging
import logging.config
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

from config import traceparent


def _add_trace(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    trace = traceparent.current()
    if trace is not None:
        event.setdefault("trace_id", trace.trace_id)
    return event


def logging_config(level: str) -> dict[str, Any]:
    """Configure structlog and the standard library to write the same JSON lines; returns the dictConfig for the latter.

    Args:
        level: name of the lowest level that is written.
    """
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        _add_trace,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.filter_by_level, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    config = {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": shared,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.format_exc_info,
                    structlog.processors.JSONRenderer(),
                ],
            }
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            "django.request": {"level": "ERROR"},
            "django.security": {"level": "WARNING"},
            "axes": {"level": "WARNING"},
            "django-q": {"level": "WARNING"},
        },
    }
    logging.config.dictConfig(config)
    return config
