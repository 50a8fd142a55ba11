"""What the command line says of a failure: a sentence that says what to do, and the code that clients know it by."""

from auth.passwords import LONGEST, SHORTEST
from kit.errors import DomainError, ErrorCode
from kit.words import Language, OutletTier, RegionKind
from schema.errors import message_of
from services.outlets import SEGMENTS
from services.tables import Rejected

WANTED = {
    "code": "letters, digits and hyphens, and not too many",
    "name": "a name of ordinary length",
    "region": "the code of a region",
    "tier": f"one of {', '.join(OutletTier)}, or 新店, 普通, 现代, 合作",
    "segment": f"a number from {SEGMENTS[0]} to {SEGMENTS[-1]}",
    "owner_name": "a name of ordinary length",
    "owner_phone": "a phone number: 11 digits, or + and the country's code first",
    "kind": f"one of {', '.join(RegionKind)}, or 省, 市, 县, 服务站",
    "parent": "the code of a region of a higher kind, or empty",
}
"""What a column of an import takes."""

SENTENCES = {
    (ErrorCode.BAD_USER_INPUT, "phone"): "This is no phone number: 11 digits, or + and the country's code first.",
    (ErrorCode.BAD_USER_INPUT, "password"): f"A password has {SHORTEST} to {LONGEST} characters.",
    (ErrorCode.NOT_FOUND, "regionCode"): "No region has this code; `regions import` makes regions.",
    (ErrorCode.BAD_USER_INPUT, "events"): "The people have no days for so many events: take fewer, or more outlets.",
    (ErrorCode.CONFLICT, "seed"): "Another academy is here already; --data-dir can name a place for this one.",
    (ErrorCode.UNAVAILABLE, ""): "The database does not answer, or not in time: is ACADEMY_DATABASE_URL right?",
    (ErrorCode.UPLOAD_INVALID, ""): "This is no table: save it as xlsx, or as CSV in UTF-8 or GBK, with a heading.",
}
"""What the general message would leave open, by code and first step of the field's path."""


def sentence(error: DomainError) -> str:
    field = error.field or ("",)
    if error.code is ErrorCode.UPLOAD_INVALID and field[0] == "line":
        said = f"The table breaks off at line {field[1]}: a quotation mark too many or too few?"
    elif error.code is ErrorCode.UPLOAD_INVALID and field[0]:
        said = f"The heading lacks the column {field[0]}: {WANTED.get(field[0], 'see --help')}."
    elif (found := SENTENCES.get((error.code, field[0]))) is not None:
        said = found
    else:
        where = f"{'.'.join(field)}: " if field[0] else ""
        said = f"{where}{message_of(error.code, Language.ENGLISH)}"
    return f"{said} ({error.code.value})"


def line_sentence(bad: Rejected) -> str:
    """Why a line of an import was left out."""
    why = {
        ErrorCode.BAD_USER_INPUT: f"is to be {WANTED.get(bad.column, 'something else')}",
        ErrorCode.NOT_FOUND: "is not known",
        ErrorCode.CONFLICT: "stands on a line above as well",
        ErrorCode.STATE_FORBIDS: "cannot change any more",
    }.get(bad.code, "cannot be taken")
    return f"line {bad.line}: {bad.column} {why} ({bad.code.value})"
