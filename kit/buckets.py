"""Budgets that fill again with time: token buckets in Valkey, so that every process spends from the same.

A bucket is kept as the moment at which it will be full again: spending moves that moment on, and time does the rest.
One script takes from all buckets of a request or from none. All keys share one hash tag, for a script may touch one
slot of a cluster alone; they are small and short-lived, and one node holds them all.

Valkey away: the request passes, on budgets that this process keeps for itself until Valkey is asked again. What a lost
answer makes a command take twice is lost to one caller for a moment, and no reason to count more exactly.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from kit.clock import monotonic
from kit.redis import AWAY, Redis

AWAY_SECONDS = 5.0
"""How long a Valkey that did not answer is left alone."""

MOST_KEPT = 10_000
"""Buckets that a process keeps for itself. Beyond, the one that was touched longest ago is forgotten, and full."""

log = structlog.get_logger("buckets")

# KEYS: buckets. ARGV: now in milliseconds, the amount, and for each bucket its capacity and what it gains in a
# millisecond. Answers {milliseconds to wait, or 0 if it was taken; what is left in each bucket}.
# Half a millisecond is what doubles may be out by; a bucket is never emptier than empty, whatever clocks did.
TAKE = """
local now, amount = tonumber(ARGV[1]), tonumber(ARGV[2])
local longest, moments, answer = 0, {}, {0}
for i, key in ipairs(KEYS) do
  local capacity, gain = tonumber(ARGV[2 * i + 1]), tonumber(ARGV[2 * i + 2])
  local empty = now + capacity / gain
  local full = math.min(empty, math.max(now, tonumber(redis.call('GET', key) or '0')))
  local next = full + amount / gain
  moments[i] = {full, next, empty, gain}
  longest = math.max(longest, next - empty)
end
local taken = longest < 0.5
for i, key in ipairs(KEYS) do
  local full, next, empty, gain = unpack(moments[i])
  if taken then
    full = math.min(next, empty)
    redis.call('SET', key, string.format('%.3f', full), 'PX', math.ceil(full - now) + 1)
  end
  answer[i + 1] = math.floor((empty - full) * gain + 0.001)
end
if not taken then answer[1] = math.ceil(longest) end
return answer
"""


@dataclass(frozen=True, slots=True)
class Bucket:
    """One caller's budget: at most `capacity` at once, and `per_second` in the long run."""

    name: str
    capacity: int
    per_second: float


@dataclass(frozen=True, slots=True)
class Taken:
    """`wait_seconds` is None if the amount was taken; `left` is in the order of the buckets."""

    wait_seconds: int | None
    left: tuple[int, ...]


class Buckets:
    def __init__(self, redis: Redis) -> None:
        self._take = redis.register_script(TAKE)
        self._own: dict[str, float] = {}
        self._away_until = 0.0

    async def take(self, buckets: Sequence[Bucket], amount: int, now: datetime) -> Taken:
        """Take `amount` from each of the buckets, or from none. Never raises: without Valkey this process counts."""
        moment = now.timestamp() * 1000
        if monotonic() >= self._away_until:
            keys = [f"{{budget}}:{bucket.name}" for bucket in buckets]
            figures = [figure for bucket in buckets for figure in (bucket.capacity, bucket.per_second / 1000)]
            try:
                wait, *left = await self._take(keys, [moment, amount, *figures])
            except AWAY as error:
                self._away_until = monotonic() + AWAY_SECONDS
                log.warning("budgets kept by this process", error=type(error).__name__)
            else:
                return Taken(math.ceil(wait / 1000) if wait else None, tuple(left))
        return self._take_own(buckets, amount, moment)

    def _take_own(self, buckets: Sequence[Bucket], amount: int, now: float) -> Taken:
        """As the script does it."""
        gains = [bucket.per_second / 1000 for bucket in buckets]
        empties = [now + bucket.capacity / gain for bucket, gain in zip(buckets, gains, strict=True)]
        fulls = [
            min(empty, max(now, self._own.get(bucket.name, 0.0)))
            for bucket, empty in zip(buckets, empties, strict=True)
        ]
        nexts = [full + amount / gain for full, gain in zip(fulls, gains, strict=True)]
        longest = max(moment - empty for moment, empty in zip(nexts, empties, strict=True))
        taken = longest < 0.5
        if taken:
            fulls = [min(moment, empty) for moment, empty in zip(nexts, empties, strict=True)]
            for bucket, full in zip(buckets, fulls, strict=True):
                self._own.pop(bucket.name, None)
                self._own[bucket.name] = full
            while len(self._own) > MOST_KEPT:
                del self._own[next(iter(self._own))]
        left = (
            math.floor((empty - full) * gain + 0.001) for empty, full, gain in zip(empties, fulls, gains, strict=True)
        )
        return Taken(None if taken else math.ceil(longest / 1000), tuple(left))
