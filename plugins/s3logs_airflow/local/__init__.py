"""Airflow on this machine, for one person: start it, run the log days, watch them, read the figures.

| module | answers |
|---|---|
| `commands.py` | what `make run`, `web`, `retry` and `backfill` do, from start to exit status |
| `session.py`, `airflow_process.py`, `processes.py` | an Airflow for one command, and its processes |
| `home.py`, `environment.py` | what stays between two starts; what Airflow and s3logs are told |
| `checks.py` | what is wrong before Airflow is started |
| `rest.py`, `runs.py`, `steps.py`, `task_log.py` | Airflow's REST API; runs; their steps; why one failed |
| `progress.py`, `report.py`, `figures.py`, `console.py` | what the person sees: meanwhile and at the end |
| `errors.py` | what can go wrong around it |
"""
