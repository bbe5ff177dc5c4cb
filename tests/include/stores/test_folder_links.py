"""Links, pipes and loops in a folder: followed, or listed as what has no content; never a hang."""

import os
import socket
from pathlib import Path

import pytest

from include.s3logs.errors import AccessDeniedError, NotFoundError
from include.s3logs.logs.sources import find_log_objects
from include.s3logs.stores.folder import LocalStore
from tests.support.reduce_world import DAY, World, line, name


def keys(store, **kwargs):
    return [info.key for info in store.list(**kwargs)]


def dangling(path):
    path.symlink_to("../.git/annex/objects/not-here")


def loop(path):
    path.symlink_to(path.name)


def pipe(path):
    os.mkfifo(path)


def link_to_pipe(path):
    os.mkfifo(path.with_name("pipe"))
    path.symlink_to("pipe")


def unix_socket(path):
    here = Path.cwd()
    os.chdir(path.parent)  # its address must be short
    try:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(path.name)
    finally:
        os.chdir(here)


def below_a_file(path):
    path.with_name("file").write_bytes(b"")
    path.symlink_to("file/nothing")


KINDS = [dangling, loop, pipe, link_to_pipe, unix_socket, below_a_file]


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    world.deliver(line())
    return world


@pytest.mark.parametrize("kind", KINDS)
def test_what_has_no_content_is_listed_and_reading_it_says_so(tmp_path, kind):
    store = LocalStore(tmp_path)
    kind(tmp_path / "a")
    info = store.find("a")
    assert info in list(store.list())
    assert (info.size, info.etag[:11]) == (0, "no-content-")
    for read in (
        lambda: store.read("a", info.etag),
        lambda: list(store.read_pieces("a", info.size, info.etag)),
        lambda: store.read_range("a", 0, 1),
    ):
        with pytest.raises(NotFoundError, match=r"/a .*: its content is not here"):
            read()
    assert store.delete_versions([(info.key, info.etag)]) == {}
    assert store.find("a") is None


@pytest.mark.parametrize("kind", KINDS)
def test_one_with_the_name_of_a_log_object_is_an_unreadable_one(world, kind):
    kind(world.stores["reef"].root / name("B"))
    counts = world.reduce(on_unreadable="skip").checkpoint.counts
    assert (counts["log_objects"], counts["unreadable_objects"], counts["reduced_rows"]) == (2, 1, 1)


def test_its_content_comes_later(world):
    path = world.stores["reef"].root / name("B")
    dangling(path)
    first = world.reduce(on_unreadable="skip")
    assert first.checkpoint.counts["unreadable_objects"] == 1
    target = path.parent / path.readlink()
    target.parent.mkdir(parents=True)
    target.write_bytes(line(request_id="R2"))
    later = world.reduce(on_unreadable="skip")
    assert not later.reused
    assert later.checkpoint.counts["unreadable_objects"] == 0
    assert later.checkpoint.counts["reduced_rows"] == 2


@pytest.mark.parametrize("where", ["inside", "outside"])
def test_links_to_files_are_followed(tmp_path, where):
    root = tmp_path / "root"
    store = LocalStore(root)
    store.write("b", b"b")
    target = (root if where == "inside" else tmp_path) / "target"
    target.write_bytes(b"content")
    (root / "a").symlink_to(target)
    info = store.find("a")
    assert next(store.list()) == info
    assert store.read("a", info.etag) == b"content"
    store.delete(["a"])
    assert target.exists()


def test_links_to_folders_are_listed_as_such_and_not_followed(world, tmp_path):
    root, elsewhere = world.stores["reef"].root, LocalStore(tmp_path / "elsewhere")
    elsewhere.write(name("B"), line())
    (root / "more").symlink_to(elsewhere.root)
    (root / "round").symlink_to(root)
    store = world.stores["reef"]
    assert keys(store) == [name(), "more/", "round/"]
    assert keys(store, prefix="mo") == ["more/"]
    assert keys(store, start_after="more/") == ["round/"]
    assert [*store.list_folder("")] == ["logs/", *[*store.list()][1:]]
    listing = find_log_objects(world.stores, DAY, DAY)
    assert (listing.foreign.count, len(listing.of(DAY))) == (2, 1)
    assert listing.foreign.examples == [f"{root}/more", f"{root}/round"]
    assert store.find("more") is None
    store.delete(["more/", "round/"])
    assert keys(elsewhere) == [name("B")]
    assert (root / "more").is_symlink()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look everywhere")
def test_a_link_to_where_we_may_not_look(tmp_path):
    hidden, store = tmp_path / "hidden", LocalStore(tmp_path / "root")
    hidden.mkdir()
    (hidden / "file").write_bytes(b"")
    store.write("b", b"")
    (store.root / "a").symlink_to(hidden / "file")
    hidden.chmod(0)
    try:
        assert keys(store) == ["a", "b"]
        with pytest.raises(AccessDeniedError, match="a may not be read"):
            store.read("a")
    finally:
        hidden.chmod(0o700)
