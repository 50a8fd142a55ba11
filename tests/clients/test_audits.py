"""GraphQL over HTTP: the 61 public audits of the draft, against a served process."""

import subprocess
from collections import Counter
from pathlib import Path

import orjson
import pytest

from tests.process import Serving

AUDITS = {"MUST": 13, "SHOULD": 23, "MAY": 25}


def test_every_audit_of_the_draft_passes(node: Path, serving: Serving, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["node", "audits.mjs", f"{serving.address}/graphql"]
    told = subprocess.run(command, cwd=node, capture_output=True, text=True, timeout=120, check=True).stdout
    results = orjson.loads(told)

    passed = Counter(result["name"].split()[0] for result in results if result["status"] == "ok")
    with capsys.disabled():
        print("\naudits passed:", ", ".join(f"{passed[kind]} of {count} {kind}" for kind, count in AUDITS.items()))

    assert [result for result in results if result["status"] != "ok"] == []
    assert passed == AUDITS
