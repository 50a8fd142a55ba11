"""The stream of a live lesson as clients see it: the host's key, and the replay."""

from datetime import datetime
from typing import Annotated, Self

import strawberry

from models.live_lists import LiveLessonRow
from models.replay_credit import watches_of
from schema.context import Info
from schema.errors import Payload
from schema.ids import encode
from schema.live_part import LiveLessonPart
from schema.replay_credit import LiveReplayProgress
from services.live_stream import IssuedKey, Replay, replays_of
from services.replay_credit import not_watched

LESSON = Annotated["LiveLesson", strawberry.lazy("schema.live")]  # type: ignore[name-defined]  # noqa: F821


@strawberry.type(description="The recording of a live lesson (回放), without what was not on air.")
class LiveReplay:
    replay: strawberry.Private[Replay]
    lesson: strawberry.Private[LiveLessonRow]
    id: strawberry.ID = strawberry.field(description="The same for as long as there is one.")
    playback_url: str = strawberry.field(description="The film, signed; can be fetched in ranges.")
    expires_at: datetime = strawberry.field(description="Until then the address is good; ask again for another.")
    duration_seconds: int = strawberry.field(description="How long it plays, measured.")

    @classmethod
    def of(cls, replay: Replay, lesson: LiveLessonRow) -> Self:
        return cls(
            replay=replay,
            lesson=lesson,
            id=encode("LiveReplay", replay.lesson_id),
            playback_url=replay.playback_url,
            expires_at=replay.expires_at,
            duration_seconds=replay.duration_seconds,
        )

    @strawberry.field(description="How far the viewer is in it, all zeros before the first report.")
    async def viewer_progress(self, info: Info) -> LiveReplayProgress | None:
        actor = info.context.actor
        if actor is None:
            return None
        watch = await info.context.loaders.of(watches_of, actor.member_id).load(self.lesson.id)
        now = info.context.ports.clock.now()
        return LiveReplayProgress.of(watch or not_watched(self.lesson, self.replay, now))


@strawberry.type
class LiveStreamPart(LiveLessonPart):
    @strawberry.field(description="The replay (回放); null until it is ready.")
    async def replay(self, info: Info) -> LiveReplay | None:
        found = await info.context.loaders.of(replays_of, info.context.ports).load(self.row)
        return LiveReplay.of(found, self.row) if found is not None else None


@strawberry.type(description="What a host enters into OBS or another camera app (推流地址).")
class LiveIngest:
    protocol: str = strawberry.field(description="How the stream is sent: RTMP.")
    url: str = strawberry.field(description="The server.")
    key: str = strawberry.field(description="The stream key (推流密钥): a secret, shown this once.")
    valid_from_at: datetime = strawberry.field(description="From when on it works: 30 minutes before the start.")
    expires_at: datetime = strawberry.field(description="Until when: 2 hours after the planned end.")

    @classmethod
    def of(cls, issued: IssuedKey) -> Self:
        return cls(
            protocol=issued.ingest.protocol,
            url=issued.ingest.url,
            key=issued.ingest.key,
            valid_from_at=issued.valid_from,
            expires_at=issued.expires_at,
        )


@strawberry.input(description="Which lesson the key is for.")
class IssueStreamKeyInput:
    live_lesson_id: strawberry.ID = strawberry.field(description="One that is to come or on air.")


@strawberry.input(description="Which lesson goes on air.")
class StartLiveLessonInput:
    live_lesson_id: strawberry.ID = strawberry.field(description="One whose stream arrives.")


@strawberry.input(description="Which lesson is over.")
class EndLiveLessonInput:
    live_lesson_id: strawberry.ID = strawberry.field(description="One that is on air, or interrupted.")


@strawberry.type(description="The key, for the only time it is shown.")
class IssueStreamKeyPayload(Payload):
    ingest: LiveIngest | None = strawberry.field(default=None, description="Where to send the stream; null if refused.")


@strawberry.type(description="The lesson on air.")
class StartLiveLessonPayload(Payload):
    live_lesson: LESSON | None = strawberry.field(default=None, description="The lesson; null if refused.")


@strawberry.type(description="The lesson after its end.")
class EndLiveLessonPayload(Payload):
    live_lesson: LESSON | None = strawberry.field(default=None, description="The lesson; null if refused.")
