"""Settings: every knob documented, and refused by name when it makes no sense."""

import pytest
from pydantic import ValidationError

from include.s3logs.documents.settings import settings_page
from include.s3logs.errors import SettingsError
from include.s3logs.settings import DagLimits, Settings, load_settings, require

FIELDS = [(model, name) for model in (Settings, DagLimits) for name in model.model_fields]


# Documentation


@pytest.mark.parametrize(("model", "name"), FIELDS)
def test_every_setting_is_described_under_its_variable(model, name):
    field = model.model_fields[name]
    assert field.description
    assert field.description.endswith(".")
    (row,) = [row for row in settings_page().splitlines() if row.startswith(f"| `S3LOGS_{name.upper()}` |")]
    assert row.endswith(f"| {field.description} |")
    assert row.count("|") == 4  # nothing in it breaks the table


@pytest.mark.parametrize(
    ("variable", "shown"),
    [
        ("SOURCES", "-"),
        ("OPERATIONS", "`REST.GET.OBJECT`"),
        ("REJECTION_LIMIT", "`0.05`"),
        ("RETRIES", "`4`"),
    ],
)
def test_the_page_shows_the_default_or_a_dash(variable, shown):
    assert f"| `S3LOGS_{variable}` | {shown} |" in settings_page()


VALUES = {
    "sources": ("/a,s3://b/c", ("/a", "s3://b/c")),
    "lake": ("/lake", "/lake"),
    "catalog": ("/catalog.csv", "/catalog.csv"),
    "operations": ("REST.HEAD.OBJECT", ("REST.HEAD.OBJECT",)),
    "excluded_ips": ("192.0.2.7", ("192.0.2.7",)),
    "settling_days": ("3", 3),
    "rejection_limit": ("0.5", 0.5),
    "on_unreadable": ("skip", "skip"),
    "partial": ("accept", "accept"),
    "expect_logs": ("3", 3),
    "mask_below": ("0", 0),
    "round_to": ("1", 1),
    "restrict_to_datasets": ("000003, 000021", ("000003", "000021")),
    "exclude_datasets": ("000108,", ("000108",)),
    "dataset_limit": ("5", 5),
    "keep_addresses_days": ("400", 400),
    "most_datasets": ("30", 30),
    "region_table": ("/networks.csv", "/networks.csv"),
    "ipinfo_conn_id": ("mine", "mine"),
    "ipinfo_api": ("lite", "lite"),
    "ipinfo_mmdb": ("/ip.mmdb", "/ip.mmdb"),
    "salt_file": ("/salt", "/salt"),
    "github_list_url": ("none", "none"),
    "vpn_list_url": ("none", "none"),
    "rollup_destination": ("s3://rolled/up/", "s3://rolled/up/"),
    "rollup_level": ("month", "month"),
    "rollup_codec": ("gzip", "gzip"),
    "rollup_originals": ("tag", "tag"),
    "rollup_tag": ("state=rolled up", "state=rolled up"),
    "rollup_schedule": ("0 3 * * *", "0 3 * * *"),
    "aws_conn_id": ("mine", "mine"),
    "pool": ("mine", "mine"),
    "parallel_days": ("2", 2),
    "retries": ("0", 0),
    "retry_seconds": ("1", 1),
    "task_hours": ("1.5", 1.5),
}


@pytest.mark.parametrize(("model", "name"), FIELDS)
def test_every_setting_is_read_from_its_variable(settings_env, model, name):
    text, value = VALUES[name]
    assert getattr(model(), name) != value
    settings_env(**{name: text})
    assert getattr(model(), name) == value


@pytest.mark.parametrize(("model", "name"), FIELDS)
def test_an_empty_variable_means_the_default(settings_env, model, name):
    settings_env(**{name: ""})
    assert getattr(model(), name) == model.model_fields[name].default


def test_settings_come_from_the_env_file_and_variables_go_before_it(settings_env, monkeypatch, tmp_path):
    (tmp_path / ".env").write_text("S3LOGS_LAKE=/from/file\nS3LOGS_MASK_BELOW=7\nAIRFLOW_UID=50000\n")
    monkeypatch.setitem(Settings.model_config, "env_file", tmp_path / ".env")
    settings_env(mask_below=8)
    settings = load_settings()
    assert (settings.lake, settings.mask_below) == ("/from/file", 8)


# Values


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("/a", ("/a",)),
        ("/a,/b", ("/a", "/b")),
        (" /a , s3://b/c ,", ("/a", "s3://b/c")),
        ("/with space,/b", ("/with space", "/b")),
        (",", ()),
    ],
)
def test_lists_are_separated_by_commas(settings_env, text, parts):
    settings_env(sources=text)
    assert load_settings().sources == parts


