"""The audit becomes a chain: entries that are there already get their places in the order of time."""

from typing import Any

import orjson
from tortoise import fields, migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.operations import RunPython, RunSQL

from kit.settings import Settings
from models.audit import NOTHING, Deed, Link, linked, sealed

OPEN = "ALTER TABLE audit_entries DISABLE TRIGGER audit_entries_append_only"
SHUT = "ALTER TABLE audit_entries ENABLE TRIGGER audit_entries_append_only"

PROMISES = """
ALTER TABLE audit_entries
    ADD CONSTRAINT audit_entries_once UNIQUE (sequence),
    ADD CONSTRAINT audit_entries_hash_sha256 CHECK (hash ~ '^[0-9a-f]{64}$'),
    ADD CONSTRAINT audit_entries_seal_sha256 CHECK (seal ~ '^[0-9a-f]{64}$');
ALTER TABLE audit_head ADD CONSTRAINT audit_head_alone CHECK (id = 1);

DROP INDEX audit_entries_newest, audit_entries_actor, audit_entries_object;
CREATE INDEX audit_entries_actor ON audit_entries (actor_id, sequence DESC);
CREATE INDEX audit_entries_action ON audit_entries (action, sequence DESC);
CREATE INDEX audit_entries_object ON audit_entries (object_id, sequence DESC);
CREATE INDEX audit_entries_at ON audit_entries (at, sequence);

CREATE FUNCTION audit_entries_follow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.sequence <> coalesce((SELECT max(sequence) FROM audit_entries), 0) + 1 THEN
        RAISE EXCEPTION 'an audit entry does not follow the one before it' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER audit_entries_follow BEFORE INSERT ON audit_entries
    FOR EACH ROW EXECUTE FUNCTION audit_entries_follow();

CREATE FUNCTION audit_head_moves_on() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'UPDATE' OR NEW.sequence <= OLD.sequence THEN
        RAISE EXCEPTION 'audit_head only moves on: the log is append-only' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER audit_head_moves_on BEFORE UPDATE OR DELETE ON audit_head
    FOR EACH ROW EXECUTE FUNCTION audit_head_moves_on();
CREATE TRIGGER audit_head_no_truncate BEFORE TRUNCATE ON audit_head
    FOR EACH STATEMENT EXECUTE FUNCTION audit_head_moves_on();
"""


async def chain(apps: Any, editor: Any) -> None:
    """Give what was recorded before its number, hash and seal, by the secret of this process."""
    found = await editor.client.execute_query_dict(
        "SELECT id, at, actor_id, action, object_type, object_id, details::text AS details"
        " FROM audit_entries ORDER BY at, id"
    )
    key, here = Settings().key("audit"), Link(0, NOTHING)
    for row in found:
        deed = Deed(
            row["id"], row["at"], row["actor_id"], row["action"], row["object_type"], row["object_id"],
            orjson.loads(row["details"]), None, None,
        )  # fmt: skip
        here = linked(here, deed)
        await editor.client.execute_query(
            "UPDATE audit_entries SET sequence = $2, hash = $3, seal = $4 WHERE id = $1",
            [deed.id, here.sequence, here.hash, sealed(key, here)],
        )
    if found:
        await editor.client.execute_query(
            "INSERT INTO audit_head (id, sequence, hash) VALUES (1, $1, $2)", [here.sequence, here.hash]
        )


class Migration(migrations.Migration):
    dependencies = [("models", "0007_boards")]  # noqa: RUF012 - Tortoise's shape
    operations = [  # noqa: RUF012 - Tortoise's shape
        ops.CreateModel(
            name="AuditHead",
            fields=[
                ("id", fields.SmallIntField(primary_key=True, generated=False, unique=True, db_index=True)),
                ("sequence", fields.BigIntField()),
                ("hash", fields.CharField(max_length=64)),
            ],
            options={"table": "audit_head", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.AddField("AuditEntry", "sequence", fields.BigIntField(null=True)),
        ops.AddField("AuditEntry", "region_path", fields.CharField(null=True, max_length=100)),
        ops.AddField("AuditEntry", "address", fields.CharField(null=True, max_length=45)),
        ops.AddField("AuditEntry", "hash", fields.CharField(null=True, max_length=64)),
        ops.AddField("AuditEntry", "seal", fields.CharField(null=True, max_length=64)),
        RunSQL(OPEN),
        RunPython(chain),
        RunSQL(SHUT),
        ops.AlterField("AuditEntry", "sequence", fields.BigIntField()),
        ops.AlterField("AuditEntry", "hash", fields.CharField(max_length=64)),
        ops.AlterField("AuditEntry", "seal", fields.CharField(max_length=64)),
        RunSQL(PROMISES),
    ]
