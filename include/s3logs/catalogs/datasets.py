"""Which of the catalog's datasets a deployment wants figures of."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from include.s3logs.errors import SettingsError
from include.s3logs.settings import Settings
from include.s3logs.settings.words import nearest

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DatasetFilter:
    """Only the datasets `restrict_to` (empty: all), without `exclude`; of these the first `limit` (0: all).

    Datasets that are filtered away are as if the catalog did not know them: their traffic is unassociated,
    unless another dataset holds the same object.
    """

    restrict_to: frozenset[str] = frozenset()
    exclude: frozenset[str] = frozenset()
    limit: int = 0

    @classmethod
    def of(cls, settings: Settings) -> "DatasetFilter":
        """Return the filter of the settings."""
        return cls(
            frozenset(settings.restrict_to_datasets),
            frozenset(settings.exclude_datasets),
            settings.dataset_limit,
        )

    @property
    def is_open(self) -> bool:
        """Tell whether every dataset passes."""
        return not (self.restrict_to or self.exclude or self.limit)

    def chosen(self, names: Iterable[str]) -> list[str]:
        """Return those of all the catalog's datasets that pass, in order of their names."""
        known = set(names)
        wanted = sorted((known & self.restrict_to if self.restrict_to else known) - self.exclude)
        return wanted[: self.limit] if self.limit else wanted

    def check(self, names: Iterable[str]) -> list[str]:
        """Raise SettingsError if datasets to restrict to are not among the catalog's.

        Returns those to exclude that are not, with the one that may be meant, and warns of them.
        """
        known = set(names)
        if absent := sorted(self.restrict_to - known):
            told = ", ".join(f"{name}{_meant(name, known)}" for name in absent)
            raise SettingsError(f"S3LOGS_RESTRICT_TO_DATASETS: the catalog has no dataset {told}.")
        unknown = [f"{name}{_meant(name, known)}" for name in sorted(self.exclude - known)]
        if unknown:
            log.warning("S3LOGS_EXCLUDE_DATASETS: the catalog has no dataset %s.", ", ".join(unknown))
        return unknown

    def as_text(self) -> str:
        """Return the filter as a text, the same for equal filters."""
        return repr((sorted(self.restrict_to), sorted(self.exclude), self.limit))


def _meant(name: str, known: Iterable[str]) -> str:
    """Suggest the nearest name; numbers are never near to each other."""
    meant = "" if name.isdigit() else nearest(name, known)
    return f" (did you mean {meant}?)" if meant else ""


ALL = DatasetFilter()
