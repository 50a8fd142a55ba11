"""The room of a live lesson: following it, taking part, and running it."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

import strawberry

from resolvers.guard import viewer
from resolvers.mutation import mutation
from schema.context import Info
from schema.ids import decode, encode, row_key
from schema.live import LiveLesson
from schema.live_room import (
    AnswerLiveCheckInInput,
    AnswerLiveCheckInPayload,
    AskLiveCheckInInput,
    AskLiveCheckInPayload,
    LiveCheckIn,
    LiveMessage,
    LivePoll,
    LiveProduct,
    LiveRoomUpdate,
    MuteInLiveLessonInput,
    MuteInLiveLessonPayload,
    OpenLivePollInput,
    OpenLivePollPayload,
    PinLiveProductInput,
    PinLiveProductPayload,
    PostLiveMessageInput,
    PostLiveMessagePayload,
    RemoveLiveMessageInput,
    RemoveLiveMessagePayload,
    SetLiveProductsInput,
    SetLiveProductsPayload,
    SetLiveSlowModeInput,
    SetLiveSlowModePayload,
    UpvoteLiveQuestionInput,
    UpvoteLiveQuestionPayload,
    VoteInLivePollInput,
    VoteInLivePollPayload,
)
from services import live_asks, live_chat, live_shelf
from services.live_room import enter_room, room_feed


async def live_message_node(info: Info, key: str) -> LiveMessage | None:
    row_id, actor = row_key(key), info.context.actor
    if row_id is None or actor is None:
        return None
    row = await info.context.loaders.of(live_chat.visible_messages, actor).load(row_id)
    return LiveMessage.of(row) if row is not None else None


async def live_poll_node(info: Info, key: str) -> LivePoll | None:
    row_id, actor = row_key(key), info.context.actor
    if row_id is None or actor is None:
        return None
    row = await info.context.loaders.of(live_asks.visible_polls, actor).load(row_id)
    return LivePoll.of(row) if row is not None else None


async def live_check_in_node(info: Info, key: str) -> LiveCheckIn | None:
    row_id, actor = row_key(key), info.context.actor
    if row_id is None or actor is None:
        return None
    row = await info.context.loaders.of(live_asks.visible_check_ins, actor).load(row_id)
    return LiveCheckIn.of(row) if row is not None else None


async def live_product_node(info: Info, key: str) -> LiveProduct | None:
    row_id, actor = row_key(key), info.context.actor
    if row_id is None or actor is None:
        return None
    row = await info.context.loaders.of(live_shelf.visible_products, actor).load(row_id)
    return LiveProduct.of(row) if row is not None else None


@strawberry.type
class LiveRoomMutations:
    @mutation(description="Say something in the room of a live lesson (发言), or ask a question.")
    async def post_live_message(self, info: Info, input: PostLiveMessageInput) -> PostLiveMessagePayload:
        row = await live_chat.post_live_message(info.context.ports, viewer(info), input.plain())
        return PostLiveMessagePayload(message=LiveMessage.of(row))

    @mutation(description="Up-vote a question in the room (点赞); again takes it back.")
    async def upvote_live_question(self, info: Info, input: UpvoteLiveQuestionInput) -> UpvoteLiveQuestionPayload:
        actor, message_id = viewer(info), decode(input.message_id, "LiveMessage", "messageId")
        row = await live_chat.upvote_live_question(info.context.ports, actor, message_id)
        return UpvoteLiveQuestionPayload(message=LiveMessage.of(row))

    @mutation(description="Vote in a poll (投票), once.")
    async def vote_in_live_poll(self, info: Info, input: VoteInLivePollInput) -> VoteInLivePollPayload:
        actor, poll_id = viewer(info), decode(input.poll_id, "LivePoll", "pollId")
        row = await live_asks.vote_in_live_poll(info.context.ports, actor, poll_id, input.chosen())
        return VoteInLivePollPayload(poll=LivePoll.of(row))

    @mutation(description="Answer a check-in (签到): I am here.")
    async def answer_live_check_in(self, info: Info, input: AnswerLiveCheckInInput) -> AnswerLiveCheckInPayload:
        actor, check_in_id = viewer(info), decode(input.check_in_id, "LiveCheckIn", "checkInId")
        await live_asks.answer_live_check_in(info.context.ports, actor, check_in_id)
        return AnswerLiveCheckInPayload(accepted=True)

    @mutation(description="Ask the room a question (发起投票). For the host and admins of the region.")
    async def open_live_poll(self, info: Info, input: OpenLivePollInput) -> OpenLivePollPayload:
        row = await live_asks.open_live_poll(info.context.ports, viewer(info), input.plain())
        return OpenLivePollPayload(poll=LivePoll.of(row))

    @mutation(description="Let each member speak once in so many seconds (慢速模式). For the host and admins.")
    async def set_live_slow_mode(self, info: Info, input: SetLiveSlowModeInput) -> SetLiveSlowModePayload:
        actor, lesson_id = viewer(info), decode(input.live_lesson_id, "LiveLesson", "liveLessonId")
        seconds = await live_chat.set_live_slow_mode(info.context.ports, actor, lesson_id, input.seconds)
        return SetLiveSlowModePayload(seconds=seconds)

    @mutation(description="Fill the shelf of a lesson (上架商品). For the host and admins of the region.")
    async def set_live_products(self, info: Info, input: SetLiveProductsInput) -> SetLiveProductsPayload:
        actor, lesson_id = viewer(info), decode(input.live_lesson_id, "LiveLesson", "liveLessonId")
        row = await live_shelf.set_live_products(info.context.ports, actor, lesson_id, input.plain())
        return SetLiveProductsPayload(live_lesson=LiveLesson.of(row))

    @mutation(description="Show everybody a product (讲解商品), or none. For the host and admins of the region.")
    async def pin_live_product(self, info: Info, input: PinLiveProductInput) -> PinLiveProductPayload:
        actor, lesson_id = viewer(info), decode(input.live_lesson_id, "LiveLesson", "liveLessonId")
        row = await live_shelf.pin_live_product(info.context.ports, actor, lesson_id, input.product())
        return PinLiveProductPayload(product=LiveProduct.of(row) if row is not None else None)

    @mutation(description="Ask everybody to show that they are there (发起签到). For the host and admins.")
    async def ask_live_check_in(self, info: Info, input: AskLiveCheckInInput) -> AskLiveCheckInPayload:
        actor, lesson_id = viewer(info), decode(input.live_lesson_id, "LiveLesson", "liveLessonId")
        row = await live_asks.ask_live_check_in(info.context.ports, actor, lesson_id, input.seconds)
        return AskLiveCheckInPayload(check_in=LiveCheckIn.of(row))

    @mutation(description="Take a message out of the room (删除发言). For the host and admins of the region.")
    async def remove_live_message(self, info: Info, input: RemoveLiveMessageInput) -> RemoveLiveMessagePayload:
        actor, message_id = viewer(info), decode(input.message_id, "LiveMessage", "messageId")
        row = await live_chat.remove_live_message(info.context.ports, actor, message_id)
        return RemoveLiveMessagePayload(message_id=encode("LiveMessage", row.id))

    @mutation(description="Silence a member in the room for a while (禁言). For the host and admins of the region.")
    async def mute_in_live_lesson(self, info: Info, input: MuteInLiveLessonInput) -> MuteInLiveLessonPayload:
        actor, lesson_id = viewer(info), decode(input.live_lesson_id, "LiveLesson", "liveLessonId")
        member_id = decode(input.member_id, "Member", "memberId")
        muted = await live_chat.mute_in_live_lesson(info.context.ports, actor, lesson_id, member_id, input.seconds)
        return MuteInLiveLessonPayload(muted=muted)


@strawberry.type
class LiveRoomFeed:
    @strawberry.subscription(
        description="What happens in a room: its last messages and what is open now, or all `after` a number; then on."
    )
    async def live_room(
        self,
        info: Info,
        live_lesson_id: Annotated[strawberry.ID, strawberry.argument(description="Of a live lesson.")],
        after: Annotated[
            int | None, strawberry.argument(description="The last number that was received: goes on without a gap.")
        ] = None,
    ) -> AsyncGenerator[LiveRoomUpdate | None, None]:
        actor, ports = viewer(info), info.context.ports
        lesson_id = decode(live_lesson_id, "LiveLesson", "liveLessonId")
        await enter_room(ports, actor, lesson_id, after)
        async with aclosing(room_feed(ports, lesson_id, after)) as events:
            async for event in events:
                yield LiveRoomUpdate.of(event)
