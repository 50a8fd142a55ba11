"""The room of a live lesson as clients see it.

What a room tells is the same for everybody in it: the types below `LiveRoomUpdate` know no viewer, so that thousands
are sent the same bytes. What is one viewer's own stands in `LiveMessage` and `LivePoll`, which the room never shows.
"""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Self
from uuid import UUID

import strawberry

from kit.words import RoomEventKind as Kind
from models import accounts, live_asks, live_messages, live_products, live_room
from models.live_asks import CheckInRow, PollRow
from models.live_messages import MessageRow
from models.live_products import ProductRow
from models.live_room import RoomEvent
from schema.context import Info
from schema.errors import Payload
from schema.ids import decode, decode_each, encode
from schema.live_part import LiveLessonPart
from schema.node import Node
from schema.paging import DEFAULT_ROWS, After, Before, Connection, First, Last, ask, connection
from schema.words import LiveMessageKind, LiveStatus
from services.live_asks import PollPlan
from services.live_chat import Post, list_messages
from services.live_shelf import ProductPlan
from services.media import media_url

if TYPE_CHECKING:
    from schema.live import LiveLesson


@strawberry.type(description="Who said something in a room; `id` is that of the member.")
class LiveSpeaker:
    id: strawberry.ID = strawberry.field(description="The member's.")
    display_name: str = strawberry.field(description="What they call themselves.")
    avatar_media_id: strawberry.Private[UUID | None]

    @classmethod
    def of(cls, member_id: UUID, display_name: str, avatar_media_id: UUID | None) -> Self:
        return cls(id=encode("Member", member_id), display_name=display_name, avatar_media_id=avatar_media_id)

    @strawberry.field(description="Their picture, signed; null without one.")
    def avatar_url(self, info: Info) -> str | None:
        return media_url(info.context.ports, self.avatar_media_id).url if self.avatar_media_id is not None else None


@strawberry.type(description="Something said in the room of a live lesson (互动消息).")
class LiveMessage(Node):
    row: strawberry.Private[MessageRow]
    seq: int = strawberry.field(description="Its number among all that happened in the room.")
    kind: LiveMessageKind = strawberry.field(description="Chat or a question.")
    text: str = strawberry.field(description="On one line, at most 200 characters.")
    posted_at: datetime = strawberry.field(description="When it was said.")
    offset_seconds: int = strawberry.field(
        description="How long the lesson had been on air by then, interruptions left out; its place in the replay."
    )
    upvotes: int = strawberry.field(description="How many members want this question answered (点赞).")

    @classmethod
    def of(cls, row: MessageRow) -> Self:
        return cls(
            id=encode("LiveMessage", row.id),
            row=row,
            seq=row.seq,
            kind=row.kind,
            text=row.text,
            posted_at=row.posted_at,
            offset_seconds=row.offset_seconds,
            upvotes=row.upvotes,
        )

    @strawberry.field(description="Who said it.")
    async def author(self, info: Info) -> LiveSpeaker | None:
        row = await info.context.loaders.of(accounts.members_by_ids).load(self.row.member_id)
        return LiveSpeaker.of(row.id, row.display_name, row.avatar_media_id) if row is not None else None

    @strawberry.field(description="The viewer has up-voted it.")
    async def viewer_upvoted(self, info: Info) -> bool:
        actor = info.context.actor
        if actor is None:
            return False
        return await info.context.loaders.of(live_messages.upvoted, actor.member_id).load(self.row.id)


@strawberry.type(description="What can be chosen in a poll.")
class LivePollOption:
    id: strawberry.ID = strawberry.field(description="For `voteInLivePoll`.")
    text: str = strawberry.field(description="As the host wrote it.")
    votes: int = strawberry.field(description="How many have chosen it so far.")


@strawberry.type(description="A question that the host asked the room (投票), as it stands now.")
class LivePoll(Node):
    row: strawberry.Private[PollRow]
    question: str = strawberry.field(description="What is asked.")
    multiple: bool = strawberry.field(description="Several options may be chosen.")
    opened_at: datetime = strawberry.field(description="From when votes were taken.")
    closes_at: datetime = strawberry.field(description="Until when; it closes by itself.")
    closed_at: datetime | None = strawberry.field(description="When it was closed and its result told; null before.")

    @classmethod
    def of(cls, row: PollRow) -> Self:
        return cls(
            id=encode("LivePoll", row.id),
            row=row,
            question=row.question,
            multiple=row.multiple,
            opened_at=row.opened_at,
            closes_at=row.closes_at,
            closed_at=row.closed_at,
        )

    @strawberry.field(description="What can be chosen, in order, with the votes.")
    async def options(self, info: Info) -> list[LivePollOption]:
        found = await info.context.loaders.of(live_asks.options_of).load(self.row.id)
        return [LivePollOption(id=_option(each.id), text=each.text, votes=each.votes) for each in found]

    @strawberry.field(description="The options the viewer chose; null for who has not voted.")
    async def viewer_vote(self, info: Info) -> list[strawberry.ID] | None:
        actor = info.context.actor
        if actor is None:
            return None
        given = await info.context.loaders.of(live_asks.votes_of, actor.member_id).load(self.row.id)
        return [_option(each) for each in given] or None


