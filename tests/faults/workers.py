"""`worker` as a process of its own, beside whatever else is on the same databases."""

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from kit.processes import wait_until
from tests.process import PATIENCE_SECONDS, ROOT, environment


@dataclass
class Worker:
    """A running `worker` on the databases that `variables` name."""

    data: Path
    variables: dict[str, str]
    process: subprocess.Popen[bytes] = field(init=False)

    @property
    def log(self) -> Path:
        return self.data / "worker.log"

    def start(self) -> "Worker":
        """Returns once it works."""
        self.data.mkdir(exist_ok=True)
        command = [sys.executable, "main.py", "worker", "--data-dir", str(self.data)]
        with self.log.open("w") as said:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=environment(**self.variables), stderr=said, stdout=said
            )
        works = wait_until(lambda: "The worker works" in self.log.read_text(), PATIENCE_SECONDS, pause=0.05)
        assert works, self.log.read_text()
        return self

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(PATIENCE_SECONDS)

    def kill(self) -> None:
        """Without a chance to clear up."""
        self.process.kill()
        self.process.wait(PATIENCE_SECONDS)
