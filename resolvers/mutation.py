"""The one wrapper around mutations: an expected failure becomes the payload's userErrors.

    @strawberry.type
    class CourseMutations:
        @mutation(description="Give a course 1-5 stars.")
        async def rate_course(self, info: Info, input: RateCourseInput) -> RateCoursePayload:
            course = await rate_course(info.context.ports, viewer(info), input.plain())
            return RateCoursePayload(course=Course.of(course))

Codes in `TOP_LEVEL` go on to the top-level `errors`. The root field is nullable, so that one refused mutation does not
blank the others of its document. What was loaded before the change is forgotten.
"""

from collections.abc import Awaitable, Callable
from functools import wraps
from inspect import signature
from typing import Annotated, Any, ParamSpec, TypeVar, cast

import strawberry

from kit.errors import TOP_LEVEL, DomainError
from schema.context import Context
from schema.errors import Payload, UserError
from schema.texts import refuse_long

P = ParamSpec("P")
Answer = TypeVar("Answer", bound=Payload)

INPUT = strawberry.argument(description="All that the mutation is told.")


def mutation(*, description: str) -> Callable[[Callable[P, Awaitable[Answer]]], Any]:
    """Makes a mutation field of a resolver that takes one `input` and returns a `Payload`."""
    return lambda resolver: strawberry.mutation(resolver=_settled(resolver), description=description)


def _settled(resolver: Callable[P, Awaitable[Answer]]) -> Callable[P, Awaitable[Payload]]:
    plain = signature(resolver)
    payload = plain.return_annotation
    assert isinstance(payload, type), resolver
    assert issubclass(payload, Payload), resolver

    @wraps(resolver)
    async def settled(*args: P.args, **kwargs: P.kwargs) -> Payload:
        context: Context = kwargs["info"].context  # type: ignore[attr-defined]
        try:
            refuse_long(kwargs.get("input"))
            answer = await resolver(*args, **kwargs)
        except DomainError as error:
            if error.code in TOP_LEVEL:
                raise
            return payload(user_errors=[UserError.of(error, context.language)])
        finally:
            context.loaders.forget()
        return answer

    nullable = payload | None
    given: Any = Annotated[cast(Any, plain.parameters["input"].annotation), INPUT]
    parameters = [
        each.replace(annotation=given) if each.name == "input" else each for each in plain.parameters.values()
    ]
    settled.__annotations__ = {**resolver.__annotations__, "input": given, "return": nullable}
    settled.__signature__ = plain.replace(  # type: ignore[attr-defined]
        parameters=parameters, return_annotation=nullable
    )
    return settled
