"""The command line: what it says, on which databases, and with what exit code."""

import asyncio
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kit.clock import SystemClock
from kit.db import PATIENCE_SECONDS, STATEMENT_SECONDS, rows
from kit.errors import DomainError, ErrorCode
from kit.settings import Environment, Settings, UnsafeSettings
from server.cli import app
from server.sentences import WANTED, line_sentence, sentence
from services.outlet_import import OUTLET_HEADINGS, REGION_HEADINGS
from services.ports import Ports
from services.tables import Rejected
from tests.process import ROOT, run_main, run_python
from tests.world import World

COMMANDS = [
    ["serve"], ["worker"], ["migrate"], ["seed"], ["export-schema"], ["admin", "create"], ["outlets", "import"],
    ["regions", "import"], ["boards", "rebuild"], ["boards", "verify"], ["ledger", "verify"], ["keys", "rotate"],
    ["tokens", "deny"],
    ["audit", "verify"], ["backup"], ["restore"],
]  # fmt: skip


NO_TABLE = "This is no table: save it as xlsx, or as CSV in UTF-8 or GBK, with a heading. (UPLOAD_INVALID)"


def run_here(settings: Settings, *words: str, stdin: str = "") -> "tuple[int, str]":
    """(exit code, everything said) of a command on the databases of this test."""
    assert settings.database_url is not None
    assert settings.redis_url is not None
    servers = {"ACADEMY_DATABASE_URL": settings.database_url, "ACADEMY_REDIS_URL": settings.redis_url}
    done = run_main(*words, stdin=stdin, **servers)
    return done.returncode, " ".join((done.stdout + done.stderr).split())


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(words: list[str]) -> None:
    told = CliRunner().invoke(app, [*words, "--help"])

    assert told.exit_code == 0
    assert words == ["export-schema"] or "--data-dir" in told.output


def test_the_exported_schema_is_the_snapshot() -> None:
    told = CliRunner().invoke(app, ["export-schema"])

    assert told.output == (ROOT / "schema.graphql").read_text(encoding="utf-8")


async def test_an_admin_is_made_on_the_databases_of_the_settings(ports: Ports) -> None:
    code, said = run_here(ports.settings, "admin", "create", "--phone", "13900000001", "--name", "站长")

    assert (code, said) == (0, "站长 (139****0001) administers everything.")
    [grant] = await rows("SELECT role, region_id FROM role_grants")
    assert grant == {"role": "ADMIN", "region_id": None}


async def test_a_phone_that_is_none_is_said_and_makes_nobody(ports: Ports) -> None:
    code, said = run_here(ports.settings, "admin", "create", "--phone", "12")

    assert code == 1
    assert said == "This is no phone number: 11 digits, or + and the country's code first. (BAD_USER_INPUT)"
    assert await rows("SELECT id FROM members") == []


async def test_outlets_are_imported_once_and_bad_lines_are_named(ports: Ports, world: World, tmp_path: Path) -> None:
    station = await world.region("厚街")
    table = tmp_path / "outlets.csv"
    table.write_text(
        "code,name,region,tier,segment,owner_name,owner_phone\n"
        f"A1,好邻居,{station.code},MODERN,12,阿May,13900000001\n"
        f"A2,便民店,nowhere,NEW,3,阿强,13900000002\n",
        encoding="utf-8",
    )

    dry = run_here(ports.settings, "outlets", "import", str(table), "--dry-run")
    assert await rows("SELECT code FROM outlets") == []
    first = run_here(ports.settings, "outlets", "import", str(table))
    again = run_here(ports.settings, "outlets", "import", str(table))

    bad = "line 3: region is not known (NOT_FOUND) Left out: 1."
    assert dry == (1, f"1 would be created, 0 would be changed, 0 unchanged. {bad}")
    assert first == (1, f"1 created, 0 changed, 0 unchanged. {bad}")
    assert again == (1, f"0 created, 0 changed, 1 unchanged. {bad}")
    assert await rows("SELECT code FROM outlets") == [{"code": "A1"}]


