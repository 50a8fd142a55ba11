"""A series of live lessons may be shifted as a whole: how far, beside the rule."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.operations import RunSQL


class Migration(migrations.Migration):
    dependencies = [("models", "0037_calendars")]  # noqa: RUF012 - Tortoise's shape
    operations = [  # noqa: RUF012 - Tortoise's shape
        ops.AddField(model_name="LiveSeries", name="shift_seconds", field=fields.IntField(default=0, null=True)),
        RunSQL("UPDATE live_series SET shift_seconds = 0"),
        ops.AlterField(model_name="LiveSeries", name="shift_seconds", field=fields.IntField(default=0)),
    ]
