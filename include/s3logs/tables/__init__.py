"""Arrow tables in memory and on disk, whatever they hold, within a bound of memory.

| module | answers |
|---|---|
| `schemas.py` | which columns a stored table has, said once |
| `arrays.py` | arrays from numbers and texts, without pandas |
| `order.py`, `totals.py` | rows sorted and told apart; the measures of requests and their sums |
| `parquet.py` | tables as Parquet, whole, or growing a row group at a time |
| `sorting.py`, `merging.py` | rows that are too many for the memory, sorted; sorted files, read together |
| `spilled_table.py` | rows of a table that is kept on disk |
| `temporary.py`, `growing_file.py` | folders and texts for what grows |
"""