async def test_the_tables_of_the_chinese_readme_are_taken_also_when_saved_as_gbk(ports: Ports, tmp_path: Path) -> None:
    text = (ROOT / "README.zh.md").read_text(encoding="utf-8")
    examples = re.findall(r"```csv\n(.*?)```", text, re.DOTALL)
    regions, outlets = tmp_path / "片区.csv", tmp_path / "门店.csv"
    for file, example in zip((regions, outlets), examples, strict=True):
        file.write_text(example, encoding="gbk")

    made = run_here(ports.settings, "regions", "import", str(regions))
    taken = run_here(ports.settings, "outlets", "import", str(outlets))

    assert made == (0, "4 created, 0 changed, 0 unchanged.")
    assert taken == (0, "2 created, 0 changed, 0 unchanged.")
    assert await rows("SELECT name, tier FROM outlets ORDER BY code") == [
        {"name": "好邻居便利店", "tier": "MODERN"},
        {"name": "桥头副食店", "tier": "ORDINARY"},
    ]


@pytest.mark.parametrize("page", ["README.md", "README.zh.md"])
def test_both_readmes_name_every_command(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    commands = [command.name or command.callback.__name__ for command in app.registered_commands if command.callback]
    for group in app.registered_groups:
        assert group.typer_instance is not None
        commands += [f"{group.name} {command.name}" for command in group.typer_instance.registered_commands]

    assert len(commands) > 10
    assert [command for command in commands if f"`{command}" not in text] == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"code,name\nA1,x\n", "The heading lacks the column region: the code of a region. (UPLOAD_INVALID)"),
        (b"\x00\xff\xff", NO_TABLE),
    ],
    ids=["a column is missing", "no text at all"],
)  # fmt: skip
async def test_what_is_no_such_table_is_said_in_a_sentence(
    ports: Ports, tmp_path: Path, content: bytes, said: str
) -> None:
    table = tmp_path / "outlets.csv"
    table.write_bytes(content)

    assert run_here(ports.settings, "outlets", "import", str(table)) == (1, said)
    assert await rows("SELECT code FROM outlets") == []


@pytest.mark.parametrize("code", ErrorCode)
@pytest.mark.parametrize("field", [None, ("phone",), ("name",), ("line", "7"), ("events", "3", "spans")])
def test_every_failure_is_said_in_a_sentence_with_its_code(code: ErrorCode, field: tuple[str, ...] | None) -> None:
    assert sentence(DomainError(code, field=field)).endswith(f" ({code.value})")


@pytest.mark.parametrize("column", [*OUTLET_HEADINGS, *REGION_HEADINGS])
def test_every_column_of_an_import_says_what_it_takes(column: str) -> None:
    bad = line_sentence(Rejected(3, ErrorCode.BAD_USER_INPUT, column))

    assert bad == f"line 3: {column} is to be {WANTED[column]} (BAD_USER_INPUT)"


def test_a_file_that_cannot_be_written_is_said_in_a_sentence(tmp_path: Path) -> None:
    refused = run_main("export-schema", str(tmp_path / "nowhere/schema.graphql"))

    assert refused.returncode == 1
    assert refused.stderr == f"{tmp_path}/nowhere/schema.graphql: No such file or directory.\n"


