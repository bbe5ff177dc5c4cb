"""What makes no sense in the settings of a deployment, all of it at once, before any work.

What a value says wrong by itself, `settings` refuses already; here is what it takes a look at other settings,
at the environment, at files or at S3 to know.
"""

from collections.abc import Callable, Sequence
from functools import partial

from include.s3logs.errors import PermanentError, SettingsError
from include.s3logs.settings import Settings, faults_of_environment, require
from include.s3logs.settings.catalog_choice import MANIFEST, choose, no_file
from include.s3logs.settings.overlaps import overlap
from include.s3logs.stores.folder import LocalStore
from include.s3logs.stores.store import Store

_S3 = "s3://"
OpenStore = Callable[[str], Store]


def faults_of(
    settings: Settings,
    sources: Sequence[str],
    open_store: OpenStore,
    *,
    salt: Callable[[], object],
    offline: bool = False,
) -> list[str]:
    """Return what is wrong, each fault once, with its setting's name.

    `sources` are those of the run, if not those of the settings; `salt` raises what is wrong with the salt.
    With `offline` nothing on S3 is looked at. Raises what may heal: a store that does not answer.
    """

    def is_near(address: str) -> bool:
        return bool(address) and not (offline and address.startswith(_S3))

    given = sources or settings.sources
    manifest = choose(settings.catalog).value if choose(settings.catalog).kind == MANIFEST else ""
    checks: list[Callable[[], object]] = [
        partial(require, settings, *(("lake",) if sources else ("sources", "lake"))),
        *(partial(_check_overlap, settings.lake, source) for source in given if settings.lake),
        *(partial(_check_source, open_store, source) for source in given if is_near(source)),
        *(partial(open_store, lake) for lake in [settings.lake] if is_near(lake)),
        *(partial(_check_manifest, open_store, file) for file in [manifest] if is_near(file)),
        *(partial(_check_table, open_store, file) for file in [settings.region_table] if is_near(file)),
        *(partial(_check_database, file) for file in [settings.ipinfo_mmdb] if file),
        salt,
    ]
    faults = faults_of_environment()
    for check in checks:
        try:
            check()
        except PermanentError as error:
            faults.append(str(error))
    return list(dict.fromkeys(faults))


def _check_overlap(lake: str, source: str) -> None:
    if how := overlap(lake, source):
        raise SettingsError(f"S3LOGS_LAKE={lake} {how}: runs would read what they write.")


def _check_source(open_store: OpenStore, source: str) -> None:
    store = open_store(source)
    if isinstance(store, LocalStore) and not store.root.is_dir():
        raise SettingsError(f"The source {source!r} is no folder; check S3LOGS_SOURCES.")


def _check_manifest(open_store: OpenStore, file: str) -> None:
    if not _is_there(open_store, file):
        raise SettingsError(no_file(file))


def _check_table(open_store: OpenStore, file: str) -> None:
    if not _is_there(open_store, file):
        raise SettingsError(f"S3LOGS_REGION_TABLE={file!r} is no file.")
    from include.s3logs.regions.own_table import read_own_table  # noqa: PLC0415 (loads numpy)

    folder, name = _split(file)
    read_own_table(open_store(folder).read(name), f"S3LOGS_REGION_TABLE={file}")


def _check_database(file: str) -> None:
    from include.s3logs.connections.mmdb_file import MmdbFile  # noqa: PLC0415

    MmdbFile(file)


def _is_there(open_store: OpenStore, file: str) -> bool:
    folder, name = _split(file)
    return bool(name) and open_store(folder).find(name) is not None


def _split(file: str) -> tuple[str, str]:
    folder, slash, name = file.rpartition("/")
    return f"{folder}{slash}" or ".", name
