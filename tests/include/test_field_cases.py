"""What was met in the field, case by case, through `pipeline.run`: every folder of `tests/fixtures/field/`.

The table is `CASES`. What is not right yet stands in it, too, and says so: it fails as soon as it is right.
"""

from datetime import date

import pyarrow as pa
import pytest

from include.s3logs.deployment import Access
from include.s3logs.errors import PermanentError, StoreUnavailableError
from include.s3logs.logging_audit.ask import look_at
from include.s3logs.logging_audit.findings import Severity, findings
from include.s3logs.pipeline import run
from include.s3logs.publishing.asset_types import asset_types
from include.s3logs.settings import Settings
from include.s3logs.stores.folder import LocalStore
from tests.support.aws_server import delivery, policy_of
from tests.support.paths import FIELD

BUCKET = "field-logs"
DAY = "2024-06-01"
CASES = []
KMS = (
    "User: arn:aws:sts::123456789012:assumed-role/airflow/x is not authorized to perform: kms:Decrypt on "
    "resource: arn:aws:kms:us-east-1:123456789012:key/abc because no identity-based policy allows it"
)


def case(name, *, not_yet=""):
    """A row of the table: the folder, what must be true of it, and why it is not, if so."""
    marks = [pytest.mark.xfail(strict=True, raises=AssertionError, reason=not_yet)] if not_yet else []

    def add(check):
        CASES.append(pytest.param(name, check, id=f"{name}: {check.__name__}", marks=marks))
        return check

    return add


class World:
    """A case's folder as it is, a lake, and what a run leaves there."""

    def __init__(self, name, folder, aws):
        self.case, self.folder, self.aws = FIELD / name, folder, aws
        self.lake = LocalStore(folder / "lake")
        self.access = None
        self.settings = {
            "sources": (str(self.case / "source"),),
            "lake": str(self.lake.root),
            "catalog": str(self.case / "catalog.csv") if (self.case / "catalog.csv").exists() else "prefix:1",
            "mask_below": 0,
            "round_to": 1,
        }

    def on_s3(self):
        """Read the log objects from a bucket: those of another case, if it has none of its own."""
        self.aws().bucket(BUCKET)
        source = self.case / "source"
        for path in sorted((source if source.exists() else FIELD / "dated-prefix/source").rglob("*")):
            if path.is_file():
                self.aws().client().put_object(Bucket=BUCKET, Key=path.name, Body=path.read_bytes())
        self.settings["sources"] = (f"s3://{BUCKET}/",)
        self.access = Access(s3=lambda: (self.aws().client(), None), ipinfo_token=lambda: "")
        return self.aws()

    def run(self, days=None, **settings):
        given = Settings(_env_file=None, **self.settings | settings)
        return run(
            given, days=[date.fromisoformat(day) for day in days] if days else None, access=self.access
        )

    def table(self, key):
        """The rows of a TSV in the lake by their column names; none when it is not there."""
        path = self.lake.root / key
        if not path.exists():
            return []
        header, *rows = (line.split("\t") for line in path.read_text().splitlines())
        return [dict(zip(header, row, strict=True)) for row in rows]

    def days(self, *names):
        """These columns of all log days."""
        return [tuple(row[name] for name in names) for row in self.table("status/log_days.tsv")]

    def datasets(self):
        """{dataset: (bytes, requests)} of the archive."""
        return {
            row["dataset"]: (int(row["bytes_sent"]), int(row["number_of_requests"]))
            for row in self.table("usage/archive/by_dataset.tsv")
        }


@case("all-filtered-away")
def the_run_says_which_operations_there_were(world):
    report = world.run()
    assert world.days("lines", "filtered", "reduced_rows", "state") == [("2", "2", "0", "complete")]
    assert report.judgement.warnings == [
        "No record has this operation (S3LOGS_OPERATIONS=REST.GET.OBJECT); those that were there: "
        "WEBSITE.GET.OBJECT."
    ]


