"""Which log days have unfinished work: notes that runs leave before it, and take away after it.

    <lake>/open/<log day>     there while a log day is not finished; holds the token of the run at work on it

A run takes away its own note only: another run may have found more of the day meanwhile, and would be the
only one to know.
"""

from contextlib import suppress
from datetime import date

from include.s3logs.errors import ChangedObjectError, NotFoundError
from include.s3logs.stores.store import ABSENT, Store


def open_day(lake: Store, day: date, token: str) -> None:
    """Note that a run works on a log day; the note of another run stays."""
    with suppress(ChangedObjectError):
        lake.write(_key(day), token.encode(), over=ABSENT)


def claim_day(lake: Store, day: date, token: str, *, over: str | None = None) -> None:
    """Note that a run does what is left of a log day, whoever left it.

    Its first stage reads what was listed after the other run left its note, and so finds what that knew of
    the day. With `over`, from `notes` before that listing, a note that is another one since stays.
    """
    with suppress(ChangedObjectError):
        lake.write(_key(day), token.encode(), over=over)


def take_over(lake: Store, day: date, token: str) -> None:
    """Do as `claim_day` for a day that is open; one that is not stays so."""
    if is_open(lake, day):
        claim_day(lake, day, token)


def close_day(lake: Store, day: date, token: str) -> None:
    """Note that all work of a run on a log day is done."""
    with suppress(NotFoundError):
        if lake.read(_key(day)) == token.encode():
            lake.delete([_key(day)])


def open_days(lake: Store) -> set[str]:
    """Return the log days (YYYY-MM-DD) with unfinished work."""
    return set(notes(lake))


def notes(lake: Store) -> dict[str, str]:
    """Return the log days (YYYY-MM-DD) with unfinished work, and the version of the note on each."""
    found = ((info.key.removeprefix("open/"), info.etag) for info in lake.list("open/"))
    return {day: etag for day, etag in found if is_day(day)}


def is_open(lake: Store, day: date) -> bool:
    """Tell whether a log day has unfinished work."""
    return lake.find(_key(day)) is not None


def is_day(text: str) -> bool:
    """Tell whether a name in the lake is a log day; others may have put files of their own there."""
    try:
        return str(date.fromisoformat(text)) == text
    except ValueError:
        return False


def _key(day: date) -> str:
    return f"open/{day}"
