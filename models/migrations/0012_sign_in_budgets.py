"""Whom a code or a wrong try is counted for beside the phone, and access tokens that are refused one by one."""

from uuid import uuid4

from tortoise import fields, migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.operations import RunSQL

PROMISES = """
ALTER TABLE sign_in_failures
    ADD CONSTRAINT sign_in_failures_network_hashed CHECK (network ~ '^[0-9a-f]{64}$');
CREATE INDEX sign_in_failures_phone ON sign_in_failures (phone_index, failed_at DESC);
CREATE INDEX sign_in_failures_device ON sign_in_failures (device_id, failed_at DESC);
CREATE INDEX sign_in_failures_network ON sign_in_failures (network, failed_at DESC);
CREATE INDEX sign_in_failures_age ON sign_in_failures (failed_at);

ALTER TABLE sign_in_codes
    ADD CONSTRAINT sign_in_codes_network_hashed CHECK (network ~ '^[0-9a-f]{64}$');
CREATE INDEX sign_in_codes_device ON sign_in_codes (device_id, created_at DESC);
CREATE INDEX sign_in_codes_network ON sign_in_codes (network, created_at DESC);
CREATE INDEX sign_in_codes_wanted ON sign_in_codes (created_at DESC) WHERE wanted;

ALTER TABLE denied_tokens
    ADD CONSTRAINT denied_tokens_expiry_later CHECK (expires_at > denied_at);
CREATE INDEX denied_tokens_age ON denied_tokens (expires_at);

CREATE INDEX sessions_device ON sessions (member_id, device_id);
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0011_privacy")]  # noqa: RUF012 - Tortoise's shape
    operations = [  # noqa: RUF012 - Tortoise's shape
        ops.CreateModel(
            name="DeniedToken",
            fields=[
                ("token_id", fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ("denied_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={"table": "denied_tokens", "app": "models", "pk_attr": "token_id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="SignInFailure",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ("phone_index", fields.CharField(max_length=64)),
                ("device_id", fields.CharField(null=True, max_length=64)),
                ("network", fields.CharField(null=True, max_length=64)),
                ("failed_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={"table": "sign_in_failures", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.AddField(model_name="SignInCode", name="device_id", field=fields.CharField(null=True, max_length=64)),
        ops.AddField(model_name="SignInCode", name="network", field=fields.CharField(null=True, max_length=64)),
        ops.AddField(model_name="SignInCode", name="wanted", field=fields.BooleanField(default=False, null=True)),
        RunSQL("UPDATE sign_in_codes SET wanted = false"),
        ops.AlterField(model_name="SignInCode", name="wanted", field=fields.BooleanField(default=False)),
        ops.DeleteModel(name="PasswordFailure"),
        RunSQL(PROMISES),
    ]
