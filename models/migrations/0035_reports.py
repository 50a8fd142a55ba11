"""Files that staff have made of what is in their regions."""

# ruff: noqa: RUF012

from uuid import uuid4

from tortoise import fields, migrations
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops
from tortoise.migrations.operations import RunSQL

from kit.words import ExportStatus, Language, ReportFormat, ReportKind

RULES = """
ALTER TABLE report_exports
    ADD CONSTRAINT report_exports_kind_known CHECK (kind IN ('ASSIGNMENTS', 'BOARD', 'POINTS', 'REDEMPTIONS',
        'LIVE_ATTENDANCE', 'CLASS_ATTENDANCE', 'MEMBERS')),
    ADD CONSTRAINT report_exports_format_known CHECK (format IN ('CSV', 'XLSX')),
    ADD CONSTRAINT report_exports_status_known
        CHECK (status IN ('QUEUED', 'RUNNING', 'READY', 'EXPIRED', 'FAILED')),
    ADD CONSTRAINT report_exports_somewhere CHECK (cardinality(tops) > 0),
    ADD CONSTRAINT report_exports_days CHECK (num_nulls(starts_on, ends_on) IN (0, 2) AND starts_on < ends_on),
    ADD CONSTRAINT report_exports_rows_range CHECK (rows_made >= 0 AND rows_expected >= 0),
    ADD CONSTRAINT report_exports_ready_whole CHECK (num_nulls(ready_at, size_bytes, sha256) IN (0, 3)),
    ADD CONSTRAINT report_exports_ready_expires CHECK (status <> 'READY' OR num_nulls(ready_at, expires_at) = 0);
CREATE INDEX report_exports_newest ON report_exports (member_id, requested_at DESC, id DESC);
CREATE INDEX report_exports_due ON report_exports (due_at, id) WHERE status IN ('QUEUED', 'RUNNING');
CREATE INDEX report_exports_over ON report_exports (expires_at) WHERE status = 'READY';
CREATE INDEX report_exports_to_remove ON report_exports (requested_at)
    WHERE status IN ('EXPIRED', 'FAILED') AND removed_at IS NULL;
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0034_classes")]
    operations = [
        ops.CreateModel(
            name="ReportExport",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                (
                    "member",
                    fields.ForeignKeyField(
                        "models.Member",
                        source_field="member_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="report_exports",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("kind", fields.CharEnumField(enum_type=ReportKind, max_length=20)),
                ("format", fields.CharEnumField(enum_type=ReportFormat, max_length=5)),
                ("language", fields.CharEnumField(enum_type=Language, max_length=5)),
                (
                    "region",
                    fields.ForeignKeyField(
                        "models.Region",
                        source_field="region_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="report_exports",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("tops", ArrayField(element_type="text")),
                ("object_key", fields.CharField(null=True, max_length=200)),
                ("starts_on", fields.DateField(null=True)),
                ("ends_on", fields.DateField(null=True)),
                ("status", fields.CharEnumField(enum_type=ExportStatus, max_length=10)),
                ("rows_expected", fields.IntField(default=0)),
                ("rows_made", fields.IntField(default=0)),
                ("storage_key", fields.CharField(unique=True, max_length=80)),
                ("requested_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("tries", fields.SmallIntField(default=0)),
                ("due_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("ready_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("expires_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("size_bytes", fields.BigIntField(null=True)),
                ("sha256", fields.CharField(null=True, max_length=64)),
                ("removed_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={"table": "report_exports", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        RunSQL(RULES, reverse_sql=""),
    ]
