"""
### Where requesters are: lists, cache, coordinates

Keeps up what the day tasks of `s3_access_logs` look regions up in. Those tasks never wait for it: without it
they work with what the lake and the packages hold.

| step | what it does | leaves in the lake |
|---|---|---|
| `lists` | fetches the networks of GitHub and of VPNs; an outage leaves the old ones | `regions/lists/` |
| `refresh` | asks ipinfo anew about entries of the cache that are due, logs changes | `regions/cache/` |
| `cache` | merges what it and day tasks learned of ipinfo, drops what is a year old | `regions/cache/` |
| `coordinates` | latitude and longitude of every region, for maps | `regions/region_coordinates.json` |

Each day 1/90 of the cache becomes due. It holds keyed hashes, no addresses, so `refresh` hashes the addresses
in `binned/` of the last 90 log days and asks about those whose entry is due. What is in none of them stays
due until a day task meets the requester, or is dropped after a year.

**The result of `refresh`** are counts of entries: `due` = `found`, those to ask about, + `not_found`;
`asked`, `answered` and `changed` of those found; `undetermined`, those without an answer because of the quota
or an outage: they stay due, and the next run asks. Without a token or file of ipinfo (`problem`) nothing is
done.
**An outage** fails nothing: the result of `lists` says of which day each list is, and why.
**Running it again** changes nothing, and asks about nothing that was answered.
**Settings** are `S3LOGS_…` environment variables; see `docs/settings.md`.
"""

from datetime import timedelta

from airflow.sdk import DAG

from include.s3logs.settings import load_limits
from s3logs_airflow.operators.regions import (
    MergeRegionCacheOperator,
    RefreshListsOperator,
    RefreshRegionCacheOperator,
    RegionCoordinatesOperator,
)
from s3logs_airflow.policies import retrying

with DAG(
    dag_id="s3_ip_regions",
    dag_display_name="IP regions: lists, cache, coordinates",
    doc_md=__doc__,
    schedule="0 23 * * *",  # UTC; an hour before the daily run of s3_access_logs
    catchup=False,
    max_active_runs=1,  # two merges of the cache at once could lose entries
    dagrun_timeout=timedelta(hours=1),
    tags=["s3logs", "daily", "regions"],
    owner_links={"s3logs": "https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerLogs.html"},
    default_args={"owner": "s3logs", "weight_rule": "upstream", **retrying(load_limits())},
) as dag:
    RefreshListsOperator(task_id="lists", doc_md="An outage leaves the lists of the last time.")
    refresh = RefreshRegionCacheOperator(task_id="refresh", doc_md="1/90 of the cache becomes due each day.")
    cache = MergeRegionCacheOperator(task_id="cache", doc_md="New entries and old ones become one file.")
    coordinates = RegionCoordinatesOperator(task_id="coordinates", doc_md="For maps of the figures.")

    refresh >> cache >> coordinates
