"""What makes no sense is refused before any work, all of it at once, each with its setting's name."""

import pytest

from include.s3logs.deployment import Access, Deployment
from include.s3logs.errors import SettingsError
from include.s3logs.pipeline import preview, run
from include.s3logs.settings import Settings, load_settings, read_settings
from include.s3logs.settings.overlaps import overlap
from tests.support.mmdb import mmdb

NOBODY = Access(s3=lambda: (None, None), ipinfo_token=lambda: "")


@pytest.fixture
def logs(tmp_path):
    (tmp_path / "logs").mkdir()
    return f"{tmp_path}/logs"


def check(*of_run, access=NOBODY, offline=False, others=(), **settings):
    deployment = Deployment(Settings(_env_file=None, **settings), access)
    deployment.check(of_run, offline=offline, others=others)


def faults(*of_run, **given):
    with pytest.raises(SettingsError) as raised:
        check(*of_run, **given)
    return str(raised.value).splitlines()


def test_what_makes_sense_passes(logs, tmp_path):
    (tmp_path / "catalog.csv").write_text("object_key,dataset,version,asset_path\n")
    (tmp_path / "networks.csv").write_text("network,region\n192.0.2.0/24,Campus\n")
    (tmp_path / "ip.mmdb").write_bytes(mmdb({"192.0.2.0/24": {"country_code": "US"}}))
    files = {"region_table": f"{tmp_path}/networks.csv", "ipinfo_mmdb": f"{tmp_path}/ip.mmdb"}
    check(sources=(logs,), lake=f"{tmp_path}/lake", catalog=f"{tmp_path}/catalog.csv", **files)
    for catalog in ("", "prefix:1", "dandi"):
        check(sources=(logs,), lake=f"{tmp_path}/lake", catalog=catalog)


def test_all_faults_are_told_at_once(tmp_path, settings_env):
    settings_env(catalogue="x")
    told = faults(
        others=["S3LOGS_POOL=nopool is no pool."],
        lake="ftp://x",
        sources=(f"{tmp_path}/absent",),
        catalog="danid",
        region_table=f"{tmp_path}/absent.csv",
        ipinfo_mmdb=f"{tmp_path}/absent.mmdb",
    )
    parts = [
        "S3LOGS_POOL=nopool",
        "S3LOGS_CATALOGUE is no setting; did you mean S3LOGS_CATALOG?",
        "check S3LOGS_SOURCES",
        "'ftp://x' is neither a folder nor an s3:// address",
        "S3LOGS_CATALOG='danid' is no file and no kind of catalog; did you mean dandi?",
        "S3LOGS_REGION_TABLE=",
        "S3LOGS_IPINFO_MMDB=",
    ]
    assert len(told) == len(parts)
    for part, line in zip(parts, told, strict=True):
        assert part in line


def test_values_that_make_no_sense_by_themselves_are_told_with_the_rest(tmp_path, settings_env):
    settings_env(sources=f"{tmp_path}/absent", lake="ftp://x", operations="GET,HEAD", round_to=0)
    settings_env(restrict_to_datasets="a", exclude_datasets="b", catalogue="x")
    settings = read_settings()
    assert (settings.operations, settings.round_to) == (("REST.GET.OBJECT",), 20)  # the defaults stand in
    assert settings.restrict_to_datasets == ("a",)
    parts = [
        "S3LOGS_EXCLUDE_DATASETS='b': not together with",
        "S3LOGS_OPERATIONS='GET,HEAD': 'GET' is no operation; did you mean REST.GET.OBJECT? 'HEAD' is no",
        "S3LOGS_ROUND_TO='0': Input should be greater",
        "S3LOGS_CATALOGUE is no setting",
        "check S3LOGS_SOURCES",
        "'ftp://x' is neither a folder nor an s3:// address",
    ]
    with pytest.raises(SettingsError) as raised:
        run(settings, access=NOBODY)
    for part, told in zip(parts, str(raised.value).splitlines(), strict=True):
        assert part in told
    with pytest.raises(SettingsError, match="S3LOGS_OPERATIONS"):
        load_settings()  # who tells nothing else


def test_what_is_not_set_is_told_with_the_rest():
    told = faults(catalog="absent.csv")
    assert told[0].startswith("S3LOGS_SOURCES and S3LOGS_LAKE must be set")
    assert "'absent.csv' is no file and no kind of catalog (a manifest's path, prefix:<N>, dandi)" in told[1]


