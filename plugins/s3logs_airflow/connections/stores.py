"""From an address in the settings to a store, with credentials from an Airflow connection."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from include.s3logs.catalogs.claims import Catalog, EmptyCatalog
from include.s3logs.errors import SettingsError
from include.s3logs.settings import Settings, load_settings, require
from include.s3logs.settings.catalog_choice import DANDI, MANIFEST, PREFIX, choose
from include.s3logs.stores.folder import LocalStore
from include.s3logs.stores.s3 import S3Store
from include.s3logs.stores.store import PARALLEL_READS, Store

if TYPE_CHECKING:
    from include.s3logs.connections.ipinfo import IpinfoLimits
    from include.s3logs.regions import Regions, RegionSource

_S3 = "s3://"


def open_store(uri: str, aws_conn_id: str | None = None) -> Store:
    """Return the store at a folder path or `s3://bucket/prefix` address.

    A prefix is taken as it is: without a final `/` it is the beginning of the keys' names.
    """
    if uri.startswith(_S3):
        bucket, _, prefix = uri.removeprefix(_S3).partition("/")
        if not bucket:
            raise SettingsError(f"{uri!r} names no bucket; write s3://bucket/prefix.")
        client, credentials = _s3_client(aws_conn_id or load_settings().aws_conn_id)
        return S3Store(client, bucket, prefix, credentials)
    if "://" in uri:
        raise SettingsError(f"{uri!r} is neither a folder nor an s3:// address.")
    return LocalStore(uri.removeprefix("file:"))


def open_lake(settings: Settings) -> Store:
    """Return the lake of the settings."""
    return open_store(_as_folder(settings.lake), settings.aws_conn_id)


def _as_folder(uri: str) -> str:
    """Return the address so that keys are put below it, not after the last letters of it."""
    return f"{uri}/" if uri.startswith(_S3) and not uri.endswith("/") else uri


def open_sources(settings: Settings, sources: Sequence[str] = ()) -> dict[str, Store]:
    """Return the stores of the sources (those given, else those of the settings), by address.

    To those of the settings belongs the place where roll-ups of their log objects go.
    """
    stores = {uri: open_store(uri, settings.aws_conn_id) for uri in sources or settings.sources}
    for uri, store in stores.items():
        if isinstance(store, LocalStore) and not store.root.is_dir():
            raise SettingsError(f"The source {uri!r} is no folder; check S3LOGS_SOURCES.")
    if settings.rollup_destination and not sources:
        destination = _open_destination(settings)
        if destination.uri() not in {store.uri() for store in stores.values()}:
            stores[settings.rollup_destination] = destination
    return stores


def _open_destination(settings: Settings) -> Store:
    """Return the store that roll-ups go to: below the address; where it is a source's, just that place."""
    uri = settings.rollup_destination
    return open_store(uri if uri in settings.sources else _as_folder(uri), settings.aws_conn_id)


def open_rollups(settings: Settings) -> tuple[Store, dict[str, Store]]:
    """Return the store that roll-ups go to, and the sources of their log objects, by address."""
    require(settings, "sources")
    sources = open_sources(settings, settings.sources)
    if settings.rollup_destination:
        return _open_destination(settings), sources
    if len(sources) > 1:
        raise SettingsError("There are several sources: set S3LOGS_ROLLUP_DESTINATION.")
    return next(iter(sources.values())), sources


def open_catalog(settings: Settings, lake: Store) -> Catalog:
    """Return the catalog of the settings; that of an API as `refresh_catalog` last left it in the lake."""
    from include.s3logs.catalogs.datasets import DatasetFilter

    kind, value = choose(settings.catalog)
    datasets = DatasetFilter.of(settings)
    if kind == DANDI:
        from include.s3logs.catalogs.dandi import open_cached

        return open_cached(lake, value, datasets)
    if kind == PREFIX:
        from include.s3logs.catalogs.prefix import PrefixCatalog

        return PrefixCatalog(int(value), datasets)
    if kind == MANIFEST:
        from include.s3logs.catalogs.manifest import ManifestCatalog

        return ManifestCatalog(_read_file(value, settings.aws_conn_id), value, datasets)
    return EmptyCatalog()


def refresh_catalog(settings: Settings, lake: Store) -> dict[str, Any]:
    """Fetch what changed of a catalog behind an API, once a run; return a summary, empty for other kinds."""
    kind, value = choose(settings.catalog)
    if kind != DANDI:
        return {}
    from include.s3logs.catalogs.dandi import refresh
    from include.s3logs.catalogs.dandi_api import DandiApi
    from include.s3logs.catalogs.datasets import DatasetFilter
    from include.s3logs.catalogs.rest import RestApi

    with closing(RestApi(value)) as rest:
        return refresh(lake, DandiApi(rest), DatasetFilter.of(settings))


def open_regions(settings: Settings, lake: Store, limits: IpinfoLimits | None = None) -> RegionSource:
    """Return the sources of regions that the deployment has; they are loaded (a second) when they are needed.

    `limits` are those of the IP service. Raises SettingsError for a region table or MMDB file that cannot be
    read.
    """
    from include.s3logs.connections.mmdb_file import MmdbFile
    from include.s3logs.regions import RegionSource
    from include.s3logs.regions.salt import load_salt, name_of
    from include.s3logs.regions.tables import data_version

    name = settings.region_table
    own = _read_file(name, settings.aws_conn_id) if name else b""
    file = MmdbFile(settings.ipinfo_mmdb) if settings.ipinfo_mmdb else None
    salt = load_salt(settings.salt_file, settings.lake)
    version = data_version(own, file.version if file else "")

    def load() -> Regions:
        from include.s3logs.connections.ipinfo import LIMITS, IpinfoClient
        from include.s3logs.regions import Regions
        from include.s3logs.regions.cache import RegionCache
        from include.s3logs.regions.own_table import read_own_table
        from include.s3logs.regions.tables import network_table
        from s3logs_airflow.connections.ipinfo_token import ipinfo_token

        token = ipinfo_token(settings)
        return Regions(
            network_table(lake, read_own_table(own, name) if name else ()),
            salt,
            RegionCache(lake),
            today=datetime.now(UTC).date(),
            service=IpinfoClient(token, settings.ipinfo_api, limits or LIMITS) if token else None,
            address_file=file,
        )

    return RegionSource(f"{version}, salt {name_of(salt)}", load)


def _read_file(address: str, aws_conn_id: str) -> bytes:
    """Return the content of a file that a setting names: a path or `s3://…`."""
    folder, slash, name = address.rpartition("/")
    return open_store(f"{folder}{slash}" or ".", aws_conn_id).read(name)


def _s3_client(aws_conn_id: str) -> tuple[Any, Any]:
    """Return a client and its session's credentials; None for these where only boto3 knows how to connect."""
    # Airflow and boto3 are imported only where S3 is used: a local deployment starts faster without.
    from airflow.providers.amazon.aws.hooks.s3 import S3Hook
    from botocore.config import Config

    hook = S3Hook(aws_conn_id=aws_conn_id)
    client = hook.get_client_type(config=hook.config.merge(Config(max_pool_connections=2 * PARALLEL_READS)))
    plain = _is_plain(hook, client) and not client.meta.config.proxies
    return client, hook.get_session().get_credentials() if plain else None


def _is_plain(hook: Any, client: Any) -> bool:
    """Tell whether requests are signed, and certificates checked, in the usual way."""
    usual = hook.verify in {None, True} and "AWS_CA_BUNDLE" not in os.environ
    usual = usual or client.meta.endpoint_url.startswith("http://")
    return usual and client.meta.config.signature_version in {"s3v4", "s3"}
