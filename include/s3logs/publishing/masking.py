"""What may be shown: small counts masked, others rounded. Applied at publication only, to exact sums."""

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from include.s3logs.tables.totals import MILLION

_DECIMALS = 3  # of normalized downloads that are not rounded


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

    def numbers(self, name: str, sums: pa.ChunkedArray) -> pa.ChunkedArray:
        """Return a column of exact sums as it may be published; what is masked is null.

        `name` is one of `tables.TOTALS`: bytes are not masked, normalized downloads come in millionths.
        """
        if name == "bytes_sent":
            return sums
        counts = (
            sums
            if name != "normalized_downloads"
            else pc.divide(pc.cast(sums, pa.float64(), safe=False), float(MILLION))
        )
        if self.round_to > 1:
            steps = pc.round(
                pc.divide(pc.cast(counts, pa.float64(), safe=False), self.round_to), round_mode="half_to_even"
            )
            shown = pc.cast(pc.multiply(steps, self.round_to), pa.int64())
        else:
            shown = pc.round(counts, _DECIMALS) if name == "normalized_downloads" else counts
        masked = pc.less(counts, self.below)
        return pc.if_else(masked, pa.scalar(None, shown.type), shown)

    def texts(self, shown: pa.ChunkedArray) -> pa.ChunkedArray:
        """Return what `numbers` gave as text, what is masked as `<below>`."""
        return pc.fill_null(pc.cast(shown, pa.string()), f"<{self.below}")
