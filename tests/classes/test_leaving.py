"""What a member's export holds of classes, and what is left of them when they delete their account."""

import asyncio
import io
import zipfile
from typing import Any

import orjson

from auth.codes import DEMO_CODE
from models.accounts import Member
from models.classes import ClassAttendance
from models.exports import DataExport
from services.classes import fill_classes
from services.privacy_export import make_exports
from tests.classes.school import LASTS, School

COMMENT = "独一无二的评价"


async def test_a_deleted_members_seat_goes_to_the_next_who_waits(school: School) -> None:
    class_id = await school.scheduled(capacity=1)
    [leaver, waiting] = await school.signed_up(class_id, 2)
    await school.do("DeleteMyAccount", leaver, code=DEMO_CODE)

    await asyncio.gather(*(fill_classes(school.ports) for _ in range(4)))

    assert await school.seats(class_id) == {leaver.id: "CANCELLED", waiting.id: "SEATED"}
    assert [kind for kind, _ in await school.told(waiting)] == ["CLASS_SEAT_GAINED"]


async def test_seats_are_not_filled_once_it_has_begun(school: School) -> None:
    class_id = await school.scheduled(capacity=1)
    [leaver, waiting] = await school.signed_up(class_id, 2)
    await school.do("DeleteMyAccount", leaver, code=DEMO_CODE)
    await school.begins(class_id)

    await fill_classes(school.ports)

    assert await school.seats(class_id) == {leaver.id: "CANCELLED", waiting.id: "WAITLISTED"}


async def test_deleting_and_leaving_at_once_seats_everybody_who_can_be(school: School) -> None:
    class_id = await school.scheduled(capacity=5)
    pupils = await school.signed_up(class_id, 15)

    await asyncio.gather(
        *(school.do("DeleteMyAccount", each, code=DEMO_CODE) for each in pupils[:3]),
        *(school.leave(each, class_id) for each in pupils[3:7]),
    )
    await fill_classes(school.ports)

    states = list((await school.seats(class_id)).values())
    assert states == ["CANCELLED"] * 7 + ["SEATED"] * 5 + ["WAITLISTED"] * 3


async def test_words_go_and_attendance_stays_in_the_books(school: School) -> None:
    class_id = await school.scheduled()
    [may] = await school.signed_up(class_id)
    await school.begins(class_id)
    await school.check_in_for(class_id, may, reason="没带手机的阿May")
    await school.begins(class_id, LASTS)
    await school.rate(may, class_id, 4, COMMENT)

    await school.do("DeleteMyAccount", may, code=DEMO_CODE)

    [row] = await ClassAttendance.all()
    assert (row.comment, row.reason, row.stars) == ("", "", 4)
    [node] = (await school.attendance(class_id))["nodes"]
    assert node["member"]["displayName"] == "已注销用户"


async def test_an_export_holds_seats_attendance_and_what_was_trained(school: School) -> None:
    class_id = await school.scheduled()
    [may] = await school.signed_up(class_id)
    await school.begins(class_id)
    await school.check_in(may, await school.payload(class_id))
    await school.begins(class_id, LASTS)
    await school.rate(may, class_id, 5, COMMENT)

    mine, trained = await exported(school, may), await exported(school, school.trainer)

    [seat], [there] = mine["class-seats"], mine["class-attendance"]
    assert (seat["state"], there["outcome"], there["comment"]) == ("SEATED", "PRESENT", COMMENT)
    assert [each["title"] for each in trained["classes-trained"]] == ["陈列实操"]


async def exported(school: School, by: Member) -> dict[str, Any]:
    """The export of the member's, by section."""
    await school.do("ExportMyData", by)
    await make_exports(school.ports)
    export = await DataExport.get(member_id=by.id)
    content = b"".join([piece async for piece in school.ports.storage.read(export.storage_key, 0, 10_000_000)])
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {
            name.removesuffix(".json"): orjson.loads(archive.read(name))
            for name in archive.namelist()
            if name.endswith(".json")
        }
