"""What may be shown: small counts masked, others rounded. Applied at publication only, to exact sums."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Masking:
    """Counts under `below` show as `<below>`, others are rounded to the nearest multiple of `round_to`."""

    below: int
    round_to: int

    def show(self, count: int) -> int | str:
        """Return the count as it may be published; halves round to the even multiple (50 → 40 by 20)."""
        if count < self.below:
            return f"<{self.below}"
        if self.round_to == 1:
            return count
        return round(count / self.round_to) * self.round_to
