"""What s3logs asks of the REST API of a DANDI-style archive (github.com/dandi/dandi-archive, `/api`).

`GET /dandisets/`                                   every open dataset, with its newest versions
`GET /dandisets/<id>/versions/`                     all versions: `draft` and published ones
`GET /dandisets/<id>/versions/<version>/assets/`    all assets of a version: path, and blob or zarr
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import quote

import pyarrow as pa

from include.s3logs.catalogs.claims import CLAIMS
from include.s3logs.catalogs.folders import LONGEST_FOLDER, RESERVED, folder_of
from include.s3logs.catalogs.rest import RestApi, ShiftedListError
from include.s3logs.errors import CatalogUnavailableError

DRAFT = "draft"
_PAGE = 1000  # the most that the API gives at once
_DATASETS_PAGE = 100  # these are dear for the server
_ATTEMPTS = 3
_Results = Sequence[Mapping[str, Any]]


class Dataset(NamedTuple):
    """One dataset; `state` changes whenever one of its versions does, and is "" when that cannot be told."""

    identifier: str
    state: str
    is_open: bool


class Version(NamedTuple):
    """One version of a dataset; `state` changes whenever its assets do, "" when that cannot be told.

    `assets` is how many the API says it has, None when it does not say.
    """

    name: str
    state: str
    assets: int | None


class DandiApi:
    """The questions; errors are those of `RestApi.pages`."""

    def __init__(self, rest: RestApi) -> None:
        self.address = rest.address
        self._rest = rest

    def datasets(self) -> list[Dataset]:
        """Return all datasets, those under embargo too if the API lists them."""
        path = "dandisets/"
        pages = self._list(path, page_size=_DATASETS_PAGE, ordering="id")
        return [self._dataset(result, path) for page in pages for result in page]

    def versions(self, identifier: str) -> list[Version]:
        """Return all versions of a dataset."""
        path = f"dandisets/{identifier}/versions/"
        pages = self._list(path, page_size=_PAGE)
        return [
            Version(self._text(result, "version", path), _state(result), _asset_count(result))
            for page in pages
            for result in page
        ]

    def claims(self, identifier: str, version: str) -> pa.Table:
        """Return the claims of a version (schema CLAIMS), in the order of the API."""
        path = f"dandisets/{identifier}/versions/{quote(version, safe='')}/assets/"
        take = partial(self._claims, identifier=identifier, version=version, path=path)
        pages = self._list(path, take, page_size=_PAGE, order="created", metadata="false")
        return pa.concat_tables([CLAIMS.empty_table(), *pages])

    def _list(self, path: str, take: Callable[[_Results], Any] = list, **query: str | int) -> list[Any]:
        """Return what `take` makes of the results of each page.

        Entries that come and go while a list is read shift its pages: a list that has another length than it
        announces, or misses a page, is read again.
        """
        for _ in range(_ATTEMPTS):
            taken, listed, announced = [], 0, None
            try:
                for page in self._rest.pages(path, **query):
                    announced = page.get("count") if announced is None else announced
                    listed += len(page["results"])
                    taken.append(take(page["results"]))
                    if isinstance(announced, int) and listed > announced:  # it may go on without end
                        break
            except ShiftedListError as error:
                problem = str(error)
                continue
            if announced in (None, listed):
                return taken
            problem = f"it announces {announced!r:.50} entries and lists {listed}."
        raise CatalogUnavailableError(f"{self.address}/{path} contradicts itself: {problem}")

    def _claims(self, assets: _Results, identifier: str, version: str, path: str) -> pa.Table:
        keys, paths = [], []
        for asset in assets:
            keys.append(self._object_key(asset, path))
            paths.append(self._text(asset, "path", path))
        constants = [[identifier] * len(keys), [version] * len(keys)]
        return pa.Table.from_arrays(
            [pa.array(v, pa.string()) for v in (keys, *constants, paths)], schema=CLAIMS
        )

    def _object_key(self, asset: Mapping[str, Any], path: str) -> str:
        """Return the key of the blob, or the folder of the zarr without its final slash."""
        if asset.get("zarr"):
            return f"zarr/{self._text(asset, 'zarr', path)}"
        blob = self._text(asset, "blob", path)
        return f"blobs/{blob[:3]}/{blob[3:6]}/{blob}"

    def _dataset(self, result: Mapping[str, Any], path: str) -> Dataset:
        newest = [result.get("draft_version"), result.get("most_recent_published_version")]
        known = [(version.get("version"), _state(version)) for version in newest if isinstance(version, dict)]
        identifier = self._text(result, "identifier", path)
        # It becomes part of addresses, and a folder.
        fits = identifier.isalnum() and len(folder_of(identifier)) <= LONGEST_FOLDER
        if not fits or identifier in RESERVED:
            raise CatalogUnavailableError(f"{self.address}/{path} lists the dataset {identifier!r}.")
        state = "; ".join(f"{name} {state}" for name, state in known) if all(s for _, s in known) else ""
        return Dataset(identifier, state, result.get("embargo_status", "OPEN") == "OPEN")

    def _text(self, result: Mapping[str, Any], name: str, path: str) -> str:
        value = result.get(name)
        if not isinstance(value, str) or not value:
            raise CatalogUnavailableError(
                f"{self.address}/{path} has an entry without {name}: {str(result)[:200]}"
            )
        try:
            value.encode()
        except UnicodeEncodeError as error:  # JSON can name halves of characters, which no file can hold
            raise CatalogUnavailableError(
                f"{self.address}/{path} has an entry whose {name} is no text: {str(result)[:200]}"
            ) from error
        return value


def _state(version: Mapping[str, Any]) -> str:
    return f"{version['modified']} {version.get('status')}" if version.get("modified") else ""


def _asset_count(version: Mapping[str, Any]) -> int | None:
    count = version.get("asset_count")
    return count if isinstance(count, int) else None
