"""A deployment: what its settings name, opened when it is needed. Where the secrets come from is handed in.

Airflow hands in what its connections hold (`s3logs_airflow.connections`), a script what the environment does.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from include.s3logs.catalogs.claims import Catalog, EmptyCatalog
from include.s3logs.errors import SettingsError
from include.s3logs.secrets import holds_secret
from include.s3logs.settings import Settings, require
from include.s3logs.settings.catalog_choice import DANDI, MANIFEST, PREFIX, choose
from include.s3logs.stores.folder import LocalStore
from include.s3logs.stores.store import Store

if TYPE_CHECKING:
    from include.s3logs.connections.ipinfo import IpinfoLimits
    from include.s3logs.days.states import Today
    from include.s3logs.logs.listings import Carried
    from include.s3logs.regions import Regions, RegionSource
    from include.s3logs.stages.work import Work

IPINFO_VARIABLE = "IPINFO_CREDENTIALS"
_S3 = "s3://"
_PUBLIC = "usage/"
_Salt = TypeVar("_Salt")


@dataclass(frozen=True, slots=True)
class Access:
    """How a deployment gets at what lies outside.

    `s3` returns a boto3 client and the credentials of its session (None where only boto3 knows how to
    connect); `ipinfo_token` the token of the IP service, or ""; `several_workers` tells whether others may
    work on the same lake, who have no file of this one's.
    """

    s3: Callable[[], tuple[Any, Any]]
    ipinfo_token: Callable[[], str]
    several_workers: Callable[[], bool] = lambda: False


def access_from_environment() -> Access:
    """Return what the environment gives: AWS's own variables and files, and `IPINFO_CREDENTIALS`."""

    def s3() -> tuple[Any, Any]:
        from include.s3logs.connections.s3 import s3_from_environment  # noqa: PLC0415 (loads boto3)

        return s3_from_environment()

    return Access(s3, token_from_environment)


def token_from_environment() -> str:
    """Return the token of the IP service that the environment has, or ""."""
    return os.environ.get(IPINFO_VARIABLE, "").strip()


