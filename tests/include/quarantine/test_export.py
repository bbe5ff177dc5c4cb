"""The quarantine read back from the lake, and exported with invented values."""

import json
import re
from collections import Counter
from datetime import date

import pytest

from include.s3logs.errors import CorruptLakeError, PermanentError
from include.s3logs.lake.checkpoint import KIND, RETAINED, amend, checkpoint_key, load_checkpoint
from include.s3logs.lake.pointer import CHECKSUM, Pointer, checksum
from include.s3logs.logs.sources import find_log_objects
from include.s3logs.parsing.strict import Reason, parse_line
from include.s3logs.quarantine.export import export, quarantined, without_lines
from include.s3logs.sample import write_sample
from include.s3logs.settings import Settings
from include.s3logs.stores.folder import LocalStore
from tests.support.one_day import reduce_day

FIRST, SECOND = date(2024, 6, 1), date(2024, 6, 2)
BAD = b"alice.example [12/May/2026:08:09:10 +0000] 192.0.2.77 secretkey\n"
LATIN = b"m\xfcller caf\xc3\xa9 passwords\n"


class World:
    """A source and a lake, both folders."""

    def __init__(self, folder):
        self.folder = folder
        self.lake = LocalStore(folder / "lake")
        self.target = folder / "export.jsonl"

    def reduce(self, day, content=None, source="logs", **values):
        stores = {"src": LocalStore(self.folder / source)}
        if content is not None:
            stores["src"].write(f"private/{day}-11-00-00-ABCDEF", content)
        listing = find_log_objects(stores, day, day)
        limits = Settings(_env_file=None, rejection_limit=1, **values)
        reduce_day(self.lake, stores, day, listing, limits)

    def exported(self):
        return [json.loads(text) for text in self.target.read_text("ascii").splitlines()]


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_all_days_in_order_with_where_each_line_came_from(world):
    world.reduce(SECOND, LATIN)
    world.reduce(FIRST, BAD + BAD)
    found = list(quarantined(world.lake))
    assert [(entry["log_object"][8:18], entry["line_number"]) for entry in found] == [
        ("2024-06-01", 1),
        ("2024-06-01", 2),
        ("2024-06-02", 1),
    ]
    assert found[2]["raw"].encode("utf-8", "surrogateescape") == LATIN[:-1]


def test_only_the_days_asked_for(world):
    world.reduce(FIRST, BAD)
    world.reduce(SECOND, LATIN)
    assert [entry["reason"] for entry in quarantined(world.lake, lambda day: day > FIRST)] == [Reason.HEADER]
    assert export(world.lake, world.target, lambda day: day == FIRST).total() == 1


def test_only_what_a_checkpoint_names_is_read(world):
    world.reduce(FIRST, BAD)
    world.lake.write("reduced/2024-06-01/quarantine-0.jsonl", b"not of a finished attempt")
    world.lake.write("reduced/2024-06-09/quarantine-0.jsonl", b"not of a finished attempt")
    world.lake.write("reduced/notes/_checkpoint.json", b"somebody's own")
    assert len(list(quarantined(world.lake))) == 1


def test_days_whose_lines_went_with_their_addresses_have_none_and_are_known(world):
    world.reduce(FIRST, BAD)
    world.reduce(SECOND, LATIN)
    reduced = load_checkpoint(world.lake, "reduced", FIRST)
    version = Pointer(world.lake, checkpoint_key("reduced", FIRST), KIND).version()
    amend(world.lake, reduced, {}, {RETAINED: "2024-08-01"}, over=version)
    assert [entry["log_object"][8:18] for entry in quarantined(world.lake)] == ["2024-06-02"]
    assert without_lines(world.lake) == {"2024-06-01": "2024-08-01"}
    assert without_lines(world.lake, lambda day: day > FIRST) == {}
    assert export(world.lake, world.target).total() == 1


def test_a_changed_quarantine_is_refused(world):
    world.reduce(FIRST, BAD)
    (info,) = world.lake.list("reduced/2024-06-01/quarantine-")
    world.lake.write(info.key, b'{"raw": "x", "reason": "y"}\n')
    with pytest.raises(CorruptLakeError, match="2024-06-01"):
        export(world.lake, world.target)