def test_a_region_table_or_database_that_cannot_be_read_is_refused(logs, tmp_path):
    (tmp_path / "networks.csv").write_text("network,region\nnowhere,Campus\n")
    (tmp_path / "other.mmdb").write_bytes(mmdb({"192.0.2.0/24": {"country": {}}}, kind="GeoLite2-City"))
    table, file = faults(
        sources=(logs,),
        lake=f"{tmp_path}/lake",
        region_table=f"{tmp_path}/networks.csv",
        ipinfo_mmdb=f"{tmp_path}/other.mmdb",
    )
    assert f"S3LOGS_REGION_TABLE={tmp_path}/networks.csv, row 2 ('nowhere,Campus') has no network" in table
    assert f"S3LOGS_IPINFO_MMDB='{tmp_path}/other.mmdb' is a GeoLite2-City database" in file


@pytest.mark.parametrize(
    ("lake", "source", "told"),
    [
        ("/a/logs", "/a/logs", "is a source, too"),
        ("/a/logs/", "/a/./logs", "is a source, too"),
        ("/a/logs/lake", "/a/logs", "lies inside the source /a/logs"),
        ("/a", "/a/logs", "holds the source /a/logs"),
        ("file:/a/logs/lake", "/a/logs", "lies inside the source /a/logs"),
        ("/a/logs-lake", "/a/logs", ""),
        ("/a/lake", "/a/logs", ""),
        ("s3://b/logs/", "s3://b/logs", "is a source, too"),
        ("s3://b", "s3://b/", "is a source, too"),
        ("s3://b/logs/lake", "s3://b/logs/", "lies inside the source s3://b/logs/"),
        ("s3://b/lake", "s3://b", "lies inside the source s3://b"),
        ("s3://b/logs-lake", "s3://b/logs", "lies inside the source s3://b/logs"),
        ("s3://b/logs-lake", "s3://b/logs/", ""),
        ("s3://b", "s3://b/logs/", "holds the source s3://b/logs/"),
        ("s3://b/lake", "s3://b/lakes/", ""),
        ("s3://b/lake", "s3://bb/lake/", ""),
        ("/b/lake", "s3://b/lake/", ""),
    ],
)
def test_a_lake_in_a_source_and_a_source_in_the_lake_are_found(lake, source, told):
    assert overlap(lake, source) == told


def test_a_link_hides_no_overlap(logs, tmp_path):
    (tmp_path / "link").symlink_to(logs)
    (told,) = faults(sources=(logs,), lake=f"{tmp_path}/link/lake")
    assert told.startswith(f"S3LOGS_LAKE={tmp_path}/link/lake lies inside the source {logs}")


def test_the_sources_of_a_run_are_looked_at_instead_of_those_of_the_settings(logs, tmp_path):
    check(logs, sources=(f"{tmp_path}/absent",), lake=f"{tmp_path}/lake")
    (told,) = faults(f"{tmp_path}/absent", sources=(logs,), lake=f"{tmp_path}/lake")
    assert f"{tmp_path}/absent" in told


def test_offline_nothing_is_asked_of_s3(tmp_path):
    def refuse():
        raise AssertionError("S3 was asked")

    access = Access(s3=refuse, ipinfo_token=lambda: "")
    there = {"sources": ("s3://logs/",), "lake": "s3://lake/", "catalog": "s3://lake/c.csv"}
    check(access=access, offline=True, region_table="s3://lake/networks.csv", **there)
    with pytest.raises(AssertionError):
        check(access=access, **there)


def test_a_connection_to_s3_that_cannot_be_is_told():
    def nowhere():
        raise ValueError("Invalid endpoint: nowhere")

    told = faults(access=Access(nowhere, lambda: ""), sources=("s3://logs/",), lake="s3://lake/")
    assert told == ["The connection to S3 makes no sense: Invalid endpoint: nowhere"]


def test_the_pipeline_refuses_before_it_writes(logs, tmp_path):
    settings = Settings(_env_file=None, sources=(logs,), lake=f"{logs}/lake", catalog="danid")
    for begin in (run, preview):
        with pytest.raises(SettingsError, match=r"lies inside the source[^\n]*\n[^\n]*did you mean dandi\?"):
            begin(settings)
    assert list((tmp_path / "logs").iterdir()) == []