def test_settings_that_cannot_be_read_are_named_without_their_values(tmp_path: Path) -> None:
    wrong = {"ACADEMY_DEMO": "perhaps", "ACADEMY_DATABASE_URL": "mysql://root:hunter2@db/academy"}

    refused = run_main("migrate", "--data-dir", str(tmp_path), **wrong)

    assert refused.returncode == 1
    assert "ACADEMY_DEMO: Input should be a valid boolean" in refused.stderr
    assert "ACADEMY_DATABASE_URL: begin with postgresql:// or postgres://.\n" in refused.stderr
    assert "hunter2" not in refused.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_is_away_is_said_in_a_sentence(tmp_path: Path) -> None:
    away = {"ACADEMY_DATABASE_URL": f"postgresql://postgres@/a?host={tmp_path}", "ACADEMY_REDIS_URL": "redis://x:1/0"}

    refused = run_main("migrate", **away)

    assert refused.returncode == 1
    assert refused.stderr.strip().endswith("is ACADEMY_DATABASE_URL right? (UNAVAILABLE)")
    assert "Traceback" not in refused.stderr


async def test_a_ledger_in_order_is_said_and_a_broken_one_named(ports: Ports, world: World) -> None:
    learner = await world.learner()
    fine = run_here(ports.settings, "ledger", "verify")
    await rows(
        "INSERT INTO point_accounts (member_id, lifetime, lifetime_version, balance, balance_version, top_level)"
        " VALUES ($1, 7, 0, 0, 0, 1) ON CONFLICT (member_id) DO UPDATE SET lifetime = 7",
        learner.id,
    )

    code, said = run_here(ports.settings, "ledger", "verify")

    assert fine == (0, "The ledger is in order.")
    assert code == 1
    assert f"{learner.id}: " in said
    assert "kept 7" in said


async def test_boards_are_built_and_found_right(ports: Ports) -> None:
    built = run_here(ports.settings, "boards", "rebuild")
    verified = run_here(ports.settings, "boards", "verify")

    assert built == (0, "The boards are built.")
    assert verified == (0, "The boards are right.")


async def test_a_statement_of_a_command_has_more_time_than_one_of_a_phone(ports: Ports) -> None:
    asking = (
        "from kit.db import rows; from server.terminal import run;"
        " print(run(None, lambda _: rows('SELECT current_setting($1) AS held', 'statement_timeout'))[0]['held'])"
    )
    servers = {
        "ACADEMY_DATABASE_URL": ports.settings.database_url or "",
        "ACADEMY_REDIS_URL": ports.settings.redis_url or "",
    }

    command = await asyncio.to_thread(run_python, "-c", asking, **servers)
    [phone] = await rows("SHOW statement_timeout")

    assert command.stdout == f"{PATIENCE_SECONDS // 60}min\n"
    assert phone == {"statement_timeout": f"{STATEMENT_SECONDS}s"}


async def test_keys_rotate(ports: Ports) -> None:
    before = run_here(ports.settings, "keys", "rotate")
    after = run_here(ports.settings, "keys", "rotate")

    assert before[0] == after[0] == 0
    assert before[1] != after[1]
    assert len(await rows("SELECT kid FROM signing_keys")) >= 2


async def test_a_leaked_token_is_refused_and_nothing_of_it_is_said(ports: Ports, world: World) -> None:
    session, now = await world.signed_in(await world.learner("阿May")), SystemClock().now()
    token, _ = ports.tokens.issue(session.member_id, session.session_id, now)

    denied = run_here(ports.settings, "tokens", "deny", stdin=f"{token}\n")
    again = run_here(ports.settings, "tokens", "deny", stdin=f"{token}\n")
    none = run_here(ports.settings, "tokens", "deny", stdin="not.a.token\n")

    assert denied == (0, "The token is refused from now on.")
    assert again == (0, "The token was refused already.")
    assert none[0] == 1
    assert await rows("SELECT token_id FROM denied_tokens") == [{"token_id": ports.tokens.verify(token, now).token_id}]


async def test_a_database_up_to_date_needs_no_migration(ports: Ports) -> None:
    assert run_here(ports.settings, "migrate") == (0, "The database is up to date.")


