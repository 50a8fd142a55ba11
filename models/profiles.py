"""Members with all that others see of them, and the figures of one's own first screen: each one statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from kit.clock import week_of
from kit.db import rows
from models.accounts import Member
from models.joined import columns_of, row_if, row_of
from models.outlets import Outlet, Region
from models.points import PointAccountRow


@dataclass(frozen=True, slots=True)
class Profile:
    """`outlet`: where they learn for now, and `region` where it lies; None: they hold no post."""

    member: Member
    account: PointAccountRow
    outlet: Outlet | None
    region: Region | None


@dataclass(frozen=True, slots=True)
class Figures:
    """Notices not read yet, up to a limit, and lifetime points for what happened today and since Monday."""

    unread_notices: int
    points_today: int
    points_this_week: int


async def profiles_by_ids(member_ids: Sequence[UUID]) -> list[Profile | None]:
    """The members of these ids, in their order."""
    tables = ((Member, "m"), (PointAccountRow, "a"), (Outlet, "o"), (Region, "r"))
    found = await rows(
        f"SELECT {', '.join(columns_of(table, alias) for table, alias in tables)} FROM members m"  # noqa: S608 - names
        " LEFT JOIN point_accounts a ON a.member_id = m.id LEFT JOIN posts p ON p.member_id = m.id AND p.is_current"
        " LEFT JOIN outlets o ON o.id = p.outlet_id LEFT JOIN regions r ON r.id = o.region_id"
        " WHERE m.id = ANY($1::uuid[])",
        list(member_ids),
    )
    shelf = {
        row["m_id"]: Profile(
            row_of(Member, "m", row),
            row_if(PointAccountRow, "a", row) or PointAccountRow(member_id=row["m_id"]),
            row_if(Outlet, "o", row),
            row_if(Region, "r", row),
        )
        for row in found
    }
    return [shelf.get(each) for each in member_ids]


async def figures_of(today: date, most_unread: int, member_ids: Sequence[UUID]) -> list[Figures]:
    """The figures of each member on this Shanghai day, in the order of the ids; unread ones up to `most_unread`."""
    found = await rows(
        """SELECT m.id, earned.today, earned.week,
                  (SELECT count(*) FROM (SELECT FROM notices n WHERE n.member_id = m.id AND n.read_at IS NULL
                                         LIMIT $4) few)::int AS unread
           FROM unnest($1::uuid[]) AS m (id) CROSS JOIN LATERAL (
               SELECT coalesce(sum(amount) FILTER (WHERE day = $3), 0)::int AS today,
                      coalesce(sum(amount), 0)::int AS week
               FROM ledger_entries
               WHERE member_id = m.id AND account = 'LIFETIME' AND day BETWEEN $2 AND $3) earned""",
        list(member_ids),
        week_of(today),
        today,
        most_unread,
    )
    shelf = {row["id"]: Figures(row["unread"], row["today"], row["week"]) for row in found}
    return [shelf[each] for each in member_ids]
