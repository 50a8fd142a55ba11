"""The files under `deploy/` say what the program understands."""

import os
import re
import shutil
import subprocess
import sys
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from kit.settings import Environment, Settings, read_settings
from providers.known import require_known_providers
from server.cli import app
from tests.process import ROOT

DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))


def understood(words: list[str]) -> None:
    """Raises unless these are a command with options it has."""
    group: Any = typer.main.get_command(app)
    command = group.commands[words[0]]
    command.make_context(words[0], list(words[1:]))


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("service", ["migrate", "web", "worker"])
def test_every_container_runs_a_command_there_is(service: str) -> None:
    understood([str(word) for word in compose()["services"][service]["command"]])


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_every_unit_runs_a_command_there_is(unit: Path) -> None:
    [line] = re.findall(r"^ExecStart=(.*)$", unit.read_text(), re.MULTILINE)

    python, main, *words = line.replace("%i", "1").split()

    assert (python, main) == ("/opt/academy/.venv/bin/python", "main.py")
    understood(words)


def test_nightly_backups_of_a_fortnight_stay() -> None:
    [words] = re.findall(
        r"^ExecStart=.* main\.py (backup .*)$",
        (DEPLOY / "systemd" / "academy-backup.service").read_text(),
        re.MULTILINE,
    )

    assert words == "backup /var/backups/academy --keep 14"


def test_every_setting_that_is_named_exists() -> None:
    named = set()
    for file in DEPLOY.rglob("*"):
        if file.is_file():
            named |= set(re.findall(r"\bACADEMY_([A-Z_]+)", file.read_text(encoding="utf-8")))

    assert named - {name.upper() for name in Settings.model_fields} == set()
    assert "SECRET" in named


def test_the_image_takes_every_part_of_the_program() -> None:
    text = (DEPLOY / "Containerfile").read_text()
    [parts] = re.findall(r"compileall -q (.*)", text)
    ignored = (DEPLOY / "Containerfile.dockerignore").read_text().split()

    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "bench"}
    assert set(parts.split()) == packages
    assert not packages & set(ignored)
    for copied in re.findall(r"COPY ([^-].*?) \./", text):
        assert all((ROOT / name).exists() for name in copied.split())


def test_containers_may_open_as_many_files_as_the_unit() -> None:
    unit = (DEPLOY / "systemd" / "academy-web.service").read_text()
    [most] = re.findall(r"^LimitNOFILE=(\d+)$", unit, re.MULTILINE)

    services = compose()["services"]

    for name in ("web", "nginx"):
        assert services[name]["ulimits"]["nofile"] == {"soft": int(most), "hard": int(most)}
    assert int(most) > 2 * 5_000


def test_the_network_of_the_containers_is_the_trusted_one() -> None:
    found = compose()

    [subnet] = [pool["subnet"] for pool in found["networks"]["inside"]["ipam"]["config"]]
    assert found["services"]["web"]["environment"]["ACADEMY_TRUSTED_PROXIES"] == subnet


def told(file: Path) -> dict[str, str]:
    """What a file of variables sets; what an operator has to fill in is long enough for a secret."""
    lines = (line for line in file.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#"))
    return {name: value or "filled-in-" * 4 for name, _, value in (line.partition("=") for line in lines)}


def settings_of(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> Settings:
    for name in [name for name in os.environ if name.startswith("ACADEMY_")]:
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return read_settings()


def test_the_example_of_settings_once_filled_in_is_fit_for_production(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_of(monkeypatch, told(DEPLOY / "academy.env.example"))

    settings.require_safe()
    require_known_providers(settings)
    assert settings.environment is Environment.PRODUCTION
    assert (settings.database_url is None, settings.redis_url is None) == (False, False)
    assert settings.live_ingest_host == "0.0.0.0"


def test_what_the_containers_are_told_beside_the_example_is_fit_for_production(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {
        name: str(value).replace("${POSTGRES_PASSWORD:?set it in deploy/.env}", "secret")
        for name, value in compose()["services"]["web"]["environment"].items()
    }

    settings = settings_of(monkeypatch, told(DEPLOY / "academy.env.example") | environment)

    settings.require_safe()
    assert settings.database_url == "postgresql://academy:secret@postgres:5432/academy"


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_whose_settings_forget_it_is_in_production(unit: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [line] = re.findall(r"^Environment=(.*)$", unit.read_text(), re.MULTILINE)

    settings = settings_of(monkeypatch, dict(word.split("=", 1) for word in line.split()))

    assert settings.environment is Environment.PRODUCTION
    assert (settings.demo, settings.graphiql) == (False, False)
    assert settings.data_dir == Path("/var/lib/academy")


def test_no_unit_is_kept_down_by_a_database_that_came_late() -> None:
    for unit in UNITS:
        text = unit.read_text()
        assert not re.search(r"^(Requires|BindsTo|Requisite)=", text, re.MULTILINE), unit.name
        if unit.name != "academy-backup.service":  # of that one the timer takes care
            assert re.search(r"^Restart=(always|on-failure)$", text, re.MULTILINE), unit.name
            assert "\nStartLimitIntervalSec=0\n" in text.partition("[Service]")[0], unit.name


def test_nginx_finds_a_web_container_that_was_made_anew_where_the_one_before_it_was() -> None:
    found = compose()
    [pool] = found["networks"]["inside"]["ipam"]["config"]

    address = ip_address(found["services"]["web"]["networks"]["inside"]["ipv4_address"])

    assert address in ip_network(pool["subnet"])
    assert address not in ip_network(pool["ip_range"])
    assert ip_network(pool["ip_range"]).subnet_of(ip_network(pool["subnet"]))


def test_hosts_of_live_lessons_reach_the_containers() -> None:
    assert compose()["services"]["web"]["ports"] == ["1935:1935"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not on this machine")
def test_systemd_understands_the_units(tmp_path: Path) -> None:
    for unit in (DEPLOY / "systemd").iterdir():
        name = unit.name.replace("@.", "@1.")
        text = unit.read_text().replace("/opt/academy/.venv/bin/python", sys.executable)
        (tmp_path / name).write_text(text)

    done = subprocess.run(
        ["systemd-analyze", "verify", "--recursive-errors=no", *sorted(map(str, tmp_path.iterdir()))],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
    )

    assert (done.returncode, [line for line in done.stderr.splitlines() if "academy" in line]) == (0, [])
