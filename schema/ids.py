"""Global ids: what a client holds, and what the tables hold."""

from uuid import UUID

import strawberry

from kit.errors import not_found
from kit.ids import from_global, to_global
from schema.scalars import parse_uuid


def encode(kind: str, key: object) -> strawberry.ID:
    """The global id of the row `key` shown as GraphQL type `kind`: `id=encode("Course", row.id)`."""
    return strawberry.ID(to_global(kind, key))


def decode(gid: str, kind: str, *field: str) -> UUID:
    """The row's id in a global id of `kind`; NOT_FOUND at the input field `field` when it is no such id.

    `decode(input.course_id, "Course", "courseId")`
    """
    row_id = decode_if(gid, kind)
    if row_id is None:
        raise not_found(*field)
    return row_id


def decode_if(gid: str, kind: str) -> UUID | None:
    """The row's id in a global id of `kind`, None when it is no such id; for queries that answer null then."""
    try:
        found, key = from_global(gid)
    except ValueError:
        return None
    return row_key(key) if found == kind else None


def row_key(key: str) -> UUID | None:
    """The UUID in the key of a global id, None if it holds something else."""
    try:
        return parse_uuid(key)
    except ValueError:
        return None


def decode_each(gids: list[strawberry.ID], kind: str, *field: str) -> list[UUID]:
    """`decode` for a list; the path of a bad one ends with its index."""
    return [decode(gid, kind, *field, str(index)) for index, gid in enumerate(gids)]
