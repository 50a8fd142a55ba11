# ruff: noqa: RUF012
"""Which lessons are still to be settled is found by an index, however many were ever held.

The database itself marks a lesson with its settlement: servers of before, which know of no mark, leave one as well.
"""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.operations import RunSQL

MARK = """
UPDATE live_lessons l SET settled_at = s.settled_at FROM live_settlements s WHERE s.lesson_id = l.id;

CREATE FUNCTION live_lessons_are_settled() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE live_lessons SET settled_at = NEW.settled_at WHERE id = NEW.lesson_id;
    RETURN NULL;
END $$;
CREATE TRIGGER live_lessons_are_settled AFTER INSERT ON live_settlements
    FOR EACH ROW EXECUTE FUNCTION live_lessons_are_settled();
CREATE INDEX live_lessons_to_settle ON live_lessons (ended_at, id) WHERE settled_at IS NULL AND ended_at IS NOT NULL;
"""

UNDO = """
DROP INDEX live_lessons_to_settle;
DROP TRIGGER live_lessons_are_settled ON live_settlements;
DROP FUNCTION live_lessons_are_settled;
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0043_days_anew")]
    operations = [
        ops.AddField("LiveLesson", "settled_at", fields.DatetimeField(null=True)),
        RunSQL(MARK, reverse_sql=UNDO),
    ]
