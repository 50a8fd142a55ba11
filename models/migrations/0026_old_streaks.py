"""Who learned before streaks were kept is looked at once by the worker: their marks are set, their lengths paid."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.operations import RunSQL

DUE = """
UPDATE point_accounts a SET streaks_due = EXISTS (SELECT FROM learned_days l WHERE l.member_id = a.member_id)
    AND NOT EXISTS (SELECT FROM streak_marks m WHERE m.member_id = a.member_id);
"""
INDEX = """
ALTER TABLE point_accounts ALTER COLUMN streaks_due SET DEFAULT false;
CREATE INDEX point_accounts_streaks_due ON point_accounts (member_id) WHERE streaks_due;
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0025_board_prizes")]  # noqa: RUF012 - Tortoise's shape
    operations = [  # noqa: RUF012 - Tortoise's shape
        ops.AddField("PointAccountRow", "streaks_due", fields.BooleanField(default=False, null=True)),
        RunSQL(DUE, reverse_sql=""),
        ops.AlterField("PointAccountRow", "streaks_due", fields.BooleanField(default=False)),
        RunSQL(INDEX, reverse_sql="DROP INDEX point_accounts_streaks_due"),
    ]
