# ruff: noqa: RUF012
"""What of a notice has reached a phone or waits for the morning, and the language in which a phone is told."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.operations import RunSQL

from kit.words import Language

# Servers of before go on registering phones without a language meanwhile.
RULES = """
UPDATE push_devices SET language = 'zh-CN' WHERE language IS NULL;
ALTER TABLE push_devices ALTER COLUMN language SET DEFAULT 'zh-CN';
CREATE INDEX notices_held ON notices (push_held_until, id) WHERE push_held_until IS NOT NULL;
"""
LANGUAGE = "CHINESE: zh-CN\nENGLISH: en"


class Migration(migrations.Migration):
    dependencies = [("models", "0027_live")]

    operations = [
        ops.AddField(
            model_name="Notice",
            name="push_held_until",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name="Notice",
            name="pushed_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name="PushDevice",
            name="language",
            field=fields.CharEnumField(
                default=Language.CHINESE, description=LANGUAGE, enum_type=Language, max_length=5, null=True
            ),
        ),
        RunSQL(RULES),
        ops.AlterField(
            model_name="PushDevice",
            name="language",
            field=fields.CharEnumField(
                default=Language.CHINESE, description=LANGUAGE, enum_type=Language, max_length=5
            ),
        ),
    ]
