"""Downloads from a server on this machine: resumed, checked, safely unpacked."""

import errno
import hashlib
import http.server
import io
import os
import re
import tarfile
import threading

import numpy as np
import pytest

from deltavae.cli.main import main
from deltavae.data import load
from deltavae.data.download import fetch, problem_with, unpack
from deltavae.data.public.base import PublicFile
from deltavae.data.public.cars3d import Cars3D
from deltavae.data.public.dsprites import DSprites
from deltavae.errors import UserError
from tests.data import public_files

CONTENT = np.random.default_rng(0).bytes(1_500_000)
SHA256 = "sha256:" + hashlib.sha256(CONTENT).hexdigest()


class _Server(http.server.ThreadingHTTPServer):
    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.content, self.tag, self.breaks_at, self.ranges = CONTENT, '"one"', None, []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/file.bin"


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server, start = self.server, 0
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        server.ranges.append(self.headers.get("Range"))
        if self.path.startswith("/status"):
            self.send_error(int(self.path[7:]))
            return
        if asked and self.headers["If-Range"] == server.tag:
            start = int(asked[1])
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(server.content) - start))
        self.send_header("ETag", server.tag)
        self.end_headers()
        self.wfile.write(server.content[start : server.breaks_at])

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    server = _Server()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


PAGE = "https://publisher.example/page"


def _file(server, **changes):
    return PublicFile(**dict(urls=(server.url,), path="set/file.bin", checksum=SHA256) | changes)


def test_a_file_arrives_whole_with_progress(server, tmp_path):
    seen = []
    size = len(CONTENT)
    said = fetch(_file(server, size=size), tmp_path, PAGE, lambda *now: seen.append(now))
    assert said == SHA256
    assert (tmp_path / "set/file.bin").read_bytes() == CONTENT
    assert seen[-1] == (size, size) and len(seen) > 2
    assert [p.name for p in (tmp_path / "set").iterdir()] == ["file.bin"]


def test_a_broken_download_goes_on_where_it_stopped(server, tmp_path):
    server.breaks_at = 600_000
    with pytest.raises(UserError, match="again"):
        fetch(_file(server), tmp_path, PAGE)
    assert not (tmp_path / "set/file.bin").exists()
    server.breaks_at = None
    fetch(_file(server), tmp_path, PAGE)
    assert (tmp_path / "set/file.bin").read_bytes() == CONTENT
    assert int(server.ranges[-1][len("bytes=") : -1]) > 0


def test_a_file_that_changed_meanwhile_is_fetched_anew(server, tmp_path):
    server.breaks_at = 600_000
    with pytest.raises(UserError):
        fetch(_file(server), tmp_path, PAGE)
    server.breaks_at, server.tag, server.content = None, '"two"', CONTENT[::-1]
    said = fetch(_file(server, checksum=None), tmp_path, PAGE)
    assert "no checksum is known" in said
    assert hashlib.sha256(CONTENT[::-1]).hexdigest() in said
    assert (tmp_path / "set/file.bin").read_bytes() == CONTENT[::-1]


def test_wrong_checksum_and_wrong_size_leave_nothing(server, tmp_path):
    with pytest.raises(UserError, match="not the published file"):
        fetch(_file(server, checksum="sha256:" + "0" * 64), tmp_path, PAGE)
    with pytest.raises(UserError, match="wrong size"):
        fetch(_file(server, size=7), tmp_path, PAGE)
    assert list((tmp_path / "set").iterdir()) == []


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_an_address_that_is_gone_sends_to_the_page_and_names_the_place(server, tmp_path, status):
    gone = server.url.replace("file.bin", f"status{status}")
    with pytest.raises(UserError, match=str(status)) as caught:
        fetch(_file(server, urls=(gone,)), tmp_path, PAGE)
    message = str(caught.value)
    assert PAGE in message and str(tmp_path / "set/file.bin") in message
    assert "run the command again" not in message


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_in_trouble_may_be_asked_again(server, tmp_path, status):
    busy = server.url.replace("file.bin", f"status{status}")
    with pytest.raises(UserError, match="run the command again"):
        fetch(_file(server, urls=(busy, server.url)), tmp_path, PAGE)