@pytest.mark.parametrize(
    "ips",
    ["192.0.2.7", "2001:db8::/32", "192.0.2.0/24, 2001:db8::1", "192.0.2.7/24"],
)
def test_excluded_addresses_may_be_addresses_or_networks(settings_env, ips):
    settings_env(excluded_ips=ips)
    assert load_settings().excluded_ips == tuple(part.strip() for part in ips.split(","))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("excluded_ips", "not-an-ip"),
        ("excluded_ips", "192.0.2.7,192.0.2.300"),
        ("excluded_ips", "192.0.2.0/33"),
        ("excluded_ips", "2001:db8::/129"),
        ("settling_days", "-1"),
        ("keep_addresses_days", "-1"),
        ("settling_days", "366"),
        ("settling_days", "ten"),
        ("settling_days", "1.5"),
        ("rejection_limit", "-0.1"),
        ("rejection_limit", "1.1"),
        ("rejection_limit", "5%"),
        ("rejection_limit", "nan"),
        ("on_unreadable", "ignore"),
        ("on_unreadable", "Skip"),
        ("mask_below", "-1"),
        ("mask_below", "many"),
        ("round_to", "0"),
        ("round_to", "2.5"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_naming_variable_and_value(settings_env, name, value):
    settings_env(**{name: value})
    with pytest.raises(SettingsError) as error:
        load_settings()
    assert f"S3LOGS_{name.upper()}=" in str(error.value)
    assert value in str(error.value)


SECRET_ADDRESSES = [
    "s3://AKIAEXAMPLE:Pa55/w+rd@bucket/prefix",
    "s3://AKIAEXAMPLE:Pa55,w'rd@bucket/prefix",
    "/first,s3://AKIAEXAMPLE:Pa55'w@bucket/",
    "s3://AKIAEXAMPLE:12/Pa55@bucket",
    "https://user:Pa55@host/file.csv",
    "ftp://Pa55@host/file.csv",
    "s3://bucket/file.csv?X-Amz-Signature=Pa55",
    "https://host/ip.mmdb?token=Pa55",
    "dandi:https://user:Pa55@host/api",
]


@pytest.mark.parametrize("address", SECRET_ADDRESSES)
@pytest.mark.parametrize(
    "name", ["sources", "lake", "catalog", "region_table", "ipinfo_mmdb", "rollup_destination"]
)
def test_an_address_that_logs_and_lake_would_name_holds_no_secret(settings_env, name, address):
    settings_env(**{name: address})
    with pytest.raises(
        SettingsError, match=f"S3LOGS_{name.upper()}=…: .*without a user.*S3LOGS_AWS_CONN"
    ) as e:
        load_settings()
    assert "Pa55" not in str(e.value) + str(e.value.__cause__)
    assert "AKIA" not in str(e.value) + str(e.value.__cause__)


@pytest.mark.parametrize(
    "address", ["/data/me@host/lake", "s3://bucket/of@others/", "s3://bucket/token=a/key=b/", "/a,/b@c"]
)
def test_an_address_may_have_the_signs_of_a_secret_one(settings_env, address):
    settings_env(lake=address)
    assert load_settings().lake == address


def test_all_values_that_make_no_sense_are_named_at_once(settings_env):
    settings_env(settling_days="ten", round_to="0", mask_below="7")
    with pytest.raises(SettingsError) as error:
        load_settings()
    assert "S3LOGS_SETTLING_DAYS" in str(error.value)
    assert "S3LOGS_ROUND_TO" in str(error.value)
    assert "S3LOGS_MASK_BELOW" not in str(error.value)


def test_a_list_of_no_operations_is_refused_because_nothing_would_count(settings_env):
    settings_env(operations=" , ")
    with pytest.raises(SettingsError, match="S3LOGS_OPERATIONS"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value"), [("parallel_days", "0"), ("retries", "-1"), ("retry_seconds", "0"), ("retries", "x")]
)
def test_limits_that_make_no_sense_are_refused(settings_env, name, value):
    settings_env(**{name: value})
    with pytest.raises(ValidationError, match=name):
        DagLimits()


def test_settings_do_not_change_after_they_were_read():
    settings = load_settings()
    with pytest.raises(ValidationError, match="frozen"):
        settings.mask_below = 0


# Settings that must be there


def test_a_setting_that_must_be_there_and_is_not_is_named(settings_env):
    settings_env(lake="/lake")
    settings = load_settings()
    require(settings, "lake")
    with pytest.raises(SettingsError, match=r"S3LOGS_SOURCES must be set.*docs/settings\.md"):
        require(settings, "sources", "lake")


def test_all_missing_settings_are_named_at_once():
    with pytest.raises(SettingsError, match="S3LOGS_SOURCES and S3LOGS_LAKE must be set"):
        require(load_settings(), "sources", "lake")


def test_a_list_of_nothing_but_commas_is_missing(settings_env):
    settings_env(sources=" , ")
    with pytest.raises(SettingsError, match="S3LOGS_SOURCES must be set"):
        require(load_settings(), "sources")
