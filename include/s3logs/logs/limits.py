"""How much of the log objects is held at once."""

from dataclasses import dataclass

from include.s3logs.stores.store import PIECE


@dataclass(frozen=True, slots=True)
class Limits:
    """What is held of log objects at once, mostly in bytes; only `line` decides what is found in them."""

    piece: int = PIECE
    """An object of no more than a store gives at once is read with others, and before its turn."""
    ahead: int = 64 << 20
    """Objects that are read before their turn; one of them in any case."""
    unpacked: int = 1 << 20
    """The most that comes out of packed content at once, however well it was packed."""
    small: int = 1 << 18
    """Objects of less, packed and unpacked, are judged together with those that follow."""
    together: int = (1 << 20) - (1 << 18)
    """So much of them, before the last one: what the parser scans in one go."""
    wait: float = 0.001
    """Seconds after which a small file counts as waited for: a folder of many such is read ahead."""
    line: int = 16 << 20
    """No line of a log comes near (S3 takes 8 KB of headers): what has a longer one is no access log."""

    def is_small(self, size: int) -> bool:
        """Tell whether an object of so many bytes, as it is stored, is small and comes in one piece."""
        return size < self.small and size <= self.piece


LIMITS = Limits()
