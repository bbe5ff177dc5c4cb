"""What `test_canaries.py` holds the daily DAG to, the roll-up, the audit and the DAG of regions keep, too.

And an error of a library, in any task, leaves without what is secret in it.
"""

import json
from datetime import UTC, datetime, timedelta

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from include.s3logs.regions.salt import load_salt
from include.s3logs.stores.folder import LocalStore
from tests.support.aws_server import delivery, policy_of
from tests.support.binned_days import remember
from tests.support.canaries import database, log_lines
from tests.support.ip_service import fake_ip_service, send_ipinfo_to
from tests.support.paths import PROJECT
from tests.support.small_archive import FIRST, Archive, line

BUCKET = "canary-logs"
ADDRESS, OTHER = "84.0.0.1", "2a02:8100::1"


@pytest.fixture
def run(airflow_db, settings_env, tmp_path):
    """run(dag, **params) runs a DAG in this process; returns its state, and what its tasks returned."""
    settings_env(lake=tmp_path / "lake", retries=0)
    from airflow.dag_processing.dagbag import DagBag

    def run_once(dag_id, **params):
        dag_run = DagBag(str(PROJECT / "dags")).dags[dag_id].test(run_conf=params, use_executor=False)
        tasks = dag_run.get_task_instances()
        return str(dag_run.state), {ti.task_id: ti.xcom_pull(task_ids=ti.task_id) for ti in tasks}

    return run_once


@pytest.fixture
def lake(tmp_path):
    return LocalStore(tmp_path / "lake")


@pytest.fixture
def refuse(canary, monkeypatch):
    """refuse(operation) has a server refuse that, and say what signed the request; gives what it said."""
    ask, all_said = BaseClient._make_api_call, []

    def set_(refused):
        def answered(self, operation, parameters):
            if operation != refused:
                return ask(self, operation, parameters)
            said = (
                f"invented refusal: AWSAccessKeyId={canary('key')} Signature={canary('signature')} "
                f"X-Amz-Security-Token={canary('token')} https://u:{canary('password')}@host/"
            )
            all_said.append(said)
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": said}}, operation)

        monkeypatch.setattr(BaseClient, "_make_api_call", answered)
        return all_said

    return set_


def sings(canary, log, *stores, secret=()):
    """{where: canaries} of all that was written; `secret` are keys that may hold them, and only they."""
    written = {"the log": log, "the database": database()}
    for store in stores:
        keys = [info.key for info in store.list()]
        written |= {f"the name {key}": key.encode() for key in keys if key not in secret}
        written |= {key: store.read(key) for key in keys if key not in secret}
    return {what: found for what, data in written.items() if (found := canary.found(data))}


class TestRollUp:
    @pytest.fixture
    def archive(self, connected, canary, settings_env, tmp_path):
        """Log objects with canaries in all fields of their lines, and a foreign one with one in its name."""
        connected.bucket(BUCKET)
        content = "".join(f"{text}\n" for text in log_lines(canary)).encode()
        put = connected.client().put_object
        put(Bucket=BUCKET, Key=f"logs/{FIRST}-11-00-00-A", Body=content)
        put(Bucket=BUCKET, Key=f"logs/{FIRST}-12-00-00-B", Body=line())
        put(Bucket=BUCKET, Key=f"logs/copy?X-Amz-Signature={canary('foreign object')}", Body=b"")
        settings_env(sources=f"s3://{BUCKET}/logs/", rollup_destination=tmp_path / "archive")
        return LocalStore(tmp_path / "archive")

    @pytest.mark.parametrize("codec", ["none", "zstd"])
    @pytest.mark.parametrize("originals", ["keep", "delete", "tag"])
    def test_nothing_of_a_run_sings(self, run, archive, canary, logged, connected, lake, codec, originals):
        state, results = run("s3_log_rollup", dry_run=False, codec=codec, originals=originals)
        assert state == "success"
        assert (results["sum_up"]["added"], results["sum_up"]["lines"]) == (2, 78)
        (rollup,) = [info.key for info in archive.list() if not info.key.endswith(".json")]
        if codec == "none":
            assert len(canary.found(archive.read(rollup))) == 29  # the lines as they were, where they belong
        assert sings(canary, logged(), archive, lake, secret={rollup}) == {}

    def test_a_plan_and_an_interval_that_fails_do_not_sing(self, run, archive, canary, logged, refuse):
        assert run("s3_log_rollup")[1]["sum_up"]["outcome"] == "dry run"
        said = refuse("ListObjectsV2")
        assert run("s3_log_rollup", dry_run=False)[0] == "failed"
        assert said
        log = logged()
        assert b"invented refusal: AWSAccessKeyId=" in log
        assert sings(canary, log, archive) == {}

    def test_addresses_with_secrets_are_refused_and_do_not_sing(
        self, run, archive, canary, logged, settings_env
    ):
        settings_env(rollup_destination=f"s3://AKIA:{canary('rollup_destination')}@bucket/")
        assert run("s3_log_rollup", dry_run=False)[0] == "failed"
        log = logged()
        assert "S3LOGS_ROLLUP_DESTINATION=…".encode() in log
        assert sings(canary, log, archive) == {}


