"""Commands beside the DAGs, for people at a terminal.

| module | command |
|---|---|
| `rollup.py` | `make rollup`: show, or do, what the DAG `s3_log_rollup` does |
| `quarantine_export.py` | `make quarantine-export`: unreadable lines, anonymised, for a bug report |
"""
