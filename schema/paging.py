"""Relay connections over keyset pages.

A list field takes the four arguments, asks for a page, and wraps it:

    @strawberry.field
    async def courses(self, info: Info, first: First = DEFAULT_ROWS, after: After = None, last: Last = None,
                      before: Before = None, filter: CourseFilter | None = None) -> Connection[Course] | None:
        wanted = CourseFilter.plain(filter)
        scope = f"courses {wanted}"
        page = await services.courses.list_courses(..., wanted, ask(info, scope, first, after, last, before))
        return connection(info, page, scope=scope, of=Course.of, key=lambda row: [row.published_at, row.id],
                          count=lambda: services.courses.count_courses(..., wanted))

`scope` names the list with everything that decides its order and members: a cursor opens on that list alone.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Generic, TypeVar

import strawberry

from kit.errors import bad_input
from kit.paging import Ask, Page
from schema.context import Info

DEFAULT_ROWS = 20
MOST_ROWS = 100

T = TypeVar("T")
Row = TypeVar("Row")

First = Annotated[
    int | None,
    strawberry.argument(description="How many from the front, 1-100; 20 if neither this nor `last` is given."),
]
After = Annotated[str | None, strawberry.argument(description="Only what comes after this cursor of the same list.")]
Last = Annotated[
    int | None, strawberry.argument(description="How many from the end, 1-100; not together with `first`.")
]
Before = Annotated[str | None, strawberry.argument(description="Only what comes before this cursor of the same list.")]


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="More comes behind this page.")
    has_previous_page: bool = strawberry.field(description="Something lies before this page.")
    start_cursor: str | None = strawberry.field(description="Of the first line, for `before`; null on an empty page.")
    end_cursor: str | None = strawberry.field(description="Of the last line, for `after`; null on an empty page.")


@strawberry.type(description="One line of a page with its place in the list.")
class Edge(Generic[T]):
    cursor: str = strawberry.field(description="Opaque; opens on this very list alone.")
    node: T = strawberry.field(description="What stands at this place.")


@strawberry.type(description="A page of a list that can grow.")
class Connection(Generic[T]):
    edges: list[Edge[T]] = strawberry.field(description="The lines of this page with their cursors.")
    page_info: PageInfo = strawberry.field(description="How to go on in both directions.")
    count: strawberry.Private[Callable[[], Awaitable[int]]]

    @strawberry.field(description="The lines of this page without their cursors.")
    def nodes(self) -> list[T]:
        return [edge.node for edge in self.edges]

    @strawberry.field(description="The length of the whole list; counted only when asked for.")
    async def total_count(self) -> int | None:
        return await self.count()


def ask(
    info: Info,
    scope: str,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
) -> Ask:
    """What a connection's arguments ask for. Null is the same as left out: the first 20.

    BAD_USER_INPUT for `first` or `last` outside 1-100 or both at once, and for a cursor of another list.
    """
    if last is not None and first == DEFAULT_ROWS:
        first = None  # the default of the field, which is there when only `last` was asked for
    if first is not None and last is not None:
        raise bad_input("last")
    backwards = last is not None
    limit = last if last is not None else first if first is not None else DEFAULT_ROWS
    if not 1 <= limit <= MOST_ROWS:
        raise bad_input("last" if backwards else "first")
    cursors = info.context.ports.cursors
    return Ask(
        limit=limit,
        after=cursors.open(scope, after, "after") if after is not None else None,
        before=cursors.open(scope, before, "before") if before is not None else None,
        backwards=backwards,
    )


def connection(
    info: Info,
    page: Page[Row],
    *,
    scope: str,
    of: Callable[[Row], T],
    key: Callable[[Row], Sequence[object]],
    count: Callable[[], Awaitable[int]],
) -> Connection[T]:
    """A page as a connection: `of` shows a row, `key` gives what the list is ordered by, `count` counts all of it."""
    cursors = info.context.ports.cursors
    edges = [Edge(cursor=cursors.seal(scope, key(row)), node=of(row)) for row in page.rows]
    return Connection(
        edges=edges,
        page_info=PageInfo(
            has_next_page=page.has_next,
            has_previous_page=page.has_previous,
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=edges[-1].cursor if edges else None,
        ),
        count=count,
    )