def test_export_holds_reason_and_line_and_nothing_of_the_original(world):
    world.reduce(FIRST, BAD)
    world.reduce(SECOND, LATIN)
    assert export(world.lake, world.target) == Counter({str(Reason.HEADER): 2})
    first, second = world.exported()
    assert first.keys() == second.keys() == {"reason", "raw"}
    assert len(first["raw"]) == len(BAD) - 1
    assert len(second["raw"].encode("utf-8", "surrogateescape")) == len(LATIN) - 1
    with pytest.raises(UnicodeDecodeError):  # the byte that is no UTF-8 is still none
        second["raw"].encode("utf-8", "surrogateescape").decode()
    # Whole runs: a longer one may by chance have a short one in it.
    runs = re.findall("[0-9A-Za-z]+", first["raw"] + " " + second["raw"])
    left = {"alice", "example", "secretkey", "2026", "ller", "caf", "passwords"}.intersection(runs)
    assert not left
    text = world.target.read_text()
    for original in ("192.0.2.77", "secretkey", "passwords", "ABCDEF", "private"):
        assert original not in text


def test_the_same_value_in_two_days_is_the_same_in_the_export(world):
    world.reduce(FIRST, BAD)
    world.reduce(SECOND, b"again alice.example\n")
    export(world.lake, world.target)
    first, second = world.exported()
    assert first["raw"].split()[0] == second["raw"].split()[1]


def test_an_unreadable_object_has_no_line_to_export(world):
    world.reduce(FIRST, b"\x1f\x8bzz", on_unreadable="skip")
    assert [entry["raw"] for entry in quarantined(world.lake)] == [None]
    assert export(world.lake, world.target) == Counter()


def test_a_reason_of_another_version_is_not_handed_on(world):
    world.reduce(FIRST, BAD)
    (info,) = world.lake.list("reduced/2024-06-01/quarantine-")
    content = world.lake.read(info.key).replace(str(Reason.HEADER).encode(), b"no such user alice     ")
    world.lake.write(info.key, content)
    checkpoint = json.loads(world.lake.read("reduced/2024-06-01/_checkpoint.json"))
    from hashlib import sha256

    checkpoint["files"]["quarantine"]["sha256"] = sha256(content).hexdigest()
    del checkpoint[CHECKSUM]
    checkpoint[CHECKSUM] = checksum(checkpoint)
    world.lake.write("reduced/2024-06-01/_checkpoint.json", json.dumps(checkpoint).encode())
    assert export(world.lake, world.target) == Counter({"another reason": 1})
    assert "alice" not in world.target.read_text()


def test_nothing_quarantined_writes_no_file(world):
    assert export(world.lake, world.target) == Counter()
    world.reduce(FIRST, b"")
    assert export(world.lake, world.target) == Counter()
    assert not world.target.exists()


def test_a_target_that_cannot_be_written_is_named(world):
    world.reduce(FIRST, BAD)
    with pytest.raises(PermanentError, match=r"nowhere/export\.jsonl cannot be written"):
        export(world.lake, world.folder / "nowhere" / "export.jsonl")


def test_the_quarantine_of_the_sample(tmp_path):
    write_sample(tmp_path)
    world = World(tmp_path)
    for number in range(1, 31):
        world.reduce(date(2024, 6, number), source="logs", on_unreadable="skip")
    found = [entry for entry in quarantined(world.lake) if entry["raw"]]
    export(world.lake, world.target)
    exported = world.exported()
    assert len(exported) == len(found) > 5
    originals, left = set(), set()
    for before, after in zip(found, exported, strict=True):
        raw = after["raw"].encode("utf-8", "surrogateescape")
        assert after["reason"] == before["reason"] == str(parse_line(raw))
        assert len(raw) == len(before["raw"].encode("utf-8", "surrogateescape"))
        originals |= set(re.findall(r"(?<![%0-9A-Za-z])[0-9A-Za-z]{4,}", before["raw"]))
        left |= set(re.findall(r"(?<![%0-9A-Za-z])[0-9A-Za-z]{4,}", after["raw"]))
    assert len(originals) > 20
    kept = (
        "HTTP Mozilla http https user amazonaws AuthHeader SigV4 TLSv1 ECDHE AES128 SHA256 REST OBJECT 0000"
    )
    assert (originals & left) <= set(kept.split())
