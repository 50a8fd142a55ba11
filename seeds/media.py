"""The clips that the demo's lessons share; `media/manifest.json` says what each of them is."""

import json
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "media"


@dataclass(frozen=True, slots=True)
class SeedClip:
    """`duration_seconds` is measured, and whole."""

    name: str
    kind: str
    content_type: str
    duration_seconds: int
    size_bytes: int
    sha256: str

    def read(self) -> bytes:
        return (FOLDER / self.name).read_bytes()


def read_clips() -> dict[str, SeedClip]:
    """Every clip by name, in the order of the manifest."""
    manifest = json.loads((FOLDER / "manifest.json").read_text())
    return {name: SeedClip(name=name, **facts) for name, facts in manifest.items()}
