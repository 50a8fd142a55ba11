"""What the models cannot say about boards: constraints, triggers, special indexes, seeded rows."""

from tortoise import migrations
from tortoise.migrations.operations import Operation


class Migration(migrations.Migration):
    dependencies = [("models", "0006_points")]  # noqa: RUF012 - Tortoise's shape
    operations: list[Operation] = []  # noqa: RUF012 - Tortoise's shape
