"""Fetching what changed of a DANDI-style archive since the last time, with several requests at once."""

import logging
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from include.s3logs.catalogs import CLAIMS
from include.s3logs.catalogs.dandi_api import DRAFT, DandiApi, Dataset, Version
from include.s3logs.catalogs.datasets import DatasetFilter
from include.s3logs.catalogs.rest import PARALLEL_REQUESTS
from include.s3logs.catalogs.table import in_order
from include.s3logs.errors import AccessDeniedError, NotFoundError

log = logging.getLogger(__name__)

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class Fetch:
    """What the API has now; what did not change is not asked for again.

    `datasets` are the states of the datasets, and `versions` those of each `dataset/version`, as the API gave
    them before the assets were read: what changes meanwhile is seen by the next fetch. `read` counts the
    versions that were read, `refused` the datasets and versions that nobody may read (embargoed) or that
    went away meanwhile.
    """

    def __init__(self, api: DandiApi, datasets: Mapping[str, str], versions: Mapping[str, str]) -> None:
        """Take the states of the last fetch."""
        self._api = api
        self._known_datasets, self._known_versions = datasets, versions
        self.datasets: dict[str, str] = {}
        self.versions: dict[str, str] = {}
        self.read = self.refused = 0

    def rows(self, wanted: DatasetFilter, earlier: pa.Table) -> pa.Table:
        """Return the rows of all versions of the wanted datasets, in order.

        Those of versions that did not change are taken from `earlier`, the rows of the last fetch; when
        nothing changed at all, that very table is returned.
        """
        self._list_datasets(wanted)
        changed = [key for key, state in self.versions.items() if not self._is_known(key, state)]
        staying = self.versions.keys() - set(changed)
        tables = _in_parallel(self._read_version, changed)
        for key, table in zip(changed, tables, strict=True):
            if table is None:
                self._forget(key)
        if self.versions.keys() == staying == self._known_versions.keys():
            return earlier
        names = pc.binary_join_element_wise(earlier["dataset"], earlier["version"], "/")
        kept = earlier.filter(pc.is_in(names, value_set=pa.array(sorted(staying), pa.string())))
        found = [table for table in tables if table is not None]
        self.read = len(found)
        return in_order(pa.concat_tables([CLAIMS.empty_table(), kept, *found]))

    def _list_datasets(self, wanted: DatasetFilter) -> None:
        """Note the states of the wanted datasets and their versions."""
        listed = {dataset.identifier: dataset for dataset in self._api.datasets()}
        is_open = {name: dataset for name, dataset in listed.items() if dataset.is_open}
        self.refused += len(listed) - len(is_open)
        changed = []
        for name in wanted.chosen(is_open):
            state = self.datasets[name] = is_open[name].state
            if state and state == self._known_datasets.get(name):
                self.versions |= {k: v for k, v in self._known_versions.items() if k.startswith(f"{name}/")}
            else:
                changed.append(is_open[name])
        for dataset, versions in zip(changed, _in_parallel(self._list_versions, changed), strict=True):
            if versions is None:
                self.refused += 1
                del self.datasets[dataset.identifier]
            else:
                self.versions |= {f"{dataset.identifier}/{name}": state for name, state in versions}

    def _is_known(self, key: str, state: str) -> bool:
        """Tell whether a version's rows can stay: published versions never change."""
        known = self._known_versions.get(key)
        if key.endswith(f"/{DRAFT}"):
            return state != "" and state == known
        return known is not None

    def _list_versions(self, dataset: Dataset) -> list[Version] | None:
        try:
            return self._api.versions(dataset.identifier)
        except (AccessDeniedError, NotFoundError) as error:
            log.warning("Dataset %s is passed over: %s", dataset.identifier, error)
            return None

    def _read_version(self, key: str) -> pa.Table | None:
        dataset, _, version = key.partition("/")
        try:
            return self._api.claims(dataset, version)
        except (AccessDeniedError, NotFoundError) as error:
            log.warning("Version %s is passed over: %s", key, error)
            return None

    def _forget(self, key: str) -> None:
        """Leave out a version that may not be read, so that the next fetch asks for it again."""
        del self.versions[key]
        self.datasets[key.partition("/")[0]] = ""
        self.refused += 1


def _in_parallel(work: Callable[[_Item], _Result], items: Iterable[_Item]) -> list[_Result]:
    """Return what `work` gives for each item; after an error nothing more is begun."""
    pool = ThreadPoolExecutor(PARALLEL_REQUESTS)
    try:
        return list(pool.map(work, items))
    finally:
        pool.shutdown(cancel_futures=True)