@strawberry.type(description="Asking everybody on air to show that they are there (签到).")
class LiveCheckIn(Node):
    row: strawberry.Private[CheckInRow]
    asked_at: datetime = strawberry.field(description="When it was asked.")
    answer_by: datetime = strawberry.field(description="Until when answers are taken.")

    @classmethod
    def of(cls, row: CheckInRow) -> Self:
        return cls(id=encode("LiveCheckIn", row.id), row=row, asked_at=row.asked_at, answer_by=row.answer_by)

    @strawberry.field(description="The viewer has answered it.")
    async def viewer_answered(self, info: Info) -> bool:
        actor = info.context.actor
        if actor is None:
            return False
        return await info.context.loaders.of(live_asks.answered, actor.member_id).load(self.row.id)


@strawberry.type(description="Something on the shelf of a live lesson (直播商品).")
class LiveProduct(Node):
    lesson_id: strawberry.Private[UUID]
    row_id: strawberry.Private[UUID]
    image_media_id: strawberry.Private[UUID | None]
    title: str = strawberry.field(description="What it is called.")
    price_text: str = strawberry.field(description='The price as the host wrote it, as "¥19.9/斤"; may be empty.')
    url: str | None = strawberry.field(description="Where it is bought, https; null where it is not bought online.")

    @classmethod
    def of(cls, row: ProductRow) -> Self:
        return cls(
            id=encode("LiveProduct", row.id),
            lesson_id=row.lesson_id,
            row_id=row.id,
            image_media_id=row.image_media_id,
            title=row.title,
            price_text=row.price_text,
            url=row.url,
        )

    @strawberry.field(description="Its picture, signed; null without one.")
    def image_url(self, info: Info) -> str | None:
        return media_url(info.context.ports, self.image_media_id).url if self.image_media_id is not None else None

    @strawberry.field(description="It is what the room is shown now (讲解中).")
    async def pinned(self, info: Info) -> bool:
        room = await info.context.loaders.of(live_room.rooms_of).load(self.lesson_id)
        return room.pinned_id == self.row_id


# What a room tells


@strawberry.type(description="The lesson came into another state.")
class LiveStatusChanged:
    status: LiveStatus = strawberry.field(description="How far it is now.")


@strawberry.type(description="Somebody said something.")
class LiveMessagePosted:
    id: strawberry.ID = strawberry.field(description="Of the message.")
    kind: LiveMessageKind = strawberry.field(description="Chat or a question.")
    text: str = strawberry.field(description="On one line, at most 200 characters.")
    author: LiveSpeaker = strawberry.field(description="Who said it.")


@strawberry.type(description="A message is gone; also what is told in its place to who comes by its number later.")
class LiveMessageRemoved:
    id: strawberry.ID = strawberry.field(description="Of the message.")


@strawberry.type(description="What can be chosen in a poll that has just been opened.")
class LivePollChoice:
    id: strawberry.ID = strawberry.field(description="For `voteInLivePoll`.")
    text: str = strawberry.field(description="As the host wrote it.")


@strawberry.type(description="A poll as it was opened; what came of it is told when it closes.")
class OpenedLivePoll:
    id: strawberry.ID = strawberry.field(description="Of the poll.")
    question: str = strawberry.field(description="What is asked.")
    multiple: bool = strawberry.field(description="Several options may be chosen.")
    options: list[LivePollChoice] = strawberry.field(description="What can be chosen, in order.")
    closes_at: datetime = strawberry.field(description="When it closes by itself.")


@strawberry.type(description="A poll with its result.")
class ClosedLivePoll:
    id: strawberry.ID = strawberry.field(description="Of the poll.")
    question: str = strawberry.field(description="What was asked.")
    multiple: bool = strawberry.field(description="Several options could be chosen.")
    options: list[LivePollOption] = strawberry.field(description="What could be chosen, in order, with the votes.")
    closes_at: datetime = strawberry.field(description="Until when votes were taken.")


