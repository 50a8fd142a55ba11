"""JSON lines on standard error, ours and the libraries', without what nobody may read there."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

HIDDEN_KEYS = frozenset(
    {"phone", "phones", "token", "tokens", "password", "secret", "authorization", "variables", "query"}
)
_PRIVATE = re.compile(
    r"(?<![\w-])(?:"
    r"eyJ[\w-]+\.[\w-]+\.[\w-]*"  # a JWT
    r"|\+?\d[\d -]{9,}\d"  # a phone number
    r"|[A-Za-z0-9_-]{43}"  # a secret of 256 bits
    r")(?![\w-])"
)

Event = MutableMapping[str, Any]


def configure_logging(level: int = logging.INFO) -> None:
    """Send structlog and the standard library's logging through one chain; call it once, at the start of a process."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        without_private_things,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "tortoise", "asyncio"):
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True
    # Their info lines say nothing that ours do not, and what they say may hold addresses with queries.
    for name in ("uvicorn.access", "uvicorn.error", "tortoise", "strawberry", "websockets", "httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)


def without_private_things(_logger: object, _method: str, event: Event) -> Event:
    """Drop what a hidden key holds, and blot out phone numbers, tokens and secrets in every text."""
    for key, value in event.items():
        if key in HIDDEN_KEYS:
            event[key] = "…"
        elif isinstance(value, str) and key not in ("timestamp", "request_id"):
            event[key] = _PRIVATE.sub("…", value)
    return event
