"""Airflow on this machine, for one person: start it, run the log days, watch them, read the figures."""
