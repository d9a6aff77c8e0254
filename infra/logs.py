"""Logs: one line an entry on stderr, JSON where nobody watches.

Tracebacks are plain: the pretty ones print local variables, and these hold keys and secrets.
"""

import logging
import sys
from collections.abc import Sequence

import structlog

NOISY = ("alembic", "uvicorn", "uvicorn.error", "uvicorn.access", "asyncio", "aiosqlite")


def configure(level: str) -> None:
    least = getattr(logging, level.upper())
    shared: Sequence[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    written: list[structlog.typing.Processor] = (
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if sys.stderr.isatty()
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    structlog.configure(
        processors=[*shared, *written],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )
    lines = logging.StreamHandler(sys.stderr)
    lines.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *written],
            foreign_pre_chain=shared,
        )
    )
    logging.basicConfig(level=least, handlers=[lines], force=True)
    for name in NOISY:
        logging.getLogger(name).setLevel(max(least, logging.WARNING))