class Deployment:
    """Lake, sources, catalog and regions of some settings; nothing is opened before it is asked for."""

    def __init__(
        self,
        settings: Settings,
        access: Access,
        *,
        ip_limits: "IpinfoLimits | None" = None,
        salt_folders: Callable[[], Sequence[Path]] | None = None,
    ) -> None:
        self.settings, self.access = settings, access
        self._ip_limits, self._salt_folders = ip_limits, salt_folders

    @cached_property
    def lake(self) -> Store:
        """The lake; SettingsError when the settings name none.

        In a folder only what is published may be read by others.
        """
        require(self.settings, "lake")
        return self.open_store(_as_folder(self.settings.lake), public=_PUBLIC)

    @cached_property
    def _s3(self) -> tuple[Any, Any]:
        from include.s3logs.stores.s3_errors import TROUBLE, explain  # noqa: PLC0415 (loads botocore)

        try:
            return self.access.s3()
        except TROUBLE as error:
            raise explain(error, "The connection to S3") from None
        except ValueError as error:  # of an endpoint that is no address
            raise SettingsError(f"The connection to S3 makes no sense: {error}") from None

    def check(
        self, sources: Sequence[str] = (), *, offline: bool = False, others: Sequence[str] = ()
    ) -> None:
        """Raise one SettingsError that names all that makes no sense, before any work.

        `sources` are those of the run, if not those of the settings; `others` are faults that were found
        elsewhere. With `offline` nothing on S3 is asked for.
        """
        from include.s3logs.faults import faults_of  # noqa: PLC0415

        faults = [
            *others,
            *faults_of(self.settings, sources, self.open_store, salt=self.salt_name, offline=offline),
        ]
        if faults:
            raise SettingsError("\n".join(faults))

    def open_store(self, uri: str, *, public: str | None = None) -> Store:
        """Return the store at a folder path or `s3://bucket/prefix` address.

        A prefix is taken as it is: without a final `/` it is the beginning of the keys' names. What `public`
        does is said by `LocalStore`; who may read a bucket is decided by its policy.
        """
        if holds_secret(uri):
            raise SettingsError(
                "An address holds a user, password, key or token. Write it without: logs, XComs and the lake "
                "name it."
            )
        if uri.startswith(_S3):
            from include.s3logs.stores.s3 import S3Store  # noqa: PLC0415 (loads botocore)

            bucket, _, prefix = uri.removeprefix(_S3).partition("/")
            if not bucket:
                raise SettingsError(f"{uri!r} names no bucket; write s3://bucket/prefix.")
            client, credentials = self._s3
            return S3Store(client, bucket, prefix, credentials)
        if "://" in uri:
            raise SettingsError(f"{uri!r} is neither a folder nor an s3:// address.")
        return LocalStore(uri.removeprefix("file:"), public=public)

    def sources(self, given: Sequence[str] = ()) -> dict[str, Store]:
        """Return the stores of the sources (those given, else those of the settings), by address.

        To those of the settings belongs the place where roll-ups of their log objects go.
        """
        settings = self.settings
        if not given:
            require(settings, "sources")
        stores = {uri: self.open_store(uri) for uri in given or settings.sources}
        for uri, store in stores.items():
            if isinstance(store, LocalStore) and not store.root.is_dir():
                raise SettingsError(f"The source {uri!r} is no folder; check S3LOGS_SOURCES.")
        if settings.rollup_destination and not given:
            destination = self._rollup_destination()
            if destination.uri() not in {store.uri() for store in stores.values()}:
                stores[settings.rollup_destination] = destination
        return stores

    def _rollup_destination(self) -> Store:
        """Return where roll-ups go: below the address; where it is a source's, just that place."""
        uri = self.settings.rollup_destination
        return self.open_store(uri if uri in self.settings.sources else _as_folder(uri))

    def rollups(self) -> tuple[Store, dict[str, Store]]:
        """Return the store that roll-ups go to, and the sources of their log objects, by address."""
        require(self.settings, "sources")
        sources = self.sources(self.settings.sources)
        if self.settings.rollup_destination:
            return self._rollup_destination(), sources
        if len(sources) > 1:
            raise SettingsError("There are several sources: set S3LOGS_ROLLUP_DESTINATION.")
        return next(iter(sources.values())), sources

    def catalog(self) -> Catalog:
        """Return the catalog; that of an API as `refresh_catalog` last left it in the lake."""
        from include.s3logs.catalogs.datasets import DatasetFilter  # noqa: PLC0415

        kind, value = choose(self.settings.catalog)
        datasets = DatasetFilter.of(self.settings)
        if kind == DANDI:
            from include.s3logs.catalogs.dandi import open_cached  # noqa: PLC0415

            return open_cached(self.lake, value, datasets)
        if kind == PREFIX:
            from include.s3logs.catalogs.prefix import PrefixCatalog  # noqa: PLC0415

            return PrefixCatalog(int(value), datasets)
        if kind == MANIFEST:
            from include.s3logs.catalogs.manifest import ManifestCatalog  # noqa: PLC0415 (loads pandas)

            return ManifestCatalog(self._read_file(value), value, datasets)
        return EmptyCatalog()

    @property
    def is_fetched_catalog(self) -> bool:
        """Tell whether the catalog is one that is fetched from an API."""
        return choose(self.settings.catalog).kind == DANDI

    def refresh_catalog(self) -> dict[str, Any]:
        """Fetch what changed of a catalog behind an API, once a run; return a summary, or nothing."""
        if not self.is_fetched_catalog:
            return {}
        from include.s3logs.catalogs.dandi import refresh  # noqa: PLC0415
        from include.s3logs.catalogs.dandi_api import DandiApi  # noqa: PLC0415
        from include.s3logs.catalogs.datasets import DatasetFilter  # noqa: PLC0415
        from include.s3logs.catalogs.rest import RestApi  # noqa: PLC0415

        with closing(RestApi(choose(self.settings.catalog).value)) as rest:
            return refresh(self.lake, DandiApi(rest), DatasetFilter.of(self.settings))

    def regions(self) -> "RegionSource":
        """Return the sources of regions; they are loaded (a second) when they are needed.

        Raises SettingsError for a region table or MMDB file that cannot be read.
        """
        from include.s3logs.connections.mmdb_file import MmdbFile  # noqa: PLC0415
        from include.s3logs.regions import RegionSource  # noqa: PLC0415
        from include.s3logs.regions.salt import load_salt, with_salt  # noqa: PLC0415
        from include.s3logs.regions.tables import data_version  # noqa: PLC0415

        settings, lake = self.settings, self.lake
        own = self._read_file(settings.region_table) if settings.region_table else b""
        file = MmdbFile(settings.ipinfo_mmdb) if settings.ipinfo_mmdb else None
        salt = self._salt(load_salt)
        version = data_version(own, file.version if file else "")

        def load() -> "Regions":
            from include.s3logs.regions import Regions  # noqa: PLC0415
            from include.s3logs.regions.cache import RegionCache  # noqa: PLC0415
            from include.s3logs.regions.own_table import read_own_table  # noqa: PLC0415
            from include.s3logs.regions.tables import network_table  # noqa: PLC0415

            return Regions(
                network_table(lake, read_own_table(own, settings.region_table) if own else ()),
                salt,
                RegionCache(lake),
                today=datetime.now(UTC).date(),
                service=self.ip_service(),
                address_file=file,
            )

        return RegionSource(with_salt(version, salt), load)

    def today(self) -> "Today":
        """Return what log days would be made with now."""
        from include.s3logs.days.states import Today  # noqa: PLC0415
        from include.s3logs.stages.reduce import settings_digest  # noqa: PLC0415 (loads Arrow)

        return Today(settings_digest(self.settings), self.salt_name())

    def salt_name(self) -> str:
        """Return the name of the salt with which days are mapped here; "" while there is none yet.

        SettingsError for one that cannot be used, or that has to be given and is not.
        """
        from include.s3logs.regions.salt import find_salt, name_of  # noqa: PLC0415

        salt = self._salt(find_salt)
        return name_of(salt) if salt else ""

    def _salt(self, get: Callable[..., _Salt]) -> _Salt:
        from include.s3logs.regions.salt import usual_folders  # noqa: PLC0415

        return get(
            *(self.settings.salt_file, self.settings.lake, self._salt_folders or usual_folders),
            several_workers=self.access.several_workers(),
        )

    def ip_service(self) -> Any:
        """Return the client of the IP service; None without a token."""
        if not (token := self.access.ipinfo_token()):
            return None
        from include.s3logs.connections.ipinfo import LIMITS, IpinfoClient  # noqa: PLC0415 (loads requests)

        return IpinfoClient(token, self.settings.ipinfo_api, self._ip_limits or LIMITS)

    def work(
        self,
        day: date,
        *,
        token: str,
        force: bool = False,
        sources: Sequence[str] = (),
        carried: "Carried | None" = None,
        first_try: bool = True,
    ) -> "Work":
        """Return a log day of a run, for its stages."""
        from include.s3logs.logs.sources import find_log_objects  # noqa: PLC0415
        from include.s3logs.stages.work import Work  # noqa: PLC0415

        return Work(
            day=day,
            lake=self.lake,
            settings=self.settings,
            token=token,
            sources=lambda: self.sources(sources),
            listing=lambda: find_log_objects(self.sources(sources), day, day),
            catalog=self.catalog,
            regions=self.regions,
            force=force,
            carried=carried,
            first_try=first_try,
        )

    def _read_file(self, address: str) -> bytes:
        """Return the content of a file that a setting names: a path or `s3://…`."""
        folder, slash, name = address.rpartition("/")
        return self.open_store(f"{folder}{slash}" or ".").read(name)


def _as_folder(uri: str) -> str:
    """Return the address so that keys are put below it, not after the last letters of it."""
    return f"{uri}/" if uri.startswith(_S3) and not uri.endswith("/") else uri