@case("audit-kms-target")
def the_audit_has_something_to_say_of_both_targets(world):
    aws = world.aws()
    key = aws.client(service="kms").create_key()["KeyMetadata"]["Arn"]
    expire = {"ID": "old", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 400}}
    for target, encryption in {"kms-logs": {}, "cmk-logs": {"KMSMasterKeyID": key}}.items():
        default = {"SSEAlgorithm": "aws:kms", **encryption}
        source = target.replace("logs", "data")
        aws.bucket(source)
        aws.bucket(target, policy=policy_of(delivery(target)))
        by_event = {"TargetObjectKeyFormat": {"PartitionedPrefix": {"PartitionDateSource": "EventTime"}}}
        aws.log(source, target, f"{source}/", **by_event)
        rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": default}]}
        aws.client().put_bucket_encryption(Bucket=target, ServerSideEncryptionConfiguration=rules)
        aws.client().put_bucket_lifecycle_configuration(
            Bucket=target, LifecycleConfiguration={"Rules": [expire]}
        )
    told = {
        found.bucket: found for found in findings(look_at(aws.api())) if found.name == "no-use-of-the-key"
    }
    assert {found.severity for found in told.values()} <= {Severity.PROBLEM, Severity.UNKNOWN}
    assert told.keys() == {"kms-data", "cmk-data"}
    assert "aws/s3" in told["kms-data"].message
    assert "kms:GenerateDataKey" in told["cmk-data"].message


@case("catalog-url-encoded")
def that_no_key_is_in_the_catalog_is_said_with_the_keys_it_has(world):
    report = world.run()
    assert world.datasets() == {"unassociated": (100, 1)}
    (warning,) = report.judgement.warnings
    assert warning.startswith(f"0 of 1 keys of {DAY} are in the catalog, which has keys like ")
    assert "ds1/my%20file.nc" in warning


@case("catalog-url-encoded", not_yet="the encoding of S3 Inventory is not read")
def the_encoding_of_an_inventory_is_read(world):
    world.run()
    assert world.datasets() == {"reef": (100, 1)}


@case("ceph-milliseconds", not_yet="a time with a unit and a bare referer are no valid reading")
def a_time_with_a_unit_is_read(world):
    report = world.run()
    assert world.days("records", "rejections", "reduced_rows") == [("1", "0", "1")]
    assert world.datasets() == {"ds1": (0, 1)}
    assert world.table("usage/ds1/by_day.tsv")[0]["number_of_downloads"] == "1"
    assert report.exit_status == 0


@case("ceph-no-bytes", not_yet="null bytes count as 0, and nothing says so")
def that_all_counted_requests_lack_bytes_is_said(world):
    report = world.run()
    assert world.days("reduced_rows", "bytes_sent", "state") == [("1", "0", "complete")]
    assert any("bytes" in warning for warning in report.judgement.warnings)


@case("dated-prefix")
def a_date_in_the_prefix_hides_no_day(world):
    report = world.run()
    assert world.days("log_day", "objects", "lines", "bytes_sent", "state") == [
        (f"2024-06-0{n}", "1", "1", "100", "complete") for n in (1, 2, 3)
    ]
    assert world.datasets() == {"ds1": (300, 3)}
    assert report.exit_status == 0
    other = World("dated-prefix", world.folder / "other", world.aws)
    other.run(["2024-06-03"])  # the listing jumps over those before
    assert other.datasets() == {"ds1": (100, 1)}


@case("gz-suffix")
def the_day_says_that_an_object_was_left_out(world):
    world.run()
    assert world.days("objects", "foreign", "bytes_sent") == [("1", "1", "100")]
    (listed,) = (world.lake.root / f"reduced/{DAY}").glob("foreign-*.txt")
    assert listed.read_text().endswith("/2024-06-01-10-00-00-AAAA.gz\n")


@case("gz-suffix", not_yet="such a name is that of no log object")
def an_object_whose_name_got_a_suffix_is_read(world):
    world.run()
    assert world.days("objects", "foreign", "bytes_sent") == [("2", "0", "200")]


@case("key-of-storj")
def a_key_that_begins_with_a_slash_is_read_and_said_to_be_nobodys(world):
    report = world.run()
    assert world.days("lines", "rejections", "reduced_rows") == [("1", "0", "1")]
    assert world.datasets() == {"unassociated": (1234, 1)}
    (warning,) = report.judgement.warnings
    assert warning.startswith(f"0 of 1 keys of {DAY} are in the catalog")


@case("kms-message")
def the_servers_own_sentence_is_told(world):
    world.on_s3().answer("GetObject", "AccessDenied", sentence=KMS)
    (day,) = world.run([DAY]).days
    assert KMS in day.error
    assert f"s3://{BUCKET}/" in day.error


@case("no-logs-any-more")
def a_day_without_logs_is_empty_and_the_run_says_since_when(world):
    world.run(["2024-05-30", "2024-05-31"])
    for n in (1, 2):
        assert world.run([f"2024-06-0{n}"]).judgement.warnings == []
    report = world.run(["2024-06-03"])
    assert [state for _, state in world.days("log_day", "state")] == 2 * ["complete"] + 3 * ["empty"]
    (warning,) = report.judgement.warnings
    assert warning.startswith("No log objects since 2024-06-01: 3 log days in a row.")
    assert world.run(["2024-06-03"], expect_logs=3).exit_status == 1


