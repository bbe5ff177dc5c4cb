"""From an address in the settings to a store, with credentials from an Airflow connection."""

from __future__ import annotations

from collections.abc import Sequence

from include.s3logs.catalogs import Catalog, EmptyCatalog
from include.s3logs.catalogs.manifest import ManifestCatalog
from include.s3logs.errors import SettingsError
from include.s3logs.settings import Settings, load_settings
from include.s3logs.store import PARALLEL_READS, LocalStore, Store
from include.s3logs.store_s3 import S3Store

_S3 = "s3://"


def open_store(uri: str, aws_conn_id: str | None = None) -> Store:
    """Return the store at a folder path or `s3://bucket/prefix` address.

    A prefix is taken as it is: without a final `/` it is the beginning of the keys' names.
    """
    if uri.startswith(_S3):
        bucket, _, prefix = uri.removeprefix(_S3).partition("/")
        if not bucket:
            raise SettingsError(f"{uri!r} names no bucket; write s3://bucket/prefix.")
        return S3Store(_s3_client(aws_conn_id or load_settings().aws_conn_id), bucket, prefix)
    if "://" in uri:
        raise SettingsError(f"{uri!r} is neither a folder nor an s3:// address.")
    return LocalStore(uri.removeprefix("file:"))


def open_lake(settings: Settings) -> Store:
    """Return the lake of the settings."""
    uri = settings.lake
    return open_store(
        uri if not uri.startswith(_S3) or uri.endswith("/") else f"{uri}/", settings.aws_conn_id
    )


def open_sources(settings: Settings, sources: Sequence[str] = ()) -> dict[str, Store]:
    """Return the stores of the sources (those given, else those of the settings), by address."""
    stores = {uri: open_store(uri, settings.aws_conn_id) for uri in sources or settings.sources}
    for uri, store in stores.items():
        if isinstance(store, LocalStore) and not store.root.is_dir():
            raise SettingsError(f"The source {uri!r} is no folder; check S3LOGS_SOURCES.")
    return stores


def open_catalog(settings: Settings) -> Catalog:
    """Return the catalog of the settings."""
    if not settings.catalog:
        return EmptyCatalog()
    folder, _, name = settings.catalog.rpartition("/")
    return ManifestCatalog(
        open_store(f"{folder}/" if folder else ".", settings.aws_conn_id).read(name), settings.catalog
    )


def _s3_client(aws_conn_id: str) -> object:
    # Airflow and boto3 are imported only where S3 is used: a local deployment starts faster without.
    from airflow.providers.amazon.aws.hooks.s3 import S3Hook
    from botocore.config import Config

    hook = S3Hook(aws_conn_id=aws_conn_id)
    return hook.get_client_type(config=hook.config.merge(Config(max_pool_connections=2 * PARALLEL_READS)))
