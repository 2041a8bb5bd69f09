"""The cache of decoded datasets: shared, whole or absent, and never trusted half-written."""

import errno
import hashlib
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from deltavae.data import cache
from deltavae.errors import UserError

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 1), dtype=np.uint8)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("DELTAVAE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source"
    path.write_bytes(b"1")
    return path


def _decoded(source, blocks=lambda: np.array_split(IMAGES, 3)):
    return cache.decoded("set", IMAGES.shape, [source], blocks)


def _never():
    raise AssertionError("decoded again")


def test_decodes_once_and_then_maps_the_file(source, folder):
    np.testing.assert_array_equal(_decoded(source), IMAGES)
    again = _decoded(source, _never)
    np.testing.assert_array_equal(again, IMAGES)
    assert not again.flags.writeable
    assert sorted(path.suffix for path in folder.iterdir()) == [".json", ".npy"]
    np.testing.assert_array_equal(np.load(next(folder.glob("*.npy"))), IMAGES)


def test_the_description_of_an_array_is_kept_beside_it_and_made_again_if_damaged(source, folder):
    found = _decoded(source)
    content = cache.content_of(found)
    assert content.sha256 == hashlib.sha256(IMAGES.tobytes()).hexdigest()
    assert (content.low, content.high, content.binary) == (IMAGES.min(), IMAGES.max(), False)
    assert cache.content_of(IMAGES) == content
    assert cache.content_of(found[:20]) != content
    (record,) = folder.glob("*.json")
    for damage in ("", "[]", "{}", '{"sha256": 1'):
        record.write_text(damage)
        assert cache.content_of(found) == content
    record.unlink()
    assert cache.content_of(_decoded(source, _never)) == content and record.is_file()


@pytest.mark.parametrize(
    ("values", "binary"), [((0,), True), ((255,), True), ((0, 7), True), ((0, 1, 255), False)]
)
def test_two_values_are_counted_over_the_whole_array(values, binary):
    array = np.repeat(np.uint8(values), 17 * 2**20)[:, None]
    content = cache.content_of(array)
    assert (content.low, content.high, content.binary) == (min(values), max(values), binary)


def test_a_changed_source_is_decoded_anew(source):
    _decoded(source)
    source.write_bytes(b"22")
    np.testing.assert_array_equal(_decoded(source, lambda: [IMAGES[::-1]]), IMAGES[::-1])


def test_a_cache_moves_with_the_data_beside_it(source, tmp_path, monkeypatch):
    monkeypatch.delenv("DELTAVAE_CACHE")
    data = tmp_path / "data"
    data.mkdir()
    source = source.rename(data / "source")
    cache.decoded("set", IMAGES.shape, [source], lambda: [IMAGES], data)
    moved = data.rename(tmp_path / "moved")
    found = cache.decoded("set", IMAGES.shape, [moved / "source"], _never, moved)
    np.testing.assert_array_equal(found, IMAGES)


def test_an_interrupted_write_leaves_nothing(source, folder):
    def breaks():
        yield IMAGES[:10]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _decoded(source, breaks)
    assert list(folder.iterdir()) == []
    with pytest.raises(UserError, match="incomplete"):
        _decoded(source, lambda: [IMAGES[:39]])
    assert list(folder.iterdir()) == []
    np.testing.assert_array_equal(_decoded(source), IMAGES)


def test_what_a_killed_process_left_is_removed(source, folder):
    """Killed while it decodes: the next that decodes removes the half file, and no other's."""
    code = """
import os, signal, sys, numpy as np, pathlib
from deltavae.data import cache
def blocks():
    yield np.zeros((10, 8, 8, 1), np.uint8)
    os.kill(os.getpid(), signal.SIGKILL)
cache.decoded("[a] set", (40, 8, 8, 1), [pathlib.Path(sys.argv[1])], blocks)
"""
    killed = subprocess.run([sys.executable, "-c", code, str(source)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(list(folder.glob("*.part"))) == 1
    (folder / "other-0123456789abcdefxxxxxxxx.part").write_bytes(b"another's")
    found = cache.decoded("[a] set", IMAGES.shape, [source], lambda: [IMAGES])
    np.testing.assert_array_equal(found, IMAGES)
    assert [path.name for path in folder.glob("*.part")] == ["other-0123456789abcdefxxxxxxxx.part"]


@pytest.mark.parametrize("damage", ["short", "long", "empty", "header", "dtype"])
def test_a_damaged_file_is_written_again(source, folder, damage):
    _decoded(source)
    path = next(folder.glob("*.npy"))
    content = path.read_bytes()
    if damage == "dtype":
        np.save(path, IMAGES.astype(np.int16))
    else:
        path.write_bytes(
            {
                "short": content[:-1],
                "long": content + b"x",
                "empty": b"",
                "header": b"x" + content[1:],
            }[damage]
        )
    np.testing.assert_array_equal(_decoded(source), IMAGES)
    np.testing.assert_array_equal(np.load(path), IMAGES)


def test_a_full_disk_ends_in_memory_or_in_one_line(source, folder, monkeypatch):
    usage = cache.shutil.disk_usage
    full = usage(os.sep)._replace(free=0)
    monkeypatch.setattr(cache.shutil, "disk_usage", lambda path: full)
    np.testing.assert_array_equal(_decoded(source), IMAGES)
    monkeypatch.setattr(cache, "MEMORY_SHARE", 0.0)
    with pytest.raises(UserError, match="DELTAVAE_CACHE"):
        _decoded(source)
    monkeypatch.setattr(cache.shutil, "disk_usage", usage)

    def fills():
        yield IMAGES[:10]
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(UserError, match="disk full"):
        _decoded(source, fills)
    assert list(folder.iterdir()) == []


def test_a_folder_without_write_permission_is_left_alone(source, tmp_path, monkeypatch):
    monkeypatch.delenv("DELTAVAE_CACHE")
    monkeypatch.setenv("AICROWD_OUTPUT_PATH", str(tmp_path / "output"))
    data = tmp_path / "data"
    data.mkdir()
    source = source.rename(data / "source")
    data.chmod(0o555)
    cache.decoded("set", IMAGES.shape, [source], lambda: [IMAGES], data)
    assert list(data.iterdir()) == [source]
    assert len(list((tmp_path / "output/.deltavae_cache").glob("*.npy"))) == 1


def test_processes_that_decode_at_once_agree(source, folder):
    code = """
import sys, time, numpy as np, pathlib
from deltavae.data import cache
images = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 1), dtype=np.uint8)
def blocks():
    print("decoding", flush=True)
    for block in np.array_split(images, 3):
        time.sleep(0.1)
        yield block
found = cache.decoded("set", images.shape, [pathlib.Path(sys.argv[1])], blocks)
assert np.array_equal(found, images)
"""
    command = [sys.executable, "-c", code, str(source)]
    workers = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(3)]
    printed = [worker.communicate()[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0, 0]
    assert sum(b"decoding" in text for text in printed) == 1
    assert sorted(path.suffix for path in folder.iterdir()) == [".json", ".npy"]
