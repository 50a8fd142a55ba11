"""`main.py` as a process of its own, on a data directory of its own."""

import os
import re
import signal
import subprocess
import sys
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from kit.processes import command_of, wait_until

ROOT = Path(__file__).parents[1]
PATIENCE_SECONDS = 180.0  # a cap for a busy machine, never a measure


def environment(**more: str) -> dict[str, str]:
    """This environment without the academy's own variables; no demo, which takes its time."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ACADEMY_")}
    return {**clean, "ACADEMY_DEMO": "false", "ACADEMY_LIVE_INGEST_PORT": "0", **more}


def run_main(*words: str, cwd: Path = ROOT, stdin: str = "", **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return run_python(str(ROOT / "main.py"), *words, cwd=cwd, stdin=stdin, **more)


def run_python(*words: str, cwd: Path = ROOT, stdin: str = "", **more: str) -> subprocess.CompletedProcess[str]:
    """Run Python with these words to its end."""
    return subprocess.run(
        [sys.executable, *words],
        cwd=cwd,
        env=environment(**more),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


@dataclass
class Serving:
    """A running `serve`."""

    data: Path
    words: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)
    address: str = ""
    said: str = ""
    process: subprocess.Popen[str] = field(init=False)

    def start(self) -> "Serving":
        """Returns once the banner is there."""
        command = [sys.executable, "main.py", "serve", "--port", "0", "--data-dir", str(self.data), *self.words]
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment(**self.variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        self.said = ""
        for line in self.process.stdout:
            self.said += line
            if "Ctrl-C" in line:
                break
        found = re.search(r"http://127\.0\.0\.1:\d+", self.said)
        assert found, self.said
        self.address = found[0]
        return self

    def get(self, path: str) -> dict[str, object]:
        with urllib.request.urlopen(self.address + path, timeout=10) as answer:
            return dict(orjson.loads(answer.read()))

    def is_ready(self) -> bool:
        try:
            return self.get("/readyz") == {"ready": True, "missing": []}
        except OSError:
            return False

    def children(self) -> dict[int, str]:
        """Command line by id of the processes that it started and that are alive."""
        listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
        pairs = (map(int, line.split()) for line in listed.splitlines())
        found = {pid: command_of(pid) for pid, parent in pairs if parent == self.process.pid}
        return {pid: command for pid, command in found.items() if command}

    def child(self, mark: str) -> int:
        [pid] = [pid for pid, command in self.children().items() if mark in command]
        return pid

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        self.process.communicate(timeout=PATIENCE_SECONDS)
        return self.process.returncode

    def kill(self) -> None:
        """Without a chance to clear up; gives when nothing it started is left."""
        family = self.children()
        self.process.kill()
        self.process.wait(PATIENCE_SECONDS)
        assert wait_until(lambda: not any(command_of(pid) for pid in family), PATIENCE_SECONDS), family
        self.process.communicate(timeout=PATIENCE_SECONDS)
