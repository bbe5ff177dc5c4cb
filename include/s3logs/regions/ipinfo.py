"""What ipinfo says of addresses: what the cache kept of it, then its database file, then the service."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import NamedTuple

from include.s3logs.regions.cache import RegionCache
from include.s3logs.regions.labels import UNDETERMINED, UNKNOWN
from include.s3logs.regions.salt import hash_address
from include.s3logs.regions.service import AddressFile, IpService, ask, places_in

log = logging.getLogger(__name__)

_LOGGED_CHANGES = 50


class Entry(NamedTuple):
    """What the cache holds of an address: its keyed hash, the label (None: nothing), whether that is due."""

    digest: bytes
    label: str | None
    due: bool


@dataclass(frozen=True, slots=True)
class Answers:
    """What file and service said: the label by address, how many were asked, how many labels changed."""

    labels: Mapping[bytes, str]
    asked: int
    changed: int


class Ipinfo:
    """Cache, file and service as one source; file and service may be missing.

    The cache keeps what the service said. An entry that is due is replaced by what the file says, or the
    service; beyond that the file's answers are not kept, as it is always at hand. What the service said is
    kept every `save_every` batches: so much a killed task may have asked in vain.
    """

    def __init__(
        self,
        salt: bytes,
        cache: RegionCache,
        *,
        today: date,
        service: IpService | None = None,
        file: AddressFile | None = None,
        save_every: int = 10,
    ) -> None:
        self._salt, self._cache, self._service, self._file = salt, cache, service, file
        self.today, self._save_every = today, save_every

    def places(self, packed: Sequence[bytes]) -> list[str | None]:
        """Return the label of each address (4 or 16 bytes), None where ipinfo does not know it.

        With a service, what it could not be asked about is `undetermined`.
        """
        if self._service is None and not self._cache.entries.num_rows:
            return self._by_file(packed)
        hashes = [hash_address(self._salt, key) for key in packed]
        labels, due = self._cache.find(hashes, self.today)
        entries = (Entry(*entry) for entry in zip(hashes, labels, due.tolist(), strict=True))
        answers = self.ask(
            {
                key: entry
                for key, entry in zip(packed, entries, strict=True)
                if entry.due or entry.label in (None, UNKNOWN)
            }
        ).labels
        otherwise = None if self._service is None else UNDETERMINED
        found = (answers.get(key) or label or otherwise for key, label in zip(packed, labels, strict=True))
        return [None if label == UNKNOWN else label for label in found]

    def due(self) -> dict[bytes, str]:
        """Return the label of each entry of the cache that is due, by keyed hash."""
        return self._cache.due(self.today)

    def ask(self, entries: Mapping[bytes, Entry]) -> Answers:
        """Ask about addresses (4 or 16 bytes), keep the answers in the cache and log what changed.

        The service is asked about what is not known to the file: nothing yet, or nothing new since it is due.
        """
        due = {key for key, entry in entries.items() if entry.due}
        said = zip(entries, self._by_file(list(entries)), strict=True)
        answers = {key: label for key, label in said if label is not None}
        if self._service is None and self._file is not None:
            # Nobody else can be asked, so that the file does not know these is the answer.
            answers |= dict.fromkeys(due - answers.keys(), UNKNOWN)
        kept = self._keep(entries, {key: label for key, label in answers.items() if key in due})
        asked = len(answers)
        if self._service is not None:
            left = [key for key, entry in entries.items() if entry.due or entry.label is None]
            batches = ask(self._service, [key for key in left if key not in answers])
            while some := list(islice(batches, self._save_every)):
                new = {key: label for batch in some for key, label in batch.items() if label is not None}
                kept += self._keep(entries, new)
                answers |= new
                asked += sum(map(len, some))
        if kept:
            self._cache.reload()
        if asked:
            log.info("ipinfo was asked about %d addresses and answered for %d.", asked, len(answers))
        return Answers(answers, asked, _log_changes(entries, answers))

    def _by_file(self, packed: Sequence[bytes]) -> list[str | None]:
        return [None] * len(packed) if self._file is None else places_in(self._file, packed)

    def _keep(self, entries: Mapping[bytes, Entry], answers: Mapping[bytes, str]) -> int:
        self._cache.add([entries[key].digest for key in answers], list(answers.values()), self.today)
        return len(answers)


def _log_changes(entries: Mapping[bytes, Entry], answers: Mapping[bytes, str]) -> int:
    """Log which entries are elsewhere than they were, by labels and numbers, never an address; count them."""
    old_and_new = ((entries[key].label, label) for key, label in answers.items() if entries[key].due)
    changes = Counter((old, new) for old, new in old_and_new if old != new)
    for (old, new), count in changes.most_common(_LOGGED_CHANGES):
        log.info("Region changed: %s → %s (%d addresses)", old, new, count)
    return changes.total()
