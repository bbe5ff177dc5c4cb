"""The domain: from S3 access-log objects to usage figures, in plain Python (no Airflow import)."""
