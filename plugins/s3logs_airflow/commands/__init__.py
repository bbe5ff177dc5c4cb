"""Commands beside the DAGs, for people at a terminal.

| module | command |
|---|---|
| `rollup.py` | `make rollup`: show, or do, what the DAG `s3_log_rollup` does |
| `verify.py` | `make verify`: is all of the lake what was written? with REPAIR=1 it is mended |
| `quarantine_export.py` | `make quarantine-export`: unreadable lines, anonymised, for a bug report |
"""
