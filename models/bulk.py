"""Many new rows at once."""

from collections.abc import Iterable, Sequence

from tortoise.models import Model

from kit.db import Bulk, execute

ROWS_A_STATEMENT = 500


async def add_missing(objects: Iterable[Model]) -> None:
    """Insert, table by table in the order in which they first appear; what is there already stays as it is."""
    shelves: dict[type[Model], list[Model]] = {}
    for each in objects:
        shelves.setdefault(type(each), []).append(each)
    for table, shelf in shelves.items():
        await table.bulk_create(shelf, batch_size=ROWS_A_STATEMENT, ignore_conflicts=True)


async def take_statistics() -> None:
    """Have PostgreSQL look at what was added, so that it plans for full tables and not for empty ones."""
    await execute("ANALYZE")


async def set_aside(bulk: Bulk, tables: Sequence[str]) -> list[str]:
    """Take keys, indexes, references and triggers off these tables; the statements that put all of it back, in order.

    An index that is built over a full table costs a fraction of one that grows row by row, and a reference that is
    checked at once a fraction of a million lookups. DDL belongs to the transaction: where it fails, nothing was taken
    off; meanwhile nobody else gets at the tables. What the triggers would have seen to is for the caller to see to.
    """
    keys = await bulk.rows(
        """SELECT conrelid::regclass::text AS on_table, conname AS name, contype::text AS kind,
                  pg_get_constraintdef(oid) AS is
           FROM pg_constraint
           WHERE contype IN ('p', 'u', 'f') AND conparentid = 0
             AND (conrelid = ANY($1::text[]::regclass[]) OR (contype = 'f' AND confrelid = ANY($1::text[]::regclass[])))
           ORDER BY array_position(ARRAY['p', 'u', 'f'], contype::text), conrelid::regclass::text, conname""",
        list(tables),
    )
    indexes = await bulk.rows(
        """SELECT indexrelid::regclass::text AS name, replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON ') AS is
           FROM pg_index i
           WHERE indrelid = ANY($1::text[]::regclass[])
             AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid AND c.contype IN ('p', 'u'))
           ORDER BY 1""",
        list(tables),
    )
    taken = [f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in tables]
    taken += [f"ALTER TABLE {key['on_table']} DROP CONSTRAINT {key['name']}" for key in reversed(keys)]
    taken += [f"DROP INDEX {index['name']}" for index in indexes]
    await bulk.execute(";\n".join(taken))
    back = [f"ALTER TABLE {key['on_table']} ADD CONSTRAINT {key['name']} {key['is']}" for key in keys]
    first_references = next((place for place, key in enumerate(keys) if key["kind"] == "f"), len(keys))
    back[first_references:first_references] = [index["is"] for index in indexes]
    return back + [f"ALTER TABLE {table} ENABLE TRIGGER USER" for table in tables]


# Everything at once what `recount_course` counts course by course, and the worker member by member.
_FINISH = """
UPDATE courses c SET view_count = learned.begun, completion_count = learned.completed
FROM (SELECT course_id, count(*) AS begun, count(completed_at) AS completed FROM course_enrolments GROUP BY 1) learned
WHERE learned.course_id = c.id;
UPDATE courses c SET rating_sum = rated.stars, rating_count = rated.opinions
FROM (SELECT course_id, sum(stars) AS stars, count(*) AS opinions FROM course_ratings GROUP BY 1) rated
WHERE rated.course_id = c.id;
INSERT INTO tier_completions (course_id, tier, completions)
SELECT e.course_id, o.tier, count(*)
FROM course_enrolments e
JOIN posts p ON p.member_id = e.member_id AND p.is_current AND p.until_at IS NULL
JOIN outlets o ON o.id = p.outlet_id
WHERE e.completed_at IS NOT NULL GROUP BY 1, 2;
UPDATE members m SET last_seen_at = seen.at
FROM (SELECT member_id, max(last_activity_at) AS at FROM course_enrolments GROUP BY 1) seen WHERE seen.member_id = m.id;
UPDATE badges b SET filled_members = all_of_them.members, fill_total = all_of_them.members,
    filled_awards = (SELECT count(*) FROM earned_badges e WHERE e.badge_id = b.id), filled_at = now()
FROM (SELECT count(*)::int AS members FROM members WHERE deleted_at IS NULL) all_of_them WHERE b.enabled
"""


async def finish_year(bulk: Bulk) -> None:
    """Set what is counted from the whole of a year at once: the courses' counters, who was seen when, the badges."""
    await bulk.execute(_FINISH)
