"""Answers as clients read them: each error with code, request id and a sentence in their language.

What we did not expect is shown as INTERNAL and logged with the request id: the kinds of exception and the lines of code
they passed, never their text, which may hold values.
"""

import re
import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import structlog
from graphql import GraphQLError

from kit.errors import DomainError, ErrorCode
from kit.metrics import counted
from kit.words import Language
from schema.errors import message_of
from server.literals import field_path

log = structlog.get_logger("answers")

SUGGESTION = re.compile(r" Did you mean .*", re.DOTALL)
PLACE = re.compile(r"Variable '\$(\w+)' (?:has|got) invalid value(?: at ([\w.\[\]]+))?: ")

Answer = dict[str, object]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is to be answered, and about which request."""

    language: Language
    request_id: str
    address: str


def refusal(error: DomainError, caller: Caller) -> Answer:
    """The answer to a request that is refused as a whole: errors, and no data."""
    return {"errors": [_known(error, caller)]}


def answer(data: object, errors: Sequence[GraphQLError] | None, caller: Caller) -> Answer:
    """The answer to an executed operation. Without any data and any path it never ran, and has no `data` at all."""
    found: Answer = {}
    if errors:
        found["errors"] = present(errors, caller)
    if data is not None or not errors or any(error.path for error in errors):
        found["data"] = data
    return found


def end_of(errors: Sequence[GraphQLError] | None) -> DomainError | None:
    """The failure that came instead of a subscription's next event, as opposed to an event with a failed field."""
    if not errors or errors[0].path is not None:
        return None
    cause = errors[0].original_error
    return cause if isinstance(cause, DomainError) else None


def present(errors: Iterable[GraphQLError], caller: Caller) -> list[Answer]:
    return [_presented(error, caller) for error in errors]


def code_of(shown: Mapping[str, object]) -> ErrorCode:
    """The code of the first error in an answer that has one."""
    errors = shown["errors"]
    assert isinstance(errors, list)
    return ErrorCode(errors[0]["extensions"]["code"])


def retry_after(shown: Mapping[str, object]) -> int | None:
    """How many seconds the first error of an answer asks to wait, if it does."""
    errors = shown["errors"]
    assert isinstance(errors, list)
    found: int | None = errors[0]["extensions"].get("retryAfterSeconds")
    return found


def unexpected(error: BaseException, caller: Caller) -> DomainError:
    """Log a fault of ours and give the error that stands for it."""
    frames = [
        f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)[-12:]
    ]
    log.error("fault", request_id=caller.request_id, kinds=_kinds(error), frames=frames)
    return DomainError(ErrorCode.INTERNAL)


def _presented(error: GraphQLError, caller: Caller) -> Answer:
    cause = error.original_error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    if isinstance(cause, DomainError):
        shown = _known(cause, caller)
    elif _is_fault(error, cause):
        shown = _known(unexpected(cause or error, caller), caller)
    else:
        # graphql-core's own words about the document or its variables, meant for the developer of the client.
        counted.errors.labels(ErrorCode.BAD_USER_INPUT.value).inc()
        extensions: Answer = {"code": ErrorCode.BAD_USER_INPUT.value, "requestId": caller.request_id}
        place = PLACE.match(error.message)
        if place:
            path = (place[1], *re.findall(r"\w+", place[2] or ""))
            extensions["field"] = list(field_path(path))
        shown = {"message": SUGGESTION.sub("", error.message), "extensions": extensions}
    if error.locations:
        shown["locations"] = [location.formatted for location in error.locations]
    if error.path is not None:
        shown["path"] = error.path
    return shown


def _is_fault(error: GraphQLError, cause: Exception | None) -> bool:
    """Whether our code failed, rather than the document or its variables: those never reach a path of the answer.

    An argument put together from variables is only looked at on the way to its field, and points at that argument.
    """
    if error.path is not None:
        return cause is not None or not error.message.startswith("Argument ")
    return cause is not None and not error.locations


def _known(error: DomainError, caller: Caller) -> Answer:
    counted.errors.labels(error.code.value).inc()
    extensions = {**error.extensions, "requestId": caller.request_id}
    if error.field is not None:
        extensions["field"] = list(error.field)
    return {"message": message_of(error.code, caller.language), "extensions": extensions}


def _kinds(error: BaseException) -> list[str]:
    kinds: list[str] = []
    link: BaseException | None = error
    while link is not None and len(kinds) < 5:
        kinds.append(type(link).__qualname__)
        link = link.__cause__ or link.__context__
    return kinds
