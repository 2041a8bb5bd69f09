"""Downloads from a server on this machine: resumed, checked, safely unpacked."""

import hashlib
import http.server
import io
import re
import tarfile
import threading

import numpy as np
import pytest

from deltavae.cli.main import main
from deltavae.data import catalogue, load
from deltavae.data.catalogue import PublicSet, Remote
from deltavae.data.download import fetch, unpack
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
        if self.path == "/none":
            self.send_error(404)
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


def _remote(server, **changes):
    return Remote(**dict(url=server.url, path="set/file.bin", checksum=SHA256) | changes)


def test_a_file_arrives_whole_with_progress(server, tmp_path):
    seen = []
    size = len(CONTENT)
    said = fetch(_remote(server, size=size), tmp_path, lambda *now: seen.append(now))
    assert said == SHA256
    assert (tmp_path / "set/file.bin").read_bytes() == CONTENT
    assert seen[-1] == (size, size) and len(seen) > 2
    assert [p.name for p in (tmp_path / "set").iterdir()] == ["file.bin"]


def test_a_broken_download_goes_on_where_it_stopped(server, tmp_path):
    server.breaks_at = 600_000
    with pytest.raises(UserError, match="again"):
        fetch(_remote(server), tmp_path)
    assert not (tmp_path / "set/file.bin").exists()
    server.breaks_at = None
    fetch(_remote(server), tmp_path)
    assert (tmp_path / "set/file.bin").read_bytes() == CONTENT
    assert int(server.ranges[-1][len("bytes=") : -1]) > 0


def test_a_file_that_changed_meanwhile_is_fetched_anew(server, tmp_path):
    server.breaks_at = 600_000
    with pytest.raises(UserError):
        fetch(_remote(server), tmp_path)
    server.breaks_at, server.tag, server.content = None, '"two"', CONTENT[::-1]
    said = fetch(_remote(server, checksum=None), tmp_path)
    assert "unverified" in said
    assert (tmp_path / "set/file.bin").read_bytes() == CONTENT[::-1]


def test_wrong_checksum_and_wrong_size_leave_nothing(server, tmp_path):
    with pytest.raises(UserError, match="isn't the published file"):
        fetch(_remote(server, checksum="sha256:" + "0" * 64), tmp_path)
    with pytest.raises(UserError, match="wrong size"):
        fetch(_remote(server, size=7), tmp_path)
    assert list((tmp_path / "set").iterdir()) == []


def test_a_refusing_and_an_absent_server(server, tmp_path):
    with pytest.raises(UserError, match="404"):
        fetch(_remote(server, url=server.url.replace("file.bin", "none")), tmp_path)
    with pytest.raises(UserError, match="cannot fetch"):
        fetch(_remote(server, url="http://127.0.0.1:9/file.bin"), tmp_path)


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
    _archive(archive, other=b"1")
    with pytest.raises(UserError, match="no folder"):
        unpack(archive, "data/cars", tmp_path / "cars")
    assert not (tmp_path / "cars").exists()


def test_the_command_fetches_a_set_that_then_opens(server, tmp_path, monkeypatch, capsys):
    public_files.write_cars(tmp_path / "source" / "data", count=1)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as tar:
        tar.add(tmp_path / "source" / "data", arcname="data")
    server.content = buffer.getvalue()
    remote = Remote(server.url, "cars", unpack="data/cars")
    monkeypatch.setitem(catalogue.PUBLIC_SETS, "cars3d", PublicSet("page", (remote,)))
    for said in ("unverified", "already there"):
        assert main(["data", "--data_dir", str(tmp_path / "here"), "download", "cars3d"]) == 0
        assert said in capsys.readouterr().out
    assert load("cars3d", tmp_path / "here").num_images == 96
