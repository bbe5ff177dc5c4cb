"""What was done with an interval: small enough for XCom."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from include.s3logs.errors import PermanentError, S3LogsError
from include.s3logs.logs.rolled_up.manifest import Manifest

_EXAMPLES = 20


@dataclass
class RollUpResult:
    """Counts of log objects and measures of the roll-up.

    Log objects: `found` in the sources (`found_bytes` in all), `added` to the roll-up now, `held` by it. What
    became of those found and held: `deleted`, `tagged`, `kept`. `unreadable` could not be read; of these
    `deleted_forbidden`. `refused` could not be deleted or tagged; of these, for
    `refused_for_good`, trying again cannot help. `examples` say why, by address, for some.

    The roll-up, at `rollup`: `lines` and `bytes` unpacked, `size` as stored, `verified` if read back now.
    """

    interval: dict[str, str]
    outcome: Literal["computed", "reused", "dry run"] = "reused"
    rollup: str | None = None
    found: int = 0
    found_bytes: int = 0
    added: int = 0
    held: int = 0
    lines: int = 0
    bytes: int = 0
    size: int = 0
    verified: bool = False
    deleted: int = 0
    tagged: int = 0
    kept: int = 0
    unreadable: int = 0
    deleted_forbidden: int = 0
    refused: int = 0
    refused_for_good: int = 0
    examples: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    def refuse(self, reasons: Mapping[str, S3LogsError]) -> None:
        """Note what could not be deleted or tagged."""
        self.refused += len(reasons)
        self.refused_for_good += sum(isinstance(reason, PermanentError) for reason in reasons.values())
        self._explain({where: str(reason) for where, reason in reasons.items()})

    def tell(self, truth: Manifest | None, verified: bool, unreadable: Mapping[str, str]) -> "RollUpResult":
        """Note what the roll-up is, and what could not be read."""
        if truth:
            self.rollup, self.held = truth.rollup.key, len(truth.objects)
            self.lines, self.bytes, self.size = truth.rollup.lines, truth.rollup.bytes, truth.rollup.size
        self.verified = verified
        self.unreadable = len(unreadable)
        self._explain(unreadable)
        return self

    def _explain(self, reasons: Mapping[str, str]) -> None:
        for where, reason in reasons.items():
            if len(self.examples) < _EXAMPLES:
                self.examples.setdefault(where, reason)  # why it stays tells more than why it was not read
