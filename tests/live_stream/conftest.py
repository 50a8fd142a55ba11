from collections.abc import AsyncIterator

import pytest

from kit.settings import Settings
from tests.live_stream.studio import Studio


@pytest.fixture
async def studio(settings: Settings, database: None, redis: object) -> AsyncIterator[Studio]:
    """A lesson that starts in a moment, its host, and the embedded ingest on a free port; by the real clock, since
    ffmpeg knows no other."""
    async with Studio.on_this_machine(settings) as opened:
        yield opened
