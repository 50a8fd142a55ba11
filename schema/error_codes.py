"""What each code means, where a client meets it and what it should do then.

The descriptions in the schema and the table in `docs/api.md` are made of this.
"""

from dataclasses import dataclass

from kit.errors import TOP_LEVEL, ErrorCode


@dataclass(frozen=True, slots=True)
class Guide:
    """Two sentences for the developer of a client."""

    means: str
    do: str


GUIDE: dict[ErrorCode, Guide] = {
    ErrorCode.UNAUTHENTICATED: Guide(
        "No token where one is needed, or an expired, revoked or malformed one.",
        "Refresh the session once and send the request again; if that is refused too, sign in.",
    ),
    ErrorCode.FORBIDDEN: Guide(
        "Signed in, but the role does not allow this.",
        "Say so and offer nothing to repeat; hide what the viewer's roles do not open.",
    ),
    ErrorCode.THROTTLED: Guide(
        "Too much in too short a time.",
        "Wait `retryAfterSeconds`, then send the same again.",
    ),
    ErrorCode.QUERY_TOO_COMPLEX: Guide(
        "The request is over a limit of size, depth, number or cost.",
        "A fault of the client: ask for less at once. Repeating does not help.",
    ),
    ErrorCode.PERSISTED_QUERY_NOT_FOUND: Guide(
        "The document behind this hash is not known to the server.",
        "Send the whole document; where only known ones are taken, the app is out of date.",
    ),
    ErrorCode.UNAVAILABLE: Guide(
        "Something the server stands on is away for a moment.",
        "Wait `retryAfterSeconds`, then send the same again, a few times and ever more slowly.",
    ),
    ErrorCode.INTERNAL: Guide(
        "A fault of the server's.",
        "Show the sentence and the `requestId`; repeat a query once, a mutation only if it can be repeated.",
    ),
    ErrorCode.NOT_FOUND: Guide(
        "There is no such thing, or the viewer may not see it.",
        "Take it off the screen and read the list again.",
    ),
    ErrorCode.BAD_USER_INPUT: Guide(
        "A value is not acceptable; `field` says which.",
        "Mark the field and let the person correct it; without a field the request itself is malformed.",
    ),
    ErrorCode.CONFLICT: Guide(
        "It was changed by someone else meanwhile, or is already taken.",
        "Read it again, show what is there now, and let the person decide.",
    ),
    ErrorCode.CODE_WRONG: Guide(
        "The code of a text message or of a class is not the right one, or was used.",
        "Let the person type or scan it again, or ask for a new one.",
    ),
    ErrorCode.CODE_EXPIRED: Guide(
        "The code of a text message or of a class is too old, or was tried too often.",
        "Ask for a new code, or scan the one that is shown now.",
    ),
    ErrorCode.CREDENTIALS_WRONG: Guide(
        "Phone number and password do not belong together.",
        "Let the person type them again; which of the two is wrong is never told.",
    ),
    ErrorCode.CAPTCHA_REQUIRED: Guide(
        "Too much came from this device or network for the server to believe in a person without a proof.",
        "Show the captcha, then send the same again with what it gave as `captchaToken`.",
    ),
    ErrorCode.SESSION_EXPIRED: Guide(
        "The refresh token is unknown, too old, or its session has ended.",
        "Forget both tokens and sign in; keep what was learned offline.",
    ),
    ErrorCode.SESSION_REUSED: Guide(
        "A refresh token was used a second time, so the session was ended wherever it had been copied to.",
        "Forget both tokens and sign in; keep what was learned offline.",
    ),
    ErrorCode.LESSON_LOCKED: Guide(
        "The lesson before it is not complete yet.",
        "Keep the event and send it again, same id, behind the ones that were missing.",
    ),
    ErrorCode.LESSON_UNAVAILABLE: Guide(
        "There is no such lesson, or it is no longer offered.",
        "Drop the event.",
    ),
    ErrorCode.SPAN_IMPOSSIBLE: Guide(
        "A span runs backwards or lies outside the lesson, or media was reported as read.",
        "Drop the event; a fault of the client.",
    ),
    ErrorCode.TIME_IN_FUTURE: Guide(
        "The event lies in the future, although the phone's clock was corrected by `sentAt`.",
        "Correct the clock and send it again.",
    ),
    ErrorCode.TOO_LATE: Guide(
        "The event is more than 7 days old, or from before the member joined.",
        "Drop the event and tell the learner.",
    ),
    ErrorCode.TOO_FAST: Guide(
        "More was reported than can have been watched by now; the rest is credited later, by itself.",
        "Forget the event: it was accepted.",
    ),
    ErrorCode.EVENT_ID_REUSED: Guide(
        "The id of an event came before with another content.",
        "Drop the event; a fault of the client: make an id once for each event.",
    ),
    ErrorCode.BATCH_TOO_LARGE: Guide(
        "More events at once than are taken.",
        "Send them in batches of 100.",
    ),
    ErrorCode.IDEMPOTENCY_KEY_REUSED: Guide(
        "The idempotency key came before with another input.",
        "A fault of the client: make a new key for a new intention, keep it for repetitions.",
    ),
    ErrorCode.BALANCE_TOO_LOW: Guide(
        "There are not enough points to spend.",
        "Show the balance and what is missing.",
    ),
    ErrorCode.OUT_OF_STOCK: Guide(
        "Nothing of it is left.",
        "Read the list again.",
    ),
    ErrorCode.LIMIT_REACHED: Guide(
        "The most that one member, outlet or period may have is reached.",
        "Say so; offer it again when the limit begins anew.",
    ),
    ErrorCode.NOT_OPEN: Guide(
        "It has not begun yet.",
        "Show when it opens.",
    ),
    ErrorCode.CLOSED: Guide(
        "It is over.",
        "Read it again and show the result.",
    ),
    ErrorCode.FULL: Guide(
        "All places are taken.",
        "Offer the waitlist where there is one.",
    ),
    ErrorCode.HOST_BUSY: Guide(
        "The host has another lesson at that time.",
        "Choose another time or another host.",
    ),
    ErrorCode.STATE_FORBIDS: Guide(
        "The thing is in a state in which this cannot be done.",
        "Read it again and offer what is possible now.",
    ),
    ErrorCode.ALREADY_DONE: Guide(
        "It was done before; nothing changed.",
        "Treat it as done and read it again.",
    ),
    ErrorCode.UPLOAD_INVALID: Guide(
        "The file is not of a kind or size that is taken.",
        "Let the person choose another file.",
    ),
    ErrorCode.ADULTS_ONLY: Guide(
        "The lesson is for adults, and the viewer is not known to be one.",
        "Show the sentence; keep the event and send it again once `viewer.adultConfirmedAt` is set.",
    ),
    ErrorCode.MUTED: Guide(
        "Who runs the room of the live lesson has muted the viewer for a while.",
        "Show the sentence; keep the text, and let the person watch on.",
    ),
    ErrorCode.WORD_REFUSED: Guide(
        "The message holds a word that is not said in live rooms.",
        "Show the sentence and let the person change the text.",
    ),
    ErrorCode.TOO_FAR: Guide(
        "The phone says it is not where the class is.",
        "Let the person try again there, or turn to the trainer; a position is never required.",
    ),
}

