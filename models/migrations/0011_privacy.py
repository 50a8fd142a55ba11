"""Consents, exports, deleted accounts and content for adults: their tables, columns and promises."""

from uuid import uuid4

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops
from tortoise.migrations.operations import RunSQL

from kit.words import ConsentPurpose, ExportStatus

PURPOSES = "('TERMS', 'PRIVACY_POLICY', 'MARKETING', 'ANALYTICS')"

CONSENTS = f"""
ALTER TABLE consent_records
    ADD CONSTRAINT consent_records_purpose_known CHECK (purpose IN {PURPOSES}),
    ADD CONSTRAINT consent_records_version_range CHECK (version >= 1),
    ADD CONSTRAINT consent_records_change_known CHECK (change IN ('GIVEN', 'WITHDRAWN')),
    ADD CONSTRAINT consent_records_cause_known CHECK (cause IN ('MEMBER', 'ACCOUNT_DELETED')),
    ADD CONSTRAINT consent_records_given_by_oneself CHECK (change <> 'GIVEN' OR cause = 'MEMBER');
CREATE INDEX consent_records_newest ON consent_records (member_id, purpose, id DESC);
CREATE FUNCTION refuse_rewriting_consents() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'consent_records is append-only' USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER consent_records_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON consent_records
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting_consents();
"""

EXPORTS = """
ALTER TABLE data_exports
    ADD CONSTRAINT data_exports_status_known
        CHECK (status IN ('QUEUED', 'RUNNING', 'READY', 'EXPIRED', 'FAILED')),
    ADD CONSTRAINT data_exports_ready_whole CHECK (num_nulls(ready_at, size_bytes, sha256) IN (0, 3)),
    ADD CONSTRAINT data_exports_ready_expires
        CHECK (status <> 'READY' OR num_nulls(ready_at, expires_at) = 0),
    ADD CONSTRAINT data_exports_size_range CHECK (size_bytes > 0),
    ADD CONSTRAINT data_exports_once UNIQUE (member_id, idempotency_key);
CREATE UNIQUE INDEX data_exports_one_open ON data_exports (member_id) WHERE status IN ('QUEUED', 'RUNNING');
CREATE INDEX data_exports_newest ON data_exports (member_id, requested_at DESC);
CREATE INDEX data_exports_due ON data_exports (due_at, id) WHERE status IN ('QUEUED', 'RUNNING');
CREATE INDEX data_exports_over ON data_exports (expires_at) WHERE status = 'READY';
CREATE INDEX data_exports_to_remove ON data_exports (requested_at)
    WHERE status IN ('EXPIRED', 'FAILED') AND removed_at IS NULL;
CREATE INDEX frozen_totals_member ON frozen_totals (member_id);
CREATE INDEX audit_entries_member ON audit_entries ((details ->> 'member')) WHERE details ->> 'member' IS NOT NULL;
"""

# What races with a deletion meets these: a name cannot come back, and who is gone gets no post, role or session. The
# code is the one after which a transaction is tried again: the second time it finds the phone without a member.
DELETIONS = """
ALTER TABLE members ADD CONSTRAINT members_deleted_empty CHECK (deleted_at IS NULL OR (
    num_nonnulls(phone_cipher, phone_index, masked_phone, password_hash, avatar_media_id, last_seen_at, suspended_at,
                 adult_confirmed_at) = 0 AND hidden_on_boards AND display_name = '已注销用户'));
CREATE FUNCTION refuse_the_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    gone timestamptz;
BEGIN
    -- The lock that the reference takes anyway: it waits for a deletion that has begun.
    SELECT deleted_at INTO gone FROM members WHERE id = NEW.member_id FOR KEY SHARE;
    IF gone IS NOT NULL THEN
        RAISE EXCEPTION 'this account was deleted' USING ERRCODE = 'serialization_failure';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER posts_of_the_living BEFORE INSERT ON posts FOR EACH ROW EXECUTE FUNCTION refuse_the_deleted();
CREATE TRIGGER role_grants_of_the_living BEFORE INSERT ON role_grants
    FOR EACH ROW EXECUTE FUNCTION refuse_the_deleted();
CREATE TRIGGER sessions_of_the_living BEFORE INSERT ON sessions FOR EACH ROW EXECUTE FUNCTION refuse_the_deleted();
ALTER TABLE sessions DROP CONSTRAINT sessions_end_reason_known;
ALTER TABLE sessions ADD CONSTRAINT sessions_end_reason_known
    CHECK (end_reason IN ('SIGNED_OUT', 'REUSED', 'SUSPENDED', 'ACCOUNT_DELETED'));
ALTER TABLE sign_in_codes DROP CONSTRAINT sign_in_codes_purpose_known;
ALTER TABLE sign_in_codes ADD CONSTRAINT sign_in_codes_purpose_known
    CHECK (purpose IN ('SIGN_IN', 'CHANGE_PHONE_OLD', 'CHANGE_PHONE_NEW', 'DELETE_ACCOUNT'));
"""

# A licence holder is an adult, and only an import makes an owner.
ADULTS = """
UPDATE members m SET adult_confirmed_at = owned.since
FROM (SELECT member_id, min(from_at) AS since FROM posts WHERE role = 'OWNER' GROUP BY member_id) owned
WHERE owned.member_id = m.id AND m.adult_confirmed_at IS NULL;
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0010_uploads")]  # noqa: RUF012 - Tortoise's shape
    operations = [  # noqa: RUF012 - Tortoise's shape
        ops.CreateModel(
            name="ConsentRecord",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "member",
                    fields.ForeignKeyField(
                        "models.Member",
                        source_field="member_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="consents",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "purpose",
                    fields.CharEnumField(
                        enum_type=ConsentPurpose,
                        max_length=20,
                    ),
                ),
                ("version", fields.IntField()),
                ("change", fields.CharField(max_length=10)),
                ("cause", fields.CharField(max_length=20)),
                ("at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={"table": "consent_records", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="DataExport",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                (
                    "member",
                    fields.ForeignKeyField(
                        "models.Member",
                        source_field="member_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="exports",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("idempotency_key", fields.UUIDField(null=True)),
                (
                    "status",
                    fields.CharEnumField(
                        enum_type=ExportStatus,
                        max_length=10,
                    ),
                ),
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
            options={"table": "data_exports", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.AddField(
            model_name="Course",
            name="adults_only",
            field=fields.BooleanField(default=False, null=True),
        ),
        RunSQL("UPDATE courses SET adults_only = false"),
        ops.AlterField(model_name="Course", name="adults_only", field=fields.BooleanField(default=False)),
        ops.AddField(
            model_name="Member",
            name="deleted_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        RunSQL(CONSENTS + EXPORTS + DELETIONS + ADULTS),
    ]
