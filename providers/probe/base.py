"""What the academy asks about the films and sounds it is given: how long do they really play?"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class Unplayable(Exception):
    """Nothing in the file can be played as what it says it is. The message is for a log."""


@dataclass(frozen=True, slots=True)
class Probed:
    """`duration_seconds` is measured over what is in the file, rounded half up, at least 1; a header is not believed.

    `has_video`: there are moving pictures; the cover of a sound is none.
    """

    duration_seconds: int
    has_video: bool


class Probe(Protocol):
    async def probe(self, path: Path, content_type: str) -> Probed:
        """Measure a local file; `Unplayable` if there is nothing to play, or not within the time it is given."""
        ...
