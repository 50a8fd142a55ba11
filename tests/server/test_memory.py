"""No request waits while Python looks for cycles in what a server has loaded once and keeps."""

import ast

from tests.process import ROOT, run_python

LOADED = """
import gc, main
assert main.app is main.app
print(gc.get_freeze_count(), len(gc.get_objects()))
"""


def test_what_a_server_has_loaded_is_never_walked_again() -> None:
    said = run_python("-c", LOADED)

    assert said.returncode == 0, said.stderr
    kept, walked = map(int, said.stdout.split())
    assert kept > 100_000
    assert walked < kept / 20


def test_serve_and_worker_keep_it_before_they_start_anything() -> None:
    """Once before the fork, so that all processes share this memory."""
    commands = {
        each.name: [ast.unparse(node.func) for node in ast.walk(each) if isinstance(node, ast.Call)]
        for each in ast.parse((ROOT / "server/cli.py").read_text(encoding="utf-8")).body
        if isinstance(each, ast.FunctionDef)
    }

    assert [name for name, calls in commands.items() if "keep_what_is_loaded" in calls] == ["serve", "worker"]
