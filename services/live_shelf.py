"""Live selling: the shelf of a lesson, and which product of it everybody is shown now."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import UUID

from auth.actor import Actor
from auth.names import is_seen
from kit.db import require_transaction, transaction
from kit.errors import bad_input, not_found
from kit.ids import new_id
from kit.words import RoomEventKind
from models import live_products as rows
from models.audit import Details
from models.courses import media_by_id
from models.live_lists import LiveLessonRow, lessons_by_ids
from models.live_products import ProductRow
from models.live_room import locked_room, set_pinned
from services.audit import record
from services.live import visible_lessons
from services.live_events import room_event, tell_room
from services.live_room import require_present, run_lesson
from services.live_states import Deed, require_state
from services.ports import Ports

MOST_PRODUCTS = 50
LONGEST_TITLE = 80
LONGEST_PRICE = 40
LONGEST_URL = 500


@dataclass(frozen=True, slots=True)
class ProductPlan:
    title: str
    price_text: str
    image_media_id: UUID | None = None
    url: str | None = None


async def set_live_products(ports: Ports, actor: Actor, lesson_id: UUID, plans: Sequence[ProductPlan]) -> LiveLessonRow:
    """Make this the shelf of a lesson, in this order. What keeps its title stays the same product; what is pinned and
    not on the new shelf is unpinned."""
    lesson = await run_lesson(actor, lesson_id, "liveLessonId")
    if len(plans) > MOST_PRODUCTS:
        raise bad_input("products")
    checked = [await _checked(plan, place) for place, plan in enumerate(plans)]
    for place, plan in enumerate(checked):
        if any(plan.title == before.title for before in checked[:place]):
            raise bad_input("products", str(place), "title")

    async def work() -> int | None:
        room = await locked_room(lesson.id)
        [now] = await lessons_by_ids([lesson.id])
        assert now is not None, "lessons are never deleted"
        require_state(now.status, Deed.SHELVE, "liveLessonId")
        [before] = await rows.products_of([lesson.id])
        ids = {each.title: each.id for each in before}
        shelf = [
            ProductRow(
                ids.get(plan.title) or new_id(), lesson.id, plan.title, plan.image_media_id, plan.price_text, plan.url
            )
            for plan in checked
        ]
        await rows.put_products(lesson.id, shelf)
        details: Details = {"title": lesson.title, "products": len(shelf)}
        path = lesson.region_path or None
        await record(ports, actor, "live_products.set", "LiveLesson", lesson.id, details, region_path=path)
        lost = room.pinned_id is not None and room.pinned_id not in {each.id for each in shelf}
        return await _pin(ports, lesson.id, None) if lost else None

    seq = await transaction(work)
    if seq is not None:
        await tell_room(ports, lesson.id, seq)
    return lesson


async def pin_live_product(ports: Ports, actor: Actor, lesson_id: UUID, product_id: UUID | None) -> ProductRow | None:
    """Show everybody in the room a product of the shelf; None: take away what is shown. What is pinned already changes
    nothing."""
    lesson = await run_lesson(actor, lesson_id, "liveLessonId")

    async def work() -> tuple[ProductRow | None, int | None]:
        room = await locked_room(lesson.id)
        await require_present(ports, actor, lesson.id, "liveLessonId")
        product = None
        if product_id is not None:
            [product] = await rows.products_by_ids([product_id])
            if product is None or product.lesson_id != lesson.id:
                raise not_found("productId")
        if room.pinned_id == product_id:
            return product, None
        return product, await _pin(ports, lesson.id, product)

    product, seq = await transaction(work)
    if seq is not None:
        await tell_room(ports, lesson.id, seq)
    return product


async def visible_products(actor: Actor, ids: Sequence[UUID]) -> list[ProductRow | None]:
    """The products of these ids, in their order; None for what is on no shelf that the actor sees."""
    found = await rows.products_by_ids(ids)
    lesson_ids = list({each.lesson_id for each in found if each is not None})
    seen = {lesson.id for lesson in await visible_lessons(actor, lesson_ids) if lesson is not None}
    return [each if each is not None and each.lesson_id in seen else None for each in found]


async def _pin(ports: Ports, lesson_id: UUID, product: ProductRow | None) -> int:
    """The caller holds the room."""
    require_transaction()
    await set_pinned(lesson_id, product.id if product is not None else None)
    if product is None:
        return await room_event(ports, lesson_id, RoomEventKind.PRODUCT_PINNED)
    return await room_event(
        ports, lesson_id, RoomEventKind.PRODUCT_PINNED, product.id,
        title=product.title, price_text=product.price_text, url=product.url, image_media_id=product.image_media_id,
    )  # fmt: skip


async def _checked(plan: ProductPlan, place: int) -> ProductPlan:
    title, price_text = " ".join(plan.title.split()), " ".join(plan.price_text.split())
    if not 1 <= len(title) <= LONGEST_TITLE or not is_seen(title):
        raise bad_input("products", str(place), "title")
    if len(price_text) > LONGEST_PRICE or (price_text and not is_seen(price_text)):
        raise bad_input("products", str(place), "priceText")
    if plan.url is not None and not is_web_address(plan.url):
        raise bad_input("products", str(place), "url")
    if plan.image_media_id is not None:
        media = await media_by_id(plan.image_media_id)
        if media is None or media.kind != "IMAGE":
            raise not_found("products", str(place), "imageMediaId")
    return ProductPlan(title, price_text, plan.image_media_id, plan.url)


def is_web_address(url: str) -> bool:
    """Whether a phone may be sent there: https, a host, nobody's password, nothing hidden."""
    if len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc and parts.port != 0
    except ValueError:
        return False
