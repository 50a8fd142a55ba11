"""The audit of the points: everything that is kept as a sum is added up again and compared."""

from uuid import UUID

from kit.crew import Crew
from models import books
from services.ledger_checks import Difference, verify_book
from services.ledger_glance import book_in_order
from services.tariff import whole_tariff
from services.verifying import ALONE, MEMBERS_AT_ONCE, Part, Tell, Verified, verified, verify_stretches


async def ledger_verify(progress: Tell | None = None, crew: Crew = ALONE) -> list[Difference]:
    """Recompute all points from facts and entries; every difference, by member. Changes nothing, stops nobody.

    Compared are balances, versions, awards with their caps and their lines of the tariff, reversals, prizes,
    corrections, learned days, highest levels, and the days that boards count. `progress` is told (members done, members
    in all); each stretch of members is read in one snapshot. Whoever is in the `crew` verifies; the order is the same.
    """
    strays = [
        Difference(member_id, f"account of a row in {table}", None, "a row")
        for table, member_id in await books.rows_without_account()
    ]
    return strays + await verified(crew, _verify_part, await books.account_marks(MEMBERS_AT_ONCE), progress)


async def _verify_part(part: Part) -> Verified:
    return await verify_stretches(part, books.next_accounts, _verify)


async def _verify(member_ids: list[UUID]) -> list[Difference]:
    found = await books.books_of(member_ids)
    tariff = await whole_tariff()  # of the same moment, so that it has every version they name
    return [difference for book in found if not book_in_order(book, tariff) for difference in verify_book(book, tariff)]