@strawberry.type(description="A poll was opened.")
class LivePollOpened:
    poll: OpenedLivePoll = strawberry.field(description="What is asked.")


@strawberry.type(description="A poll is over.")
class LivePollClosed:
    poll: ClosedLivePoll = strawberry.field(description="What came of it.")


@strawberry.type(description="Everybody is asked to show that they are there.")
class LiveCheckInAsked:
    id: strawberry.ID = strawberry.field(description="For `answerLiveCheckIn`.")
    answer_by: datetime = strawberry.field(description="Until when answers are taken.")


@strawberry.type(description="The audience has grown or shrunk; told every 5 seconds at most.")
class LiveAudienceChanged:
    watching: int = strawberry.field(description="How many phones watch, as of the last minute.")


@strawberry.type(description="A product as it was shown to the room.")
class ShownLiveProduct:
    id: strawberry.ID = strawberry.field(description="Of the product.")
    title: str = strawberry.field(description="What it is called.")
    price_text: str = strawberry.field(description="The price as the host wrote it; may be empty.")
    url: str | None = strawberry.field(description="Where it is bought, https; null where it is not bought online.")
    image_media_id: strawberry.Private[UUID | None]

    @strawberry.field(description="Its picture, signed; null without one.")
    def image_url(self, info: Info) -> str | None:
        return media_url(info.context.ports, self.image_media_id).url if self.image_media_id is not None else None


@strawberry.type(description="Another product is shown to the room, or none any more.")
class LiveProductPinned:
    product: ShownLiveProduct | None = strawberry.field(description="Null: nothing is shown now.")


LiveRoomEvent = Annotated[
    LiveStatusChanged
    | LiveMessagePosted
    | LiveMessageRemoved
    | LivePollOpened
    | LivePollClosed
    | LiveCheckInAsked
    | LiveAudienceChanged
    | LiveProductPinned,
    strawberry.union("LiveRoomEvent", description="What can happen in a room."),
]


@strawberry.type(description="One thing that happened in a room, told to everybody in it alike.")
class LiveRoomUpdate:
    seq: int = strawberry.field(description="Its number, from 1 without a gap; 0: the state before anything happened.")
    at: datetime = strawberry.field(description="When it happened.")
    offset_seconds: int = strawberry.field(
        description="How long the lesson had been on air by then, interruptions left out."
    )
    event: LiveRoomEvent = strawberry.field(description="What happened.")

    @classmethod
    def of(cls, event: RoomEvent) -> Self:
        return cls(seq=event.seq, at=event.at, offset_seconds=event.offset_seconds, event=_told(event))


def _told(event: RoomEvent) -> LiveRoomEvent:
    details = event.details
    about = event.about_id
    if event.kind is Kind.STATUS_CHANGED:
        return LiveStatusChanged(status=LiveStatus(details["status"]))
    if event.kind is Kind.MESSAGE_POSTED and event.spoken is not None:
        spoken = event.spoken
        author = LiveSpeaker.of(spoken.author_id, spoken.author_name, spoken.avatar_media_id)
        return LiveMessagePosted(id=encode("LiveMessage", about), kind=spoken.kind, text=spoken.text, author=author)
    if event.kind in (Kind.MESSAGE_POSTED, Kind.MESSAGE_REMOVED):
        return LiveMessageRemoved(id=encode("LiveMessage", about))
    if event.kind in (Kind.POLL_OPENED, Kind.POLL_CLOSED):
        return _poll_told(event)
    if event.kind is Kind.CHECK_IN_ASKED:
        answer_by = datetime.fromisoformat(details["answer_by"])
        return LiveCheckInAsked(id=encode("LiveCheckIn", about), answer_by=answer_by)
    if event.kind is Kind.AUDIENCE_CHANGED:
        return LiveAudienceChanged(watching=details["watching"])
    if about is None:
        return LiveProductPinned(product=None)
    image = details["image_media_id"]
    return LiveProductPinned(
        product=ShownLiveProduct(
            id=encode("LiveProduct", about),
            title=details["title"],
            price_text=details["price_text"],
            url=details["url"],
            image_media_id=UUID(image) if image is not None else None,
        )
    )


