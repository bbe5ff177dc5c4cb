"""Airflow side of s3logs: operators, connections, links, retry policies."""
