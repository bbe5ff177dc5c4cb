"""How many datasets may be published where nobody lists them, and keys may begin with anything."""

from collections.abc import Collection

from include.s3logs.catalogs.claims import UNASSOCIATED
from include.s3logs.catalogs.folders import folder_of
from include.s3logs.errors import SettingsError
from include.s3logs.settings import Settings
from include.s3logs.settings.catalog_choice import PREFIX, choose

_NAMED = 5
_SHOWN = 60  # characters of a name


def most_datasets(settings: Settings) -> int | None:
    """Return how many datasets may be published; None: all that the catalog lists."""
    return settings.most_datasets if choose(settings.catalog).kind == PREFIX else None


def check_datasets(names: Collection[str], most: int | None) -> None:
    """Raise SettingsError when there are more datasets than may be published."""
    found = sorted(set(names) - {UNASSOCIATED})
    if most is None or len(found) <= most:
        return
    first = ", ".join(folder_of(name)[:_SHOWN] for name in found[:_NAMED])
    raise SettingsError(
        f"S3LOGS_CATALOG=prefix:<N> finds {len(found)} datasets (the first: {first}), more than "
        f"S3LOGS_MOST_DATASETS={most}. Nothing is published; what was before stays. Is N, the segments of a "
        "key that name its dataset, too large? A smaller one maps the days anew. If all of these are "
        "datasets, raise S3LOGS_MOST_DATASETS."
    )
