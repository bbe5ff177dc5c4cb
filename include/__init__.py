"""Everything that is not Airflow: the domain code of s3logs."""
