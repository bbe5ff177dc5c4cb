"""The salt: made once, the same for all, never inside the lake and never shown."""

import hmac
import os
import stat
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.s3logs.errors import SettingsError
from include.s3logs.regions import salt
from include.s3logs.regions.salt import hash_address, usual_folders
from include.s3logs.settings import PROJECT


@pytest.fixture(autouse=True)
def no_salt(monkeypatch):
    """No salt in the environment."""
    monkeypatch.delenv("IP_HASH_SALT")


@pytest.fixture
def places(tmp_path):
    """A project and a home of this test alone."""
    project, home = tmp_path / "project", tmp_path / "home"
    project.mkdir()
    home.mkdir()
    return project, home


@pytest.fixture
def load_salt(places):
    """The function, which looks in these places."""
    return partial(salt.load_salt, folders=lambda: places)


def load_in_process(path):
    import os

    os.environ.pop("IP_HASH_SALT", None)
    return salt.load_salt(path)


def test_the_usual_folders_are_the_project_and_the_home(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert usual_folders() == (PROJECT, tmp_path)


def test_a_user_whom_the_system_does_not_know_has_the_project_alone(monkeypatch):
    def nobody():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr("pathlib.Path.home", nobody)
    assert usual_folders() == (PROJECT,)


def test_the_variable_goes_before_all_files(load_salt, monkeypatch, tmp_path):
    monkeypatch.setenv("IP_HASH_SALT", "a salt that is long enough ")
    assert load_salt(str(tmp_path / "file")) == b"a salt that is long enough"
    assert not (tmp_path / "file").exists()


def test_the_variable_may_hold_any_bytes(load_salt, monkeypatch):
    monkeypatch.setenv("IP_HASH_SALT", os.fsdecode(b"\xff\x80 and fourteen more"))
    assert load_salt() == b"\xff\x80 and fourteen more"


def test_a_salt_is_made_once_for_its_owner_alone(load_salt, places, caplog):
    project, home = places
    first = load_salt()
    file = project / ".s3logs/ip_hash_salt"
    assert file.read_text().strip().encode() == first
    assert len(first) == 64
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) & 0o077 == 0
    assert load_salt() == first
    assert [path.name for path in file.parent.iterdir()] == ["ip_hash_salt"]
    assert list(home.iterdir()) == []
    assert str(file) in caplog.text
    assert first.decode() not in caplog.text


def test_a_file_that_the_setting_names(load_salt, tmp_path):
    file = tmp_path / "secret/salt"
    assert load_salt(str(file)) == file.read_text().strip().encode()


def test_where_the_project_may_not_be_written_it_is_the_home(load_salt, places):
    project, home = places
    project.rmdir()
    project.touch()  # in a file nobody may make one, not even root
    made = load_salt()
    assert (home / ".s3logs/ip_hash_salt").read_text().strip().encode() == made
    project.unlink()
    project.mkdir()
    assert load_salt() == made  # it stays where it is when the project becomes writable


def test_where_a_salt_may_be_that_may_not_be_looked_at_no_other_is_made(load_salt, places, monkeypatch):
    def is_file(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_file", is_file)
    with pytest.raises(SettingsError, match=r"Permission denied.*ip_hash_salt.*S3LOGS_SALT_FILE"):
        load_salt()
    assert not any(any(folder.iterdir()) for folder in places)


def test_processes_that_start_at_once_agree(tmp_path):
    path = str(tmp_path / "new/salt")
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        found = set(pool.map(load_in_process, [path] * 12))
    assert len(found) == 1
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["salt"]


def test_a_process_that_was_slower_takes_what_is_there(load_salt, tmp_path, monkeypatch):
    file = tmp_path / "salt"
    exists = Path.exists
    file.write_text("0123456789abcdef\n")
    monkeypatch.setattr(Path, "exists", lambda path: path != file and exists(path))
    assert load_salt(str(file)) == b"0123456789abcdef"


@pytest.mark.parametrize("lake", ["lake", "lake/", "file:{}/lake"])
def test_a_file_inside_the_lake_is_refused(load_salt, tmp_path, monkeypatch, lake):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match="inside the lake"):
        load_salt(str(tmp_path / "lake/regions/salt"), lake.format(tmp_path))
    link = tmp_path / "link"
    (tmp_path / "lake").mkdir(exist_ok=True)
    link.symlink_to(tmp_path / "lake")
    with pytest.raises(SettingsError, match="inside the lake"):
        load_salt(str(link / "salt"), lake.format(tmp_path))


def test_a_default_inside_the_lake_is_refused_and_a_lake_in_a_bucket_is_no_matter(load_salt, places):
    project, _ = places
    with pytest.raises(SettingsError, match="inside the lake"):
        load_salt("", str(project))
    assert load_salt("", "s3://bucket/lake")


def test_what_can_be_guessed_is_refused_without_showing_it(load_salt, monkeypatch, tmp_path):
    monkeypatch.setenv("IP_HASH_SALT", "swordfish")
    with pytest.raises(SettingsError, match="IP_HASH_SALT") as error:
        load_salt()
    assert "swordfish" not in str(error.value)
    monkeypatch.delenv("IP_HASH_SALT")
    (tmp_path / "salt").write_text("\n")
    with pytest.raises(SettingsError, match="can be guessed"):
        load_salt(str(tmp_path / "salt"))


@pytest.mark.parametrize("name", ["s3://bucket/salt", "{}", "{}/file/salt"])
def test_what_is_no_file_is_refused(load_salt, tmp_path, name):
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="IP_HASH_SALT"):
        load_salt(name.format(tmp_path))


@given(st.binary(max_size=200), st.binary(min_size=4, max_size=16))
def test_the_hash_of_an_address_is_what_the_standard_library_says(salt_, packed):
    assert hash_address(salt_, packed) == hmac.digest(salt_, packed, "sha256")[:16]