def test_an_absent_server(tmp_path, server):
    with pytest.raises(UserError, match="cannot fetch"):
        fetch(_file(server, urls=("http://127.0.0.1:9/file.bin",)), tmp_path, PAGE)


def test_the_next_address_is_tried_where_one_is_gone(server, tmp_path):
    gone = server.url.replace("file.bin", "status404")
    assert fetch(_file(server, urls=(gone, server.url)), tmp_path, PAGE) == SHA256
    assert (tmp_path / "set/file.bin").read_bytes() == CONTENT


HTML = b"\n<!DOCTYPE html><html><body>Sign in to go on</body></html>"


@pytest.mark.parametrize("path", ["a/b.npz", "a/b.h5", "a/b.mat", "a/b.jpg", "a/b.bin"])
def test_a_web_page_in_place_of_a_file_is_deleted(server, tmp_path, path):
    server.content = HTML
    with pytest.raises(UserError, match=r"a web page.*by hand"):
        fetch(_file(server, path=path, checksum=None), tmp_path, PAGE)
    assert list((tmp_path / "a").iterdir()) == []


def test_a_web_page_in_place_of_an_archive_is_deleted(server, tmp_path):
    """Kept, it would be taken for the archive by every later download."""
    public_files.write_cars(tmp_path / "source" / "data", count=1)
    remote = _file(
        server,
        urls=(server.url.replace("file.bin", "cars.tar.gz"),),
        path="cars",
        checksum=None,
        unpack="data/cars",
    )
    server.content = HTML
    for _ in range(2):
        with pytest.raises(UserError, match="a web page"):
            fetch(remote, tmp_path, PAGE)
        assert [path.name for path in tmp_path.iterdir()] == ["source"]
    # One that an earlier version has left there is no hindrance either.
    (tmp_path / "cars.tar.gz").write_bytes(HTML)
    server.content, server.tag = _tar(tmp_path / "source"), '"two"'
    fetch(remote, tmp_path, PAGE)
    assert len(list((tmp_path / "cars").iterdir())) == 1


def _tar(source):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as tar:
        tar.add(source / "data", arcname="data")
    return buffer.getvalue()


def _archive(path, **files):
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name.replace("__", "/").replace("UP", ".."))
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


def test_unpacking_takes_one_folder(tmp_path):
    _archive(tmp_path / "a.tar.gz", data__cars__one=b"1", data__cars__x__two=b"2", data__no=b"3")
    unpack(tmp_path / "a.tar.gz", "data/cars", tmp_path / "cars")
    found = {str(p.relative_to(tmp_path / "cars")) for p in (tmp_path / "cars").rglob("*")}
    assert found == {"one", "x", "x/two"}


