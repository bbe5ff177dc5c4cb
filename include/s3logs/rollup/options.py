"""What can be chosen for a roll-up."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, get_args

from include.s3logs.errors import SettingsError
from include.s3logs.logs.rolled_up.codecs import CODECS, Codec
from include.s3logs.logs.rolled_up.levels import LEVELS, Level
from include.s3logs.stores.folder import LocalStore
from include.s3logs.stores.store import Store

Originals = Literal["keep", "delete", "tag"]


@dataclass(frozen=True, slots=True)
class RollUpOptions:
    """How to roll up, and what becomes of the log objects after that; SettingsError when it makes no sense.

    `settling`        an interval is open until it is over for so long
    `include_open`    roll up open intervals, too
    `originals`       log objects that are in a verified roll-up stay, are deleted, or get the tag `tag`
    `delete_forbidden` delete log objects that the store does not let us read, too
    `overwrite`       make roll-ups anew from the log objects that still exist, instead of extending them
    `dry_run`         write and delete nothing at all
    """

    level: Level = "day"
    codec: Codec = "zstd"
    settling: timedelta = timedelta(days=10)
    include_open: bool = False
    originals: Originals = "keep"
    tag: tuple[str, str] = ("s3logs", "rolled-up")
    delete_forbidden: bool = False
    overwrite: bool = False
    dry_run: bool = False

    def __post_init__(self) -> None:
        """Check."""
        for name, allowed in (("level", LEVELS), ("codec", CODECS), ("originals", get_args(Originals))):
            if (value := getattr(self, name)) not in allowed:
                raise SettingsError(f"{name}={value!r} is none of {', '.join(allowed)}.")
        if self.settling < timedelta(0):
            raise SettingsError("settling must not be negative.")
        if self.delete_forbidden and self.originals != "delete":
            raise SettingsError("delete_forbidden needs originals=delete.")

    def check(self, sources: Mapping[str, Store]) -> None:
        """Raise SettingsError where the log objects of the sources cannot get what is chosen for them."""
        folders = [uri for uri, store in sources.items() if isinstance(store, LocalStore)]
        if self.originals == "tag" and folders:
            raise SettingsError(
                f"S3LOGS_ROLLUP_ORIGINALS (or `originals`) is tag, and files in a folder cannot be tagged: "
                f"{', '.join(folders)}. Choose keep or delete."
            )
