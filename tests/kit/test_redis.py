"""kit/redis.py: a server that is away costs little and is found again."""

import signal
from pathlib import Path

import pytest

from kit.clock import monotonic
from kit.embedded import Valkey, socket_directory
from kit.redis import AWAY, open_redis


async def test_a_restarted_server_is_found_by_the_next_command(tmp_path: Path) -> None:
    sockets = socket_directory(tmp_path)
    valkey = Valkey(tmp_path, sockets, durable=False).start()
    redis = open_redis(valkey.url())
    try:
        await redis.set("key", "value")
        valkey.stop()

        with pytest.raises(AWAY):
            await redis.get("key")

        valkey.start()
        assert await redis.get("key") is None
    finally:
        await redis.aclose()
        valkey.stop()
        sockets.rmdir()


async def test_a_server_that_does_not_answer_costs_half_a_second(tmp_path: Path) -> None:
    sockets = socket_directory(tmp_path)
    valkey = Valkey(tmp_path, sockets, durable=False).start()
    redis = open_redis(valkey.url())
    try:
        await redis.ping()
        assert valkey.process is not None
        valkey.process.send_signal(signal.SIGSTOP)

        began = monotonic()
        with pytest.raises(AWAY):
            await redis.ping()
        assert monotonic() - began < 1.5
    finally:
        assert valkey.process is not None
        valkey.process.send_signal(signal.SIGCONT)
        await redis.aclose()
        valkey.stop()
        sockets.rmdir()