def test_nothing_escapes_from_an_archive(tmp_path):
    archive, target = tmp_path / "a.tar.gz", tmp_path / "in" / "cars"
    _archive(archive, data__cars__ok=b"1", data__cars__UP__UP__out=b"2")
    with pytest.raises(UserError, match="outside"):
        unpack(archive, "data/cars", target)
    with tarfile.open(archive, "w:gz") as tar:
        link = tarfile.TarInfo("data/cars/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc"
        tar.addfile(link)
    with pytest.raises(UserError):
        unpack(archive, "data/cars", target)
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["a.tar.gz", "in"]


def test_damaged_archives(tmp_path):
    archive = tmp_path / "a.tar.gz"
    _archive(archive, data__cars__one=CONTENT)
    archive.write_bytes(archive.read_bytes()[:100_000])
    with pytest.raises(UserError, match="cannot unpack"):
        unpack(archive, "data/cars", tmp_path / "cars")
    _archive(archive, data__cars__one=b"ab" * 500_000)
    content = archive.read_bytes()
    archive.write_bytes(content[: len(content) // 2] + b"\xff" * len(content))
    with pytest.raises(UserError, match="cannot unpack"):
        unpack(archive, "data/cars", tmp_path / "cars")
    _archive(archive, other=b"1")
    with pytest.raises(UserError, match="no folder"):
        unpack(archive, "data/cars", tmp_path / "cars")
    assert not (tmp_path / "cars").exists()


def test_a_disk_that_is_full_while_unpacking_keeps_the_archive(server, tmp_path, monkeypatch):
    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    public_files.write_cars(tmp_path / "source" / "data", count=1)
    server.content = _tar(tmp_path / "source")
    remote = PublicFile("cars", (server.url + ".tar.gz",), unpack="data/cars")
    with monkeypatch.context() as patch:
        patch.setattr(tarfile.TarFile, "extract", full)
        with pytest.raises(UserError, match=r"cannot write to .*No space left.*again"):
            fetch(remote, tmp_path / "here", PAGE)
    left = tmp_path / "here" / "file.bin.tar.gz"
    assert list((tmp_path / "here").iterdir()) == [left] and left.read_bytes() == server.content
    fetch(remote, tmp_path / "here", PAGE)
    assert len(server.ranges) == 1  # nothing was fetched twice
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["cars"]


def test_the_command_fetches_a_dataset_that_then_opens(server, tmp_path, monkeypatch, capsys):
    public_files.write_cars(tmp_path / "source" / "data", count=1)
    server.content = _tar(tmp_path / "source")
    file = PublicFile("cars", (server.url + ".tar.gz",), unpack="data/cars")
    monkeypatch.setattr(Cars3D, "files", (file,))
    for said in ("no checksum is known", "already there, opens"):
        assert main(["data", "--data_dir", str(tmp_path / "here"), "download", "cars3d"]) == 0
        assert said in capsys.readouterr().out
    assert load("cars3d", tmp_path / "here").num_images == 96
    # A folder may hold the user's own files: it is judged, not deleted.
    car = next((tmp_path / "here/cars").iterdir())
    car.write_bytes(HTML)
    assert main(["data", "--data_dir", str(tmp_path / "here"), "download", "cars3d"]) == 2
    assert f"{car.name}: a web page" in capsys.readouterr().err
    assert car.exists()


def test_the_command_checks_what_is_there_and_mends_it(server, tmp_path, monkeypatch, capsys):
    public_files.write_dsprites(tmp_path / "source")
    path = "dsprites/dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz"
    server.content = (tmp_path / "source" / path).read_bytes()
    monkeypatch.setattr(DSprites, "files", (PublicFile(path, (server.url,)),))
    arguments = ["data", "--data_dir", str(tmp_path / "here"), "download", "dsprites_full"]
    (tmp_path / "here/dsprites").mkdir(parents=True)
    half = server.content[: len(server.content) // 2]
    for content, says in ((HTML, "a web page, so it was deleted"), (half, "damaged")):
        (tmp_path / "here" / path).write_bytes(content)
        assert main(arguments) == 0
        assert says in capsys.readouterr().out
        assert (tmp_path / "here" / path).read_bytes() == server.content
    assert main(arguments) == 0 and "already there" in capsys.readouterr().out
    # Another release, or one packed anew, opens and is kept.
    file = PublicFile(path, (server.url,), checksum="md5:" + "0" * 32)
    monkeypatch.setattr(DSprites, "files", (file,))
    assert main(arguments) == 0
    assert "opens, but isn't the published file" in capsys.readouterr().out


def test_what_is_published_opens(public_root):
    """No false alarm: the files that the readers read have no problem; half of one has."""
    for path in sorted(public_root.rglob("*")):
        assert problem_with(path) is None, path
    for path in public_root.rglob("*.h5"):
        half = path.with_name("half.h5")
        half.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        assert "damaged" in problem_with(half)
        half.unlink()
