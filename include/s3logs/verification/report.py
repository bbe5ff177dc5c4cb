"""A verification in lines for people."""

from collections.abc import Iterator

from include.s3logs.stores.store import Store
from include.s3logs.verification.findings import Verified
from include.s3logs.verification.remedies import Remedies

_MOST = 1000  # findings that are shown


def lines(lake: Store, verified: Verified, found: Remedies) -> Iterator[str]:
    """Yield what is wrong, with the log day and what mends it, and what all was looked at."""
    for finding in verified.findings[:_MOST]:
        day = f"  log day {finding.log_day}" if finding.log_day else ""
        detail = f" ({finding.detail})" if finding.detail else ""
        yield f"!! {finding.problem.upper()}{day}  {lake.uri(finding.key)}{detail}"
        if finding in found.hopeless:
            yield f"   → cannot be mended: {found.hopeless[finding]}"
        else:
            yield f"   → mended by {found.mended[finding]}"
    if len(verified.findings) > _MOST:
        yield f"   … and {len(verified.findings) - _MOST:,} more"
    if verified.orphans:
        yield (
            f"{verified.orphans:,} files ({verified.orphan_size:,} bytes) are named by nobody and older than "
            "a day: replaced, or of attempts that died. They go when something is written beside them."
        )
    yield summary(verified, found)


def summary(verified: Verified, found: Remedies) -> str:
    """Return the last line."""
    looked_at = (
        f"{verified.files:,} files of {verified.log_days:,} log days, {verified.size:,} bytes, in "
        f"{verified.seconds:.1f} s"
    )
    if not verified.files and verified.is_sound:
        return f"There is nothing in {verified.where}."
    if verified.is_sound:
        return f"All of {verified.where} is what was written: {looked_at}."
    return (
        f"{len(verified.findings):,} findings in {looked_at}: {len(found.mended):,} can be mended, "
        f"{len(found.hopeless):,} cannot."
    )
