"""The viewer's calendar feed."""

import strawberry

from resolvers.guard import viewer
from resolvers.mutation import mutation
from schema.calendars import CalendarFeedInput, CalendarFeedPayload
from schema.context import Info
from services.calendars import calendar_feed


@strawberry.type
class CalendarMutations:
    @mutation(description="A private calendar address (日历订阅) of what the viewer has a seat in.")
    async def calendar_feed(self, info: Info, input: CalendarFeedInput) -> CalendarFeedPayload:
        url = await calendar_feed(info.context.ports, viewer(info), renew=bool(input.renew))
        return CalendarFeedPayload(url=url)
