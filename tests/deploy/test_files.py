"""The files under `deploy/` say what the program understands."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from kit.settings import Settings
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
