from __future__ import annotations

import hashlib
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

from common.data import download
from common.data.context import DataContext
from common.data.download import RemoteFile, fetch
from common.errors import CorruptDataError, MissingDataError

CONTENT = bytes(range(256)) * 4_000
SHA256 = "sha256:" + hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server():
    """A loopback server whose `behaviour` (whole, truncate, stall, wrong, no_range, absent) can be
    set, or given request by request in `script`; `asked` lists the Range headers it got."""
    state = SimpleNamespace(behaviour="whole", script=[], asked=[], release=threading.Event())

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_args):
            pass

        def do_GET(self):
            asked = self.headers.get("Range")
            state.asked.append(asked)
            behaviour = state.script.pop(0) if state.script else state.behaviour
            if behaviour == "absent":
                self.send_error(404)
                return
            content = CONTENT if behaviour != "wrong" else CONTENT[::-1]
            start = 0
            if asked and behaviour != "no_range":
                start = int(asked.removeprefix("bytes=").rstrip("-"))
            if start >= len(content):
                self.send_error(416)
                return
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            rest = content[start:]
            if behaviour in ("truncate", "stall"):
                self.wfile.write(rest[: max(1, len(rest) // 2)])
                self.wfile.flush()
                if behaviour == "stall":
                    state.release.wait(20)
                self.close_connection = True
                return
            self.wfile.write(rest)

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    thread = threading.Thread(target=httpd.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{httpd.server_port}/archive.tar.gz"
    yield state
    state.release.set()
    httpd.shutdown()
    httpd.server_close()


@pytest.fixture
def online(tmp_path):
    return DataContext(tmp_path / "data", progress=False)


def get(server, context, checksum=SHA256):
    remote = RemoteFile(server.url, checksum, 1)
    return fetch(remote, context, set_name="Set", alternative="Or use a stand-in.")


def test_whole_file_is_said_fetched_verified_and_kept(server, online, capsys):
    path = get(server, online)
    assert path == online.downloads / "archive.tar.gz"
    assert path.read_bytes() == CONTENT
    said = capsys.readouterr().err
    assert f"Fetching archive.tar.gz (1 MB) from {server.url} to" in said
    get(server, online)
    assert server.asked == [None], "fetched twice"
    md5 = "md5:" + hashlib.md5(CONTENT).hexdigest()
    assert get(server, online, md5) == path


def test_transfer_that_breaks_off_goes_on_within_the_call(server, online):
    server.script = ["truncate", "truncate"]
    assert get(server, online).read_bytes() == CONTENT
    first, second, third = server.asked
    assert first is None
    begun = [int(asked.removeprefix("bytes=").rstrip("-")) for asked in (second, third)]
    assert 0 < begun[0] < begun[1] < len(CONTENT)


def test_what_has_come_is_kept_for_the_next_call(server, online):
    server.behaviour = "truncate"
    with pytest.raises(MissingDataError) as caught:
        get(server, online)
    for words in ("Set: archive.tar.gz", "broke off", "goes on from there", SHA256, "a stand-in"):
        assert words in str(caught.value)
    part = online.downloads / "archive.tar.gz.part"
    assert 0 < part.stat().st_size < len(CONTENT)
    assert not (online.downloads / "archive.tar.gz").exists()
    server.behaviour = "whole"
    assert get(server, online).read_bytes() == CONTENT
    assert server.asked[-1] is not None
    assert not part.exists()


def test_server_that_cannot_resume(server, online):
    server.behaviour = "truncate"
    with pytest.raises(MissingDataError):
        get(server, online)
    server.behaviour = "no_range"
    assert get(server, online).read_bytes() == CONTENT


def test_part_that_is_whole_already(server, online):
    online.downloads.mkdir(parents=True)
    (online.downloads / "archive.tar.gz.part").write_bytes(CONTENT)
    assert get(server, online).read_bytes() == CONTENT


def test_server_that_stalls(server, online, monkeypatch):
    monkeypatch.setattr(download, "TIMEOUT", (0.3, 0.3))
    server.behaviour = "stall"
    start = time.monotonic()
    with pytest.raises(MissingDataError, match="no answer in time"):
        get(server, online)
    assert time.monotonic() - start < 5
    server.behaviour = "whole"
    assert get(server, online).read_bytes() == CONTENT


def test_wrong_bytes_are_refused_and_deleted(server, online):
    server.behaviour = "wrong"
    with pytest.raises(CorruptDataError, match="does not have the published checksum"):
        get(server, online)
    left = [path.name for path in online.downloads.iterdir()]
    assert left == ["archive.tar.gz.lock"]


def test_resumed_wrong_part_is_not_kept_either(server, online):
    online.downloads.mkdir(parents=True)
    (online.downloads / "archive.tar.gz.part").write_bytes(b"x" * 1000)
    with pytest.raises(CorruptDataError):
        get(server, online)
    assert get(server, online).read_bytes() == CONTENT


def test_absent_file(server, online):
    server.behaviour = "absent"
    with pytest.raises(MissingDataError, match="the server answered 404"):
        get(server, online)
    assert len(server.asked) == 1


def test_no_connection_is_said_at_once(online):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    remote = RemoteFile(f"http://127.0.0.1:{port}/archive.tar.gz", SHA256, 1)
    start = time.monotonic()
    with pytest.raises(MissingDataError, match="no connection"):
        fetch(remote, online, set_name="Set")
    assert time.monotonic() - start < 5


def test_fetching_switched_off(server, context):
    with pytest.raises(MissingDataError, match=r"Get it from http://127\.0\.0\.1.* and put it at"):
        get(server, context)
    assert server.asked == []
    assert not context.root.exists()
