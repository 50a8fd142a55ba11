"""Expected failures, named once.

A `DomainError` carries an `ErrorCode` and never a sentence: sentences are looked up by code and language where the
answer is written (`schema/errors.py`). Codes may be added and are never renamed; clients hard-code them.
"""

from collections.abc import Sequence
from enum import StrEnum


class ErrorCode(StrEnum):
    # Top level: the request as a whole cannot be answered.
    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    THROTTLED = "THROTTLED"
    QUERY_TOO_COMPLEX = "QUERY_TOO_COMPLEX"
    PERSISTED_QUERY_NOT_FOUND = "PERSISTED_QUERY_NOT_FOUND"
    UNAVAILABLE = "UNAVAILABLE"
    INTERNAL = "INTERNAL"
    # What a person can put right: userErrors in mutations, top level elsewhere.
    NOT_FOUND = "NOT_FOUND"
    BAD_USER_INPUT = "BAD_USER_INPUT"
    CONFLICT = "CONFLICT"
    CODE_WRONG = "CODE_WRONG"
    CODE_EXPIRED = "CODE_EXPIRED"
    CREDENTIALS_WRONG = "CREDENTIALS_WRONG"
    CAPTCHA_REQUIRED = "CAPTCHA_REQUIRED"
    SESSION_EXPIRED = "SESSION_EXPIRED"
    SESSION_REUSED = "SESSION_REUSED"
    LESSON_LOCKED = "LESSON_LOCKED"
    LESSON_UNAVAILABLE = "LESSON_UNAVAILABLE"
    SPAN_IMPOSSIBLE = "SPAN_IMPOSSIBLE"
    TIME_IN_FUTURE = "TIME_IN_FUTURE"
    TOO_LATE = "TOO_LATE"
    TOO_FAST = "TOO_FAST"
    EVENT_ID_REUSED = "EVENT_ID_REUSED"
    BATCH_TOO_LARGE = "BATCH_TOO_LARGE"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
    BALANCE_TOO_LOW = "BALANCE_TOO_LOW"
    OUT_OF_STOCK = "OUT_OF_STOCK"
    LIMIT_REACHED = "LIMIT_REACHED"
    NOT_OPEN = "NOT_OPEN"
    CLOSED = "CLOSED"
    FULL = "FULL"
    HOST_BUSY = "HOST_BUSY"
    STATE_FORBIDS = "STATE_FORBIDS"
    ALREADY_DONE = "ALREADY_DONE"
    UPLOAD_INVALID = "UPLOAD_INVALID"
    ADULTS_ONLY = "ADULTS_ONLY"
    MUTED = "MUTED"
    WORD_REFUSED = "WORD_REFUSED"
    TOO_FAR = "TOO_FAR"


TOP_LEVEL = frozenset(
    {
        ErrorCode.UNAUTHENTICATED,
        ErrorCode.FORBIDDEN,
        ErrorCode.THROTTLED,
        ErrorCode.QUERY_TOO_COMPLEX,
        ErrorCode.PERSISTED_QUERY_NOT_FOUND,
        ErrorCode.UNAVAILABLE,
        ErrorCode.INTERNAL,
    }
)


class DomainError(Exception):
    """One expected failure.

    `field` is the path of the input field at fault, as clients spell it (`("events", "3", "spans")`), or None.
    `retry_after_seconds` goes with THROTTLED and UNAVAILABLE.
    graphql-core copies `extensions` of a raised error into the response.
    """

    def __init__(
        self, code: ErrorCode, *, field: Sequence[str] | None = None, retry_after_seconds: int | None = None
    ) -> None:
        super().__init__(code)  # from which, with its attributes, another process makes it again
        self.code = code
        self.field = tuple(field) if field is not None else None
        self.retry_after_seconds = retry_after_seconds

    @property
    def extensions(self) -> dict[str, object]:
        found: dict[str, object] = {"code": self.code.value}
        if self.retry_after_seconds is not None:
            found["retryAfterSeconds"] = self.retry_after_seconds
        return found


def not_found(*field: str) -> DomainError:
    """NOT_FOUND, pointing at the input field that named the missing thing, if any."""
    return DomainError(ErrorCode.NOT_FOUND, field=field or None)


def bad_input(*field: str) -> DomainError:
    """BAD_USER_INPUT, pointing at the input field at fault, if any."""
    return DomainError(ErrorCode.BAD_USER_INPUT, field=field or None)
