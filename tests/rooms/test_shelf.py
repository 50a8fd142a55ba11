"""Live selling: the shelf in the host's order, and what the room is shown."""

from typing import Any

import pytest

from kit.ids import new_id, to_global
from models.audit import AuditEntry
from tests.gql import Gql
from tests.rooms.room import ROOM, Room, events
from tests.world import World

SET = """
mutation SetLiveProducts($input: SetLiveProductsInput!) { setLiveProducts(input: $input) {
  liveLesson { id products { id title imageUrl priceText url pinned } } userErrors { code field } } }
"""
PIN = """
mutation PinLiveProduct($input: PinLiveProductInput!) {
  pinLiveProduct(input: $input) { product { id pinned } userErrors { code field } }
}
"""


async def shelved(gql: Gql, room: Room, products: list[dict[str, Any]], by: Any = None) -> Any:
    answer = await gql.ask(SET, {"input": {"liveLessonId": room.gid, "products": products}}, by=by or room.host)
    return answer["data"]["setLiveProducts"] or answer["errors"]


async def pinned(gql: Gql, room: Room, product_id: str | None) -> Any:
    given = {"liveLessonId": room.gid, "productId": product_id}
    return (await gql.ask(PIN, {"input": given}, by=room.host))["data"]["pinLiveProduct"]


async def test_the_shelf_keeps_its_order_and_what_keeps_its_title_stays_the_same_product(
    gql: Gql, world: World
) -> None:
    room = await Room.opened(world)
    image = to_global("Media", (await world.picture(room.host)).id)
    lychee = {"title": "荔枝", "priceText": "¥19.9/斤", "url": "https://shop.example/a?b=1", "imageMediaId": image}

    before = (await shelved(gql, room, [lychee, {"title": "龙眼"}]))["liveLesson"]["products"]
    changed = [{"title": "芒果"}, {**lychee, "priceText": "¥9.9/斤"}]
    after = (await shelved(gql, room, changed))["liveLesson"]["products"]

    assert [each["title"] for each in before] == ["荔枝", "龙眼"]
    assert [(each["title"], each["priceText"]) for each in after] == [("芒果", ""), ("荔枝", "¥9.9/斤")]
    assert after[1]["id"] == before[0]["id"]
    assert (after[1]["url"], after[0]["url"]) == ("https://shop.example/a?b=1", None)
    assert after[1]["imageUrl"].startswith("http")
    assert [entry.action for entry in await AuditEntry.all()] == ["live_products.set"] * 2


async def test_what_is_pinned_is_told_and_what_leaves_the_shelf_is_unpinned(gql: Gql, world: World) -> None:
    room = await Room.opened(world)
    lychee, longan = (await shelved(gql, room, [{"title": "荔枝"}, {"title": "龙眼"}]))["liveLesson"]["products"]
    async with gql.socket(room.seated[0]) as socket:
        socket.subscribe("1", ROOM, {"id": room.gid})
        await events(socket, 1)

        assert (await pinned(gql, room, lychee["id"]))["product"] == {"id": lychee["id"], "pinned": True}
        await pinned(gql, room, lychee["id"])
        await pinned(gql, room, longan["id"])
        left = (await shelved(gql, room, [{"title": "荔枝"}]))["liveLesson"]["products"]
        told = [each["event"]["product"] for each in await events(socket, 3)]

    assert told == [
        {"id": lychee["id"], "title": "荔枝"}, {"id": longan["id"], "title": "龙眼"}, None,
    ]  # fmt: skip
    assert [each["pinned"] for each in left] == [False]
    assert (await pinned(gql, room, longan["id"]))["userErrors"] == [{"code": "NOT_FOUND", "field": ["productId"]}]
    async with gql.socket(room.seated[0]) as late:
        late.subscribe("1", ROOM, {"id": room.gid})
        await events(late, 1)
        await pinned(gql, room, lychee["id"])
        assert (await events(late, 1))[0]["seq"] == 4


@pytest.mark.parametrize(
    ("product", "field"),
    [
        ({"title": " "}, "title"), ({"title": "x" * 81}, "title"), ({"title": "a", "priceText": "x" * 41}, "priceText"),
        *(
            ({"title": "a", "url": url}, "url")
            for url in (
                "http://shop.example", "javascript:alert(1)", "https://", "https://a:b@shop.example", "https://a b",
                "https://店.example", "https://shop.example:99999", "https://shop.example/" + "x" * 500, "",
            )
        ),
        ({"title": "a", "imageMediaId": to_global("Media", new_id())}, "imageMediaId"),
    ],
    ids=lambda value: value if isinstance(value, str) else "product",
)  # fmt: skip
async def test_a_product_that_is_not_right_is_refused_at_its_field_and_the_shelf_stays(
    gql: Gql, world: World, product: dict[str, Any], field: str
) -> None:
    room = await Room.opened(world)
    await shelved(gql, room, [{"title": "荔枝"}])

    answer = await shelved(gql, room, [{"title": "龙眼"}, product])

    [error] = answer["userErrors"]
    assert (error["code"], error["field"]) == (
        "NOT_FOUND" if field == "imageMediaId" else "BAD_USER_INPUT", ["products", "1", field],
    )  # fmt: skip
    source = "query ($id: ID!) { liveLesson(id: $id) { products { title } } }"
    found = await gql.ask(source, {"id": room.gid}, by=room.host)
    assert found["data"]["liveLesson"]["products"] == [{"title": "荔枝"}]


async def test_no_title_twice_and_at_most_fifty(gql: Gql, world: World) -> None:
    room = await Room.opened(world)

    twice = await shelved(gql, room, [{"title": "荔枝"}, {"title": " 荔枝 "}])
    many = await shelved(gql, room, [{"title": f"商品{number}"} for number in range(51)])

    assert twice["userErrors"] == [{"code": "BAD_USER_INPUT", "field": ["products", "1", "title"]}]
    assert many["userErrors"] == [{"code": "BAD_USER_INPUT", "field": ["products"]}]


async def test_a_learner_fills_no_shelf(gql: Gql, world: World) -> None:
    room = await Room.opened(world)

    [error] = await shelved(gql, room, [{"title": "荔枝"}], by=room.seated[0])

    assert error["extensions"]["code"] == "FORBIDDEN"
    assert await AuditEntry.all().count() == 0