PROGRESS = frozenset(
    {
        ErrorCode.ADULTS_ONLY,
        ErrorCode.LESSON_LOCKED,
        ErrorCode.LESSON_UNAVAILABLE,
        ErrorCode.SPAN_IMPOSSIBLE,
        ErrorCode.TIME_IN_FUTURE,
        ErrorCode.TOO_LATE,
        ErrorCode.TOO_FAST,
        ErrorCode.EVENT_ID_REUSED,
    }
)
"""Of one event in the results of a batch; of a mutation as a whole only where `OF_A_REPLAY` says so."""

OF_A_REPLAY = frozenset({ErrorCode.SPAN_IMPOSSIBLE, ErrorCode.TIME_IN_FUTURE, ErrorCode.TOO_LATE})
"""A report of what was watched of a replay is one event, so what is wrong with it is wrong with the mutation."""


def place_of(code: ErrorCode) -> str:
    """Where a client meets the code."""
    if code in TOP_LEVEL:
        return "`errors`"
    if code in OF_A_REPLAY:
        return "`results`, of a replay `userErrors`"
    return "`results`" if code in PROGRESS else "`userErrors`, else `errors`"


BEGIN, END = "<!-- error codes: python main.py export-errors docs/api.md -->", "<!-- end of error codes -->"


def table() -> str:
    """All codes as a table in Markdown."""
    lines = [f"| {code.value} | {place_of(code)} | {guide.means} | {guide.do} |" for code, guide in GUIDE.items()]
    return "\n".join(["| code | where | means | do |", "|---|---|---|---|", *lines])


def with_table(page: str) -> str:
    """The page with the table of now between its two marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"
