"""Which log days have unfinished work."""

from datetime import date

from include.s3logs.stores.store import Store


def open_day(lake: Store, day: date) -> None:
    """Note that a log day has work to do; the last stage takes the note away."""
    lake.write(f"open/{day}", b"")


def close_day(lake: Store, day: date) -> None:
    """Note that all stages of a log day are done."""
    lake.delete([f"open/{day}"])


def open_days(lake: Store) -> set[str]:
    """Return the log days (YYYY-MM-DD) with unfinished work."""
    return {day for info in lake.list("open/") if is_day(day := info.key.removeprefix("open/"))}


def is_day(text: str) -> bool:
    """Tell whether a name in the lake is a log day; others may have put files of their own there."""
    try:
        return str(date.fromisoformat(text)) == text
    except ValueError:
        return False
