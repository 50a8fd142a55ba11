"""How we talk to Valkey or Redis: every time-out and every retry chosen by hand."""

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

__all__ = ["AWAY", "Redis", "open_redis"]

REQUEST_SECONDS = 0.5

AWAY = (RedisError, OSError, TimeoutError)
"""What a command raises when Valkey is away, starting, or too slow."""


def open_redis(url: str, *, seconds: float = REQUEST_SECONDS, blocking: bool = False) -> Redis:
    """A client on a pool of its own. Nothing is sent before the first command, and an answer is waited for `seconds`.

    A command that found its connection closed is sent once more: all our writes are absolute, so that twice is once.
    One that timed out is not, and may still be applied later. `blocking` is for reads that wait: they never time out.
    """
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=64,
        timeout=seconds,
        socket_timeout=None if blocking else seconds,
        socket_connect_timeout=REQUEST_SECONDS,
        retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
        decode_responses=False,
    )
    return Redis.from_pool(pool)
