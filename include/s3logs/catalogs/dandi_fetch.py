"""Fetching what changed of a DANDI-style archive since the last time, with several requests at once."""

import logging
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from include.s3logs.catalogs.claims import CLAIMS
from include.s3logs.catalogs.dandi_api import DRAFT, DandiApi, Dataset, Version
from include.s3logs.catalogs.datasets import DatasetFilter
from include.s3logs.catalogs.rest import PARALLEL_REQUESTS
from include.s3logs.catalogs.table import in_order
from include.s3logs.errors import AccessDeniedError, CatalogUnavailableError, NotFoundError, S3LogsError

log = logging.getLogger(__name__)

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class Fetch:
    """What the API has now; what did not change is not asked for again.

    `datasets` are the states of the datasets, and `versions` those of each `dataset/version`, as the API gave
    them before the assets were read: what changes meanwhile is seen by the next fetch. `read` counts the
    versions that were read. Of what is listed but may not be read, `kept` names the versions that keep the
    rows of the last fetch, with the reason, and `refused` counts the datasets and versions that it did not
    know, and those that the list says are embargoed.
    """

    def __init__(self, api: DandiApi, datasets: Mapping[str, str], versions: Mapping[str, str]) -> None:
        """Take the states of the last fetch."""
        self._api = api
        self._known_datasets, self._known_versions = datasets, versions
        self._asset_counts: dict[str, int | None] = {}
        self.datasets: dict[str, str] = {}
        self.versions: dict[str, str] = {}
        self.kept: dict[str, str] = {}
        self.read = self.refused = 0

    def rows(self, wanted: DatasetFilter, earlier: pa.Table) -> pa.Table:
        """Return the rows of all versions of the wanted datasets, in order.

        Those of versions that did not change, or may not be read now, are taken from `earlier`, the rows of
        the last fetch; when nothing changed at all, that very table is returned.
        """
        self._list_datasets(wanted)
        found = self._read_changed()
        if not found and self.versions.keys() == self._known_versions.keys():
            return earlier
        self.read = len(found)
        staying = pa.array(sorted(self.versions.keys() - found.keys()), pa.string())
        names = pc.binary_join_element_wise(earlier["dataset"], earlier["version"], "/")
        kept = earlier.filter(pc.is_in(names, value_set=staying))
        return in_order(pa.concat_tables([CLAIMS.empty_table(), kept, *found.values()]))

    def _list_datasets(self, wanted: DatasetFilter) -> None:
        """Note the states of the wanted datasets and their versions."""
        is_open = self._open_datasets()
        wanted.check(is_open)
        changed = []
        for name in wanted.chosen(is_open):
            state = self.datasets[name] = is_open[name].state
            if state and state == self._known_datasets.get(name):
                self.versions |= self._known_of(name)
            else:
                changed.append(name)
        for name, answer in zip(changed, _in_parallel(self._list_versions, changed), strict=True):
            if isinstance(answer, S3LogsError):
                self._without_dataset(name, answer)
            else:
                self.versions |= {f"{name}/{version.name}": version.state for version in answer}
                self._asset_counts |= {f"{name}/{version.name}": version.assets for version in answer}

    def _open_datasets(self) -> dict[str, Dataset]:
        listed = {dataset.identifier: dataset for dataset in self._api.datasets()}
        known = len(self._known_datasets)
        if known and not listed:  # rather a fault than an archive that lost all it had
            raise CatalogUnavailableError(
                f"{self._api.address}/dandisets/ lists no dataset at all; {known} are known."
            )
        is_open = {name: dataset for name, dataset in listed.items() if dataset.is_open}
        self.refused += len(listed) - len(is_open)
        return is_open

    def _read_changed(self) -> dict[str, pa.Table]:
        """Return the rows of the versions that are new or changed, as far as they may be read."""
        known = {key for key, state in self.versions.items() if self._is_known(key, state)}
        changed = [key for key in self.versions if key not in known and key not in self.kept]
        found = {}
        for key, answer in zip(changed, _in_parallel(self._read_version, changed), strict=True):
            if isinstance(answer, S3LogsError):
                self._without_version(key, answer)
            else:
                found[key] = answer
        return found

    def _is_known(self, key: str, state: str) -> bool:
        """Tell whether a version's rows can stay: published versions never change."""
        known = self._known_versions.get(key)
        if key.endswith(f"/{DRAFT}"):
            return state != "" and state == known
        return known is not None

    def _known_of(self, dataset: str) -> dict[str, str]:
        """Return the versions of a dataset, with their states, as the last fetch found them."""
        return {key: state for key, state in self._known_versions.items() if key.startswith(f"{dataset}/")}

    def _list_versions(self, dataset: str) -> list[Version] | S3LogsError:
        try:
            return self._api.versions(dataset)
        except (AccessDeniedError, NotFoundError) as error:
            return error

    def _read_version(self, key: str) -> pa.Table | S3LogsError:
        dataset, _, version = key.partition("/")
        try:
            rows = self._api.claims(dataset, version)
        except (AccessDeniedError, NotFoundError) as error:
            return error
        # A draft may really be emptied: no assets are believed, unless the API itself counts some.
        if not rows.num_rows and (count := self._asset_counts.get(key)):
            return CatalogUnavailableError(f"{self._api.address} counts {count} assets and lists none.")
        return rows

    def _without_dataset(self, name: str, error: S3LogsError) -> None:
        """Go on without the versions of a dataset: with those that the last fetch found, if it knew it."""
        known = self._known_of(name)
        if known:
            self._keep(known, error)
            return
        log.warning("Dataset %s is passed over: %s", name, error)
        del self.datasets[name]
        self.refused += 1

    def _without_version(self, key: str, error: S3LogsError) -> None:
        """Go on without the assets of a version: with those that the last fetch found, if it knew it."""
        if key in self._known_versions:
            self._keep({key: self._known_versions[key]}, error)
            return
        log.warning("Version %s is passed over: %s", key, error)
        del self.versions[key]
        self._ask_again(key)
        self.refused += 1

    def _keep(self, known: Mapping[str, str], error: S3LogsError) -> None:
        """Keep what the last fetch found of these versions, with the states that belong to it."""
        log.warning("What was known of %s is kept: %s", ", ".join(known), error)
        self.versions |= known
        self.kept |= dict.fromkeys(known, str(error))
        for key in known:
            self._ask_again(key)

    def _ask_again(self, key: str) -> None:
        """Forget the state of a version's dataset, so that the next fetch asks for it again."""
        self.datasets[key.partition("/")[0]] = ""


def _in_parallel(work: Callable[[_Item], _Result], items: Iterable[_Item]) -> list[_Result]:
    """Return what `work` gives for each item; after an error nothing more is begun."""
    pool = ThreadPoolExecutor(PARALLEL_REQUESTS)
    try:
        return list(pool.map(work, items))
    finally:
        pool.shutdown(cancel_futures=True)