def _poll_told(event: RoomEvent) -> LivePollOpened | LivePollClosed:
    details = event.details
    poll_id, closes_at = encode("LivePoll", event.about_id), datetime.fromisoformat(details["closes_at"])
    if event.kind is Kind.POLL_OPENED:
        choices = [LivePollChoice(id=_option(each["id"]), text=each["text"]) for each in details["options"]]
        return LivePollOpened(
            poll=OpenedLivePoll(
                id=poll_id, question=details["question"], multiple=details["multiple"], options=choices,
                closes_at=closes_at,
            )
        )  # fmt: skip
    options = [
        LivePollOption(id=_option(each["id"]), text=each["text"], votes=each["votes"]) for each in details["options"]
    ]
    return LivePollClosed(
        poll=ClosedLivePoll(
            id=poll_id, question=details["question"], multiple=details["multiple"], options=options,
            closes_at=closes_at,
        )
    )  # fmt: skip


def _option(option_id: UUID | str) -> strawberry.ID:
    return encode("LivePollOption", option_id)


# The room's share of a lesson


@strawberry.type
class LiveRoomPart(LiveLessonPart):
    @strawberry.field(description="What is sold during the lesson (商品), in the host's order; at most 50.")
    async def products(self, info: Info) -> list[LiveProduct]:
        found = await info.context.loaders.of(live_products.products_of).load(self.row.id)
        return [LiveProduct.of(each) for each in found]

    @strawberry.field(description="What was said, in the order of the replay (聊天回放); without what was removed.")
    async def messages(
        self,
        info: Info,
        first: First = DEFAULT_ROWS,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[LiveMessage] | None:
        lesson_id = self.row.id
        scope = f"live messages {lesson_id}"
        return connection(
            info,
            await list_messages(lesson_id, ask(info, scope, first, after, last, before)),
            scope=scope,
            of=LiveMessage.of,
            key=lambda row: [row.offset_seconds, row.seq],
            count=lambda: live_messages.count_messages(lesson_id),
        )

    @strawberry.field(description="Seconds between two messages of a member (慢速模式); 0: no slow mode.")
    async def slow_mode_seconds(self, info: Info) -> int:
        return (await info.context.loaders.of(live_room.rooms_of).load(self.row.id)).slow_seconds


# What is done in a room


@strawberry.input(description="Something to say in a room.")
class PostLiveMessageInput:
    live_lesson_id: strawberry.ID = strawberry.field(
        description="A lesson that the viewer has joined or has a seat in."
    )
    kind: LiveMessageKind = strawberry.field(description="Chat or a question.")
    text: str = strawberry.field(description="1-200 characters; line breaks become spaces.")
    client_id: UUID = strawberry.field(description="The phone's own name for it: the same again is the same message.")

    def plain(self) -> Post:
        return Post(decode(self.live_lesson_id, "LiveLesson", "liveLessonId"), self.kind, self.text, self.client_id)


@strawberry.type(description="What became of PostLiveMessageInput.")
class PostLiveMessagePayload(Payload):
    message: LiveMessage | None = strawberry.field(default=None, description="As everybody in the room is told it.")


@strawberry.input(description="A question to up-vote.")
class UpvoteLiveQuestionInput:
    message_id: strawberry.ID = strawberry.field(description="Of a question; again takes the up-vote back.")


@strawberry.type(description="What became of UpvoteLiveQuestionInput.")
class UpvoteLiveQuestionPayload(Payload):
    message: LiveMessage | None = strawberry.field(default=None, description="The question with its up-votes.")


@strawberry.input(description="A vote in a poll.")
class VoteInLivePollInput:
    poll_id: strawberry.ID = strawberry.field(description="A poll that is open.")
    option_ids: list[strawberry.ID] = strawberry.field(
        description="One option; several where the poll says `multiple`."
    )

    def chosen(self) -> list[UUID]:
        return decode_each(self.option_ids, "LivePollOption", "optionIds")


@strawberry.type(description="What became of VoteInLivePollInput.")
class VoteInLivePollPayload(Payload):
    poll: LivePoll | None = strawberry.field(default=None, description="As it stands with the viewer's vote.")


@strawberry.input(description="An answer to a check-in: I am here.")
class AnswerLiveCheckInInput:
    check_in_id: strawberry.ID = strawberry.field(description="Of a check-in that can still be answered.")


@strawberry.type(description="What became of AnswerLiveCheckInInput.")
class AnswerLiveCheckInPayload(Payload):
    accepted: bool | None = strawberry.field(default=None, description="It counts; also when it was answered before.")


@strawberry.input(description="A question to ask the room.")
class OpenLivePollInput:
    live_lesson_id: strawberry.ID = strawberry.field(description="A lesson whose room the viewer runs.")
    question: str = strawberry.field(description="1-200 characters.")
    options: list[str] = strawberry.field(description="2-10 different ones of 1-80 characters.")
    seconds: int = strawberry.field(description="How long votes are taken, 5-3,600.")
    multiple: bool | None = strawberry.field(default=False, description="Whether several options may be chosen.")

    def plain(self) -> PollPlan:
        lesson_id = decode(self.live_lesson_id, "LiveLesson", "liveLessonId")
        return PollPlan(lesson_id, self.question, tuple(self.options), self.seconds, bool(self.multiple))


@strawberry.type(description="What became of OpenLivePollInput.")
class OpenLivePollPayload(Payload):
    poll: LivePoll | None = strawberry.field(default=None, description="Open from now on.")


@strawberry.input(description="How often a member may say something.")
class SetLiveSlowModeInput:
    live_lesson_id: strawberry.ID = strawberry.field(description="A lesson whose room the viewer runs.")
    seconds: int = strawberry.field(description="Between two messages of a member, at most 600; 0 lifts it.")


@strawberry.type(description="What became of SetLiveSlowModeInput.")
class SetLiveSlowModePayload(Payload):
    seconds: int | None = strawberry.field(default=None, description="As it is now.")


@strawberry.input(description="A product for the shelf.")
class LiveProductInput:
    title: str = strawberry.field(description="1-80 characters; the same title stays the same product.")
    price_text: str | None = strawberry.field(default=None, description='At most 40 characters, as "¥19.9/斤".')
    image_media_id: strawberry.ID | None = strawberry.field(default=None, description="A picture.")
    url: str | None = strawberry.field(default=None, description="Where it is bought: https, at most 500 characters.")


@strawberry.input(description="The whole shelf of a lesson.")
class SetLiveProductsInput:
    live_lesson_id: strawberry.ID = strawberry.field(description="A lesson whose room the viewer runs.")
    products: list[LiveProductInput] = strawberry.field(description="At most 50, in order, no title twice.")

    def plain(self) -> list[ProductPlan]:
        return [
            ProductPlan(
                each.title,
                each.price_text or "",
                decode(each.image_media_id, "Media", "products", str(place), "imageMediaId")
                if each.image_media_id is not None
                else None,
                each.url,
            )
            for place, each in enumerate(self.products)
        ]


@strawberry.type(description="What became of SetLiveProductsInput.")
class SetLiveProductsPayload(Payload):
    live_lesson: Annotated["LiveLesson", strawberry.lazy("schema.live")] | None = strawberry.field(
        default=None, description="The lesson with its new shelf."
    )


@strawberry.input(description="The product to show everybody.")
class PinLiveProductInput:
    live_lesson_id: strawberry.ID = strawberry.field(description="A lesson whose room the viewer runs.")
    product_id: strawberry.ID | None = strawberry.field(default=None, description="On its shelf; null: show none.")

    def product(self) -> UUID | None:
        return decode(self.product_id, "LiveProduct", "productId") if self.product_id is not None else None


@strawberry.type(description="What became of PinLiveProductInput.")
class PinLiveProductPayload(Payload):
    product: LiveProduct | None = strawberry.field(default=None, description="What is shown now; null: nothing.")


@strawberry.input(description="A check-in to ask for.")
class AskLiveCheckInInput:
    live_lesson_id: strawberry.ID = strawberry.field(description="A lesson on air whose room the viewer runs.")
    seconds: int = strawberry.field(description="How long answers are taken, 10-600.")


@strawberry.type(description="What became of AskLiveCheckInInput.")
class AskLiveCheckInPayload(Payload):
    check_in: LiveCheckIn | None = strawberry.field(default=None, description="Open from now on.")


@strawberry.input(description="A message to take out of its room.")
class RemoveLiveMessageInput:
    message_id: strawberry.ID = strawberry.field(description="In a room that the viewer runs.")


@strawberry.type(description="What became of RemoveLiveMessageInput.")
class RemoveLiveMessagePayload(Payload):
    message_id: strawberry.ID | None = strawberry.field(default=None, description="What is gone.")


@strawberry.input(description="Who is to be silent in a room.")
class MuteInLiveLessonInput:
    live_lesson_id: strawberry.ID = strawberry.field(description="A lesson whose room the viewer runs.")
    member_id: strawberry.ID = strawberry.field(description="Somebody in its room.")
    seconds: int = strawberry.field(description="From now on, at most 86,400; 0 lifts it.")


@strawberry.type(description="What became of MuteInLiveLessonInput.")
class MuteInLiveLessonPayload(Payload):
    muted: bool | None = strawberry.field(default=None, description="The member is muted now (已禁言).")
