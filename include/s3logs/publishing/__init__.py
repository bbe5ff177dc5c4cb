"""What the public sees: figures of all finished log days, with small counts masked.

| module | answers |
|---|---|
| `publish.py` | what has to be written anew, and what was published |
| `months.py`, `history.py` | the totals of a month's log days, merged; those of all months |
| `most_datasets.py` | how many datasets may there be where nobody lists them? |
| `dataset_files.py`, `archive_files.py` | the files of a dataset, and those of all |
| `figures.py`, `weeks.py`, `asset_logs.py` | sums as files; bytes by week; the log of each asset |
| `schemas.py` | which files there are, and what their columns say |
| `masking.py`, `asset_types.py` | what may be shown of a count; what kind of data an asset is |
| `limits.py` | how much of all that is worked on at once |
"""
