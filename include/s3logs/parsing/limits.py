"""How much is parsed at once."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What parsing works on at once and keeps in memory; what it finds does not depend on it."""

    lines: int = 1 << 13
    """Lines that are scanned in one go: of ordinary ones as many as fit in the processor's cache."""
    rows: int = 1 << 15
    """Rows after which columns are given away."""
    first_slots: int = 1 << 20
    """Slots of the table of lines seen, at first: untouched memory costs nothing. A power of two."""
    most_slots: int = 1 << 23
    """Slots to which it grows: 80 MiB, for 7.5 million lines."""
    late: int = 1 << 17
    """Hashes of later lines that wait in memory."""


LIMITS = Limits()