@case("prefix-reserved-name", not_yet="a dataset of such a name is nobody's, and nothing says so")
def a_dataset_with_a_name_that_is_taken_is_published_or_said(world):
    report = world.run()
    published = world.datasets().get("archive") == (100, 1)
    assert published or any("archive" in warning for warning in report.judgement.warnings)


@case("skip-leaves-no-trace")
def a_day_that_is_not_whole_says_so(world):
    report = world.run(on_unreadable="skip")
    assert world.days("objects", "unreadable", "lines", "state") == [("2", "1", "1", "partial")]
    assert report.judgement.failures == [f"Not complete: {DAY} (partial)."]
    assert report.exit_status == 1
    assert world.run(on_unreadable="skip", partial="accept").exit_status == 0


@case("skip-leaves-no-trace")
def a_day_with_an_archived_object_says_so(world):
    aws = world.on_s3()
    torn = "2024-06-01-10-00-00-AAAA"
    aws.client().put_object(Bucket=BUCKET, Key=torn, Body=b"", StorageClass="GLACIER")
    report = world.run(on_unreadable="skip")
    assert world.days("objects", "unreadable", "lines", "state") == [("2", "1", "1", "partial")]
    assert report.exit_status == 1


@case("throttling-is-permanent")
def what_can_heal_is_no_permanent_error(world):
    aws = world.on_s3()
    for code, status in {
        "ThrottlingException": 400,
        "Throttling": 400,
        "ExpiredToken": 400,
        "RequestTimeTooSkewed": 403,
    }.items():
        aws.answer("ListObjectsV2", code, status)
        with pytest.raises(StoreUnavailableError, match=code) as raised:
            world.run()
        assert not isinstance(raised.value, PermanentError)
        aws.as_usual()
        aws.answer("GetObject", code, status)
        report = world.run([DAY])
        assert code in report.days[0].error
        assert world.days("log_day", "state") == [(DAY, "incomplete")]
        aws.as_usual()
    assert world.run([DAY]).exit_status == 0


@case("two-buckets-same-key", not_yet="a catalog cannot name buckets")
def a_catalog_that_names_the_bucket_is_of_that_bucket(world):
    catalog = world.folder / "catalog.csv"
    catalog.write_text(
        "bucket,object_key,dataset,version,asset_path\nreef-prod,index.json,reef,1,index.json\n"
    )
    world.run(catalog=str(catalog))
    assert world.datasets() == {"reef": (100, 1), "unassociated": (400, 1)}


@case("two-buckets-same-key", not_yet="nothing tells buckets apart")
def without_a_bucket_a_key_is_of_any_and_the_buckets_are_told_apart(world):
    world.run()
    assert world.datasets() == {"reef": (500, 2)}
    told = {row["bucket"]: row["bytes_sent"] for row in world.table("usage/archive/by_bucket.tsv")}
    assert told == {"reef-prod": "100", "reef-staging": "400"}


@case("two-buckets-same-key", not_yet="there is no setting that chooses buckets")
def buckets_can_be_chosen(world):
    assert "buckets" in Settings.model_fields
    world.run(buckets=("reef-prod",))
    assert world.datasets()["reef"] == (100, 1)


@case("zarr-chunks-as-assets", not_yet="only DANDI's `zarr/<id>` is one asset")
def the_chunks_of_a_store_are_one_asset(world):
    world.run()
    rows = world.table("usage/ds1/by_asset.tsv")
    assert [(row["asset_path"], row["number_of_requests"]) for row in rows] == [("temp.zarr", "1000")]
    assert asset_types(pa.chunked_array([[row["asset_path"] for row in rows]])).to_pylist() == ["Microscopy"]


@case("zarr-folder-misattributed", not_yet="DANDI's rule is every catalog's")
def a_folder_called_zarr_is_a_folder(world):
    world.run()
    assert world.datasets() == {"idr0062A": (100, 1), "unassociated": (300, 1)}


@pytest.mark.parametrize(("name", "check"), CASES)
def test_field_cases(name, check, tmp_path, request):
    check(World(name, tmp_path, lambda: request.getfixturevalue("aws")))


def test_every_folder_is_in_the_table():
    assert {path.name for path in FIELD.iterdir()} == {name for name, _ in (row.values for row in CASES)}
    for path in FIELD.iterdir():
        assert (path / "expected.md").is_file(), path.name