def test_a_command_alone_starts_databases_and_leaves_none_behind(tmp_path: Path) -> None:
    first = run_main("migrate", "--data-dir", str(tmp_path / "data"))
    again = run_main("migrate", "--data-dir", str(tmp_path / "data"))

    assert first.returncode == 0, first.stderr
    assert "applied 0001_initial" in first.stdout
    assert again.stdout == "The database is up to date.\n"
    assert not (tmp_path / "data/postgres/postmaster.pid").exists()
    assert not (tmp_path / "data/run.json").exists()


def test_a_production_server_refuses_development_secrets_in_a_sentence(tmp_path: Path) -> None:
    refused = run_main("serve", "--port", "0", "--data-dir", str(tmp_path), ACADEMY_ENVIRONMENT="production")

    assert refused.returncode == 1
    assert "ACADEMY_SECRET is the development secret" in " ".join(refused.stderr.split())
    assert "Traceback" not in refused.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_server_with_a_provider_that_there_is_not_says_which_there_are(tmp_path: Path) -> None:
    made_up = {"ACADEMY_SMS_PROVIDER": "pigeon", "ACADEMY_STORAGE_PROVIDER": "cellar"}
    refused = run_main("serve", "--port", "0", "--data-dir", str(tmp_path), **made_up)

    said = " ".join(refused.stderr.split())
    assert refused.returncode == 1
    assert "ACADEMY_SMS_PROVIDER is 'pigeon': set it to aliyun or console or tencent." in said
    assert "ACADEMY_STORAGE_PROVIDER is 'cellar': set it to local or s3." in said
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == []


SAFE: dict[str, object] = {
    "secret": "x" * 32, "demo": False, "graphiql": False, "sms_provider": "some",
    "allowed_hosts": "academy.example.com", "trusted_proxies": "none",
    "live_ingest_url": "rtmp://live.example.com/live",
}  # fmt: skip


@pytest.mark.parametrize("proxies", ["none", "10.0.0.0/8, 192.168.1.7 fd00::/8"])
def test_production_settings_that_are_safe_are_taken(proxies: str) -> None:
    Settings(environment=Environment.PRODUCTION, **{**SAFE, "trusted_proxies": proxies}).require_safe()


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({}, "ACADEMY_SECRET"),
        ({"secret": "x" * 31}, "ACADEMY_SECRET"),
        ({"secret": "x" * 32}, "ACADEMY_DEMO"),
        ({"secret": "x" * 32, "demo": False}, "ACADEMY_GRAPHIQL"),
        ({"secret": "x" * 32, "demo": False, "graphiql": False}, "ACADEMY_SMS_PROVIDER"),
        ({**SAFE, "allowed_hosts": "*"}, "ACADEMY_ALLOWED_HOSTS"),
        ({**SAFE, "live_ingest_url": None}, "ACADEMY_LIVE_INGEST_URL"),
        ({**SAFE, "allowed_hosts": "academy.example.com, *"}, "ACADEMY_ALLOWED_HOSTS"),
        ({**SAFE, "trusted_proxies": None}, "ACADEMY_TRUSTED_PROXIES"),
        ({**SAFE, "trusted_proxies": "10.0.0.0/8, 0.0.0.0/0"}, "ACADEMY_TRUSTED_PROXIES"),
        ({**SAFE, "trusted_proxies": "::/0"}, "ACADEMY_TRUSTED_PROXIES"),
    ],
)
def test_production_names_each_setting_that_is_made_for_a_laptop(more: dict[str, object], word: str) -> None:
    with pytest.raises(UnsafeSettings, match=word):
        Settings(environment=Environment.PRODUCTION, **more).require_safe()


async def test_a_rebuild_without_valkey_is_a_sentence(ports: Ports, tmp_path: Path) -> None:
    away = ports.settings.model_copy(update={"redis_url": f"unix://{tmp_path}/nobody.sock"})

    code, said = run_here(away, "boards", "rebuild")

    assert code == 1
    assert said.endswith(
        "Valkey does not answer. The boards are told from the rows meanwhile; build them once it is back."
    )
