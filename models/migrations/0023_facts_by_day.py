"""A past week is replayed for everybody: facts by day alone."""

from tortoise import migrations
from tortoise.migrations.operations import RunSQL


class Migration(migrations.Migration):
    dependencies = [("models", "0022_paths")]  # noqa: RUF012 - Tortoise's shape
    operations = [  # noqa: RUF012 - Tortoise's shape
        RunSQL("CREATE INDEX facts_of_day ON facts (day)", reverse_sql="DROP INDEX facts_of_day"),
    ]
