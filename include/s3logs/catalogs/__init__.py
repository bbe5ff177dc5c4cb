"""Which object key belongs to which dataset, version and asset; one file for each kind of catalog.

| module | answers |
|---|---|
| `claims.py` | what every catalog can do (`Catalog`), and the shape of its answers |
| `manifest.py`, `prefix.py`, `dandi.py` | a CSV or Parquet file; the keys themselves; an archive's API |
| `table.py`, `datasets.py` | a catalog that is one table; which datasets a deployment wants |
| `dandi_fetch.py`, `dandi_api.py`, `rest.py` | what is fetched anew; what the API says; reading it |
| `zarr.py`, `folders.py` | which keys are one asset; which folder a dataset has |
"""
