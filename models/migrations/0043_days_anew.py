# ruff: noqa: RUF012
"""Every region and day is counted anew by the worker, once.

Until 0.1.0 two workers that counted other days of one region at once could lose each other's active learners, and
nothing told of it.
"""

from tortoise import migrations
from tortoise.migrations.operations import RunSQL

MARK = """
INSERT INTO day_marks AS m (region_id, day, marks)
SELECT region_id, day, 1 FROM region_days ORDER BY 1, 2
ON CONFLICT (region_id, day) DO UPDATE SET marks = m.marks + 1;
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0042_class_capacity")]
    operations = [RunSQL(MARK, reverse_sql="")]
