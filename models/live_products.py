"""The shelf of a live lesson: what is sold during it, in order.

A product that was taken off the shelf stays as a row, for what was once pinned is still told.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from kit.db import execute, require_transaction, rows


@dataclass(frozen=True, slots=True)
class ProductRow:
    id: UUID
    lesson_id: UUID
    title: str
    image_media_id: UUID | None
    price_text: str
    url: str | None


PRODUCT = "id, lesson_id, title, image_media_id, price_text, url"


async def products_by_ids(ids: Sequence[UUID]) -> list[ProductRow | None]:
    """The products of these ids that are on their shelf, in the order of `ids`."""
    found = {
        row["id"]: ProductRow(**row)
        for row in await rows(
            f"SELECT {PRODUCT} FROM live_products WHERE id = ANY($1::uuid[]) AND shelved",  # noqa: S608
            list(ids),
        )
    }
    return [found.get(each) for each in ids]


async def products_of(lesson_ids: Sequence[UUID]) -> list[list[ProductRow]]:
    """The shelf of each lesson in order, in the order of the ids."""
    shelf: dict[UUID, list[ProductRow]] = {each: [] for each in lesson_ids}
    found = await rows(
        f"SELECT {PRODUCT} FROM live_products WHERE lesson_id = ANY($1::uuid[]) AND shelved ORDER BY place",  # noqa: S608
        list(lesson_ids),
    )
    for row in found:
        shelf[row["lesson_id"]].append(ProductRow(**row))
    return [shelf[each] for each in lesson_ids]


async def put_products(lesson_id: UUID, products: Sequence[ProductRow]) -> None:
    """Make this the shelf of the lesson, in this order; ids that are there already keep their rows. The caller holds
    the room."""
    require_transaction()
    await execute("UPDATE live_products SET shelved = false WHERE lesson_id = $1 AND shelved", lesson_id)
    for place, each in enumerate(products, start=1):
        await execute(
            "INSERT INTO live_products (id, lesson_id, place, title, image_media_id, price_text, url)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7)"
            " ON CONFLICT (id) DO UPDATE SET place = excluded.place, shelved = true, title = excluded.title,"
            " image_media_id = excluded.image_media_id, price_text = excluded.price_text,"
            " url = excluded.url",
            each.id, lesson_id, place, each.title, each.image_media_id, each.price_text, each.url,
        )  # fmt: skip
