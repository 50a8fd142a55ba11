# ruff: noqa: RUF012 - the operations are written by `make migrations`
"""Named seasons, which never share a day."""

from uuid import uuid4

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.data import JSON_DUMPS
from tortoise.migrations import operations as ops
from tortoise.migrations.operations import RunSQL

from kit.words import PrizeOrder

RULES = """
ALTER TABLE seasons
    ADD CONSTRAINT seasons_length CHECK (ends_on > starts_on AND ends_on - starts_on <= 366),
    ADD CONSTRAINT seasons_prizes_by_known CHECK (prizes_by IN ('POSITION', 'RANK')),
    ADD CONSTRAINT seasons_apart EXCLUDE USING gist (daterange(starts_on, ends_on) WITH &&);
CREATE UNIQUE INDEX seasons_starts ON seasons (starts_on);
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0014_prizes")]

    operations = [
        ops.CreateModel(
            name="NamedSeason",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ("title", fields.CharField(max_length=40)),
                ("starts_on", fields.DateField()),
                ("ends_on", fields.DateField()),
                ("prizes", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                (
                    "prizes_by",
                    fields.CharEnumField(
                        description="POSITION: POSITION\nRANK: RANK", enum_type=PrizeOrder, max_length=10
                    ),
                ),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={"table": "seasons", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        RunSQL(RULES),
    ]
