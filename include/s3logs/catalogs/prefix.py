"""A catalog that is the keys themselves: `<dataset>/<asset path>`, as in buckets like OpenNeuro's."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from include.s3logs.catalogs.claims import CLAIMS
from include.s3logs.catalogs.datasets import ALL, DatasetFilter
from include.s3logs.catalogs.folders import LONGEST_FOLDER, RESERVED, folder_of
from include.s3logs.errors import SettingsError
from include.s3logs.tables.arrays import optional_texts, scalar_of
from include.s3logs.tables.order import sorted_by


class PrefixCatalog:
    """The first segments of a key are its dataset, the rest is the asset path; there are no versions.

    Keys with fewer segments, or with an empty one in place of a name, belong to nobody. So do datasets that
    would have a name which `usage/` needs itself, or one too long for a folder.
    """

    unknown = ()

    def __init__(self, segments: int, datasets: DatasetFilter = ALL) -> None:
        """Take how many segments (from 1 up) name the dataset."""
        if datasets.limit:
            raise SettingsError(
                "S3LOGS_DATASET_LIMIT needs a catalog that lists its datasets; prefix:<N> knows only those "
                "that are asked for. Use S3LOGS_RESTRICT_TO_DATASETS."
            )
        self._datasets = datasets
        self._pattern = rf"(?s)^(?P<dataset>[^/]+(?:/[^/]+){{{segments - 1}}})/(?P<asset_path>.+)$"
        self.fingerprint = f"prefix:{segments} {datasets.as_text()}"
        self.examples = ("/".join([*["<segment>"] * segments, "<asset path>"]),)

    def claims(self, object_keys: Sequence[str]) -> pa.Table:
        """Return a row for each key that is long enough."""
        if not isinstance(object_keys, pa.Array | pa.ChunkedArray):
            object_keys = optional_texts(object_keys)
        keys = pc.unique(object_keys).cast(pa.string())
        parts = pc.extract_regex(keys, self._pattern)
        dataset, asset_path = pc.struct_field(parts, "dataset"), pc.struct_field(parts, "asset_path")
        version = pa.repeat(scalar_of(""), len(keys))
        claims = pa.Table.from_arrays([keys, dataset, version, asset_path], schema=CLAIMS)
        unwanted = [name for name in pc.unique(dataset).to_pylist() if name and not self._wants(name)]
        wanted = pc.invert(pc.is_in(dataset, value_set=optional_texts([*unwanted, None])))
        return sorted_by(claims.filter(wanted), "object_key")

    def _wants(self, dataset: str) -> bool:
        if dataset in RESERVED or len(folder_of(dataset)) > LONGEST_FOLDER:
            return False
        restrict_to = self._datasets.restrict_to
        return dataset not in self._datasets.exclude and (not restrict_to or dataset in restrict_to)