class TestAudit:
    @pytest.fixture
    def buckets(self, connected):
        connected.bucket("reef-data")
        connected.bucket("reef-logs", policy=policy_of(delivery("reef-logs")))
        connected.log("reef-data", "reef-logs", "reef-data/")
        return connected

    def test_nothing_of_a_run_sings(self, run, buckets, canary, logged, lake):
        _, results = run("s3_logging_audit", switch_on=["reef-logs=reef-data"], dry_run=False)
        assert results["audit"]["buckets"] == 2
        assert {info.key for info in lake.list()} == {"audit/logging.txt", "audit/logging.json"}
        assert sings(canary, logged(), lake) == {}

    @pytest.mark.parametrize("operation", ["GetBucketLogging", "ListBuckets", "PutBucketLogging"])
    def test_what_a_server_says_of_a_signed_request_does_not_sing(
        self, run, buckets, canary, logged, lake, refuse, operation
    ):
        buckets.bucket("kelp-data")
        said = refuse(operation)
        assert run("s3_logging_audit", switch_on=["kelp-data=reef-logs"], dry_run=False)[0] == "failed"
        assert said
        assert sings(canary, logged(), lake) == {}


class TestRegions:
    @pytest.fixture
    def due(self, canary, monkeypatch, settings_env, tmp_path):
        """A cache with entries that are due, and a service whose token is a canary; gives the service."""
        monkeypatch.setenv("IP_HASH_SALT", canary("salt"))
        token = {"conn_type": "http", "password": canary("token of ipinfo")}
        monkeypatch.setenv("AIRFLOW_CONN_IPINFO_DEFAULT", json.dumps(token))
        archive, today = Archive(tmp_path), datetime.now(UTC).date()
        archive.do(today - timedelta(days=3), line(ip=ADDRESS), line(ip=OTHER))
        remember(archive.lake, load_salt(), {ADDRESS: "DE/Bavaria", OTHER: "FR"}, today - timedelta(days=90))
        with fake_ip_service() as (fake, url):
            send_ipinfo_to(url, monkeypatch)
            for name in ("github", "vpn"):
                user = f"{canary(f'user of {name}')}:{canary(f'password of {name}')}"
                address = f"{url}/{name}?token={canary(f'token of {name}')}".replace("://", f"://{user}@")
                settings_env(**{f"{name}_list_url": address})
            yield fake

    @pytest.mark.parametrize("moods", [[], ["well", "well", "refuses"], ["down", "down", "garbage"]])
    def test_nothing_of_a_run_sings_and_no_address_is_told(self, run, due, canary, logged, lake, moods):
        due.places = {ADDRESS: ("AT", "Tyrol"), OTHER: ("FR", "Brittany")}
        due.moods = moods
        run("s3_ip_regions")
        assert len(due.requests) >= 3
        log = logged()
        assert sings(canary, log, lake) == {}
        for address in (ADDRESS, OTHER):
            assert address.encode() not in log + database()


class TestErrorsOfOthers:
    @pytest.mark.parametrize(
        ("dag", "function"),
        [
            ("s3_access_logs", "include.s3logs.days.discover.discover"),
            ("s3_log_rollup", "include.s3logs.rollup.planning.plan"),
            ("s3_logging_audit", "include.s3logs.logging_audit.ask.look_at"),
            ("s3_ip_regions", "include.s3logs.regions.cache.merge_cache"),
        ],
    )
    def test_a_task_that_fails_with_one_does_not_sing(
        self, run, connected, canary, logged, monkeypatch, tmp_path, settings_env, dag, function
    ):
        def fail(*_, **__):
            try:
                raise OSError(5, "cannot be reached", f"https://u:{canary('cause')}@host/")
            except OSError as error:
                raise ValueError(f"no such thing: s3://b/?X-Amz-Signature={canary('error')}") from error

        (tmp_path / "logs").mkdir()
        settings_env(sources=tmp_path / "logs", github_list_url="none", vpn_list_url="none")
        monkeypatch.setattr(function, fail)
        assert run(dag)[0] == "failed"
        log = logged()
        assert b"ValueError: no such thing: s3://b/?X-Amz-Signature=" in log
        assert sings(canary, log) == {}
