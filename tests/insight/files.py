"""Files asked for, made and fetched, as the staff's pages do it."""

import csv
import io
from typing import Any

import httpx

from models.accounts import Member
from services.reports import make_reports
from tests.gql import Gql


async def ask(gql: Gql, by: Member, kind: str, **given: object) -> Any:
    asked = {"kind": kind, "format": "CSV", **given}
    return (await gql.data("RequestExport", {"input": asked}, by=by))["requestExport"]


async def newest(gql: Gql, by: Member) -> Any:
    return (await gql.data("MyExports", by=by))["viewer"]["exports"]["nodes"][0]


async def fetched(gql: Gql, by: Member, kind: str, **given: object) -> httpx.Response:
    """The file, asked for, made and fetched."""
    payload = await ask(gql, by, kind, **given)
    assert payload["userErrors"] == [], payload
    await make_reports(gql.ports)
    line = await newest(gql, by)
    assert line["status"] == "READY", line
    return await gql.http.get(line["url"])


async def lines(gql: Gql, by: Member, kind: str, **given: object) -> list[list[str]]:
    text = (await fetched(gql, by, kind, **given)).content.decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text)))
