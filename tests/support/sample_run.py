"""All stages over the sample, without Airflow."""

from include.s3logs.catalogs.manifest import ManifestCatalog
from include.s3logs.logs.sources import find_log_objects
from include.s3logs.settings import Settings
from include.s3logs.stores.folder import LocalStore
from tests.support.offline_regions import offline_regions
from tests.support.one_day import bin_day, map_day, reduce_day


def run(lake, folder, days, settings=None, *, regions=None, **kwargs):
    """Do what the DAG does before it publishes; return the stages' outcomes."""
    settings, regions = settings or Settings(_env_file=None), regions or offline_regions()
    stores = {"logs": LocalStore(folder / "logs")}
    catalog = ManifestCatalog((folder / "catalog.csv").read_bytes(), "catalog.csv")
    outcomes = []
    for day in days:
        listing = find_log_objects(stores, day, day)
        reduced = reduce_day(lake, stores, day, listing, settings, **kwargs)
        binned = bin_day(lake, reduced.checkpoint, **kwargs)
        outcomes += [reduced, binned, map_day(lake, binned.checkpoint, catalog, regions, **kwargs)]
    return outcomes
