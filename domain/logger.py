"""What a loop tells its operator. A line is a constant sentence plus fields."""

from typing import Any, Protocol


class Logger(Protocol):
    def warning(self, event: str, /, **fields: Any) -> Any: ...

    def exception(self, event: str, /, **fields: Any) -> Any:
        """With the traceback of the exception that is being handled."""
