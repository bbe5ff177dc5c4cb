"""Airflow's connections as what `include.s3logs` is handed.

| module | answers |
|---|---|
| `deployment.py` | the deployment of some settings, with the secrets that Airflow's connections hold |
| `s3_account.py` | all buckets of an account, for the audit |
"""
