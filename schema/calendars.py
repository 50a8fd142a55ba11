"""The calendar feed, as clients ask for it."""

import strawberry

from schema.errors import Payload


@strawberry.input(description="The address of one's calendar; renewed if somebody else knows it.")
class CalendarFeedInput:
    renew: bool | None = strawberry.field(
        default=False, description="True: a new address, and the old one ends at once."
    )


@strawberry.type(description="What became of CalendarFeedInput.")
class CalendarFeedPayload(Payload):
    url: str | None = strawberry.field(
        default=None, description="An .ics address for calendar apps; whoever knows it reads the calendar."
    )
