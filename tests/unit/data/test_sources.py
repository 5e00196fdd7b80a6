"""Whatever a user names becomes a list of videos, or one clear line."""

import contextlib
import http.server
import tempfile
import threading
import time
from pathlib import Path

import pytest

from slowfast_paddle.data import sources
from slowfast_paddle.data.kinetics import VideoViewsDataset
from slowfast_paddle.data.loader import Loader, one_video
from slowfast_paddle.data.records import from_paths
from slowfast_paddle.data.sampler import EvalSampler
from slowfast_paddle.data.sampling import ClipShape
from slowfast_paddle.data.sources import expand_inputs, is_live, is_url, readable
from slowfast_paddle.errors import DataError, DecodeError


@pytest.fixture
def tree(tmp_path):
    for name in [
        "b.mp4",
        "a.mp4",
        "sub/c.avi",
        "notes.txt",
        "frames/img_00001.jpg",
        "frames/img_00002.jpg",
        "odd[1].mp4",
        ".hidden.mp4",
    ]:
        path = tmp_path / "v" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    (tmp_path / "empty").mkdir()
    (tmp_path / "list.csv").write_text("p q/one.mp4\nhttp-ish.mp4\n")
    return tmp_path


def names(tree, found):
    return [path.removeprefix(f"{tree}/") for path in found]


def test_folder_in_order_with_frame_folders_as_videos(tree):
    found = names(tree, expand_inputs([str(tree / "v")]))
    assert found == ["v/a.mp4", "v/b.mp4", "v/frames", "v/odd[1].mp4", "v/sub/c.avi"]


def test_each_kind(tree):
    assert names(tree, expand_inputs([str(tree / "v/frames")])) == ["v/frames"]
    assert names(tree, expand_inputs([str(tree / "v/*.mp4"), str(tree / "v/a.mp4")])) == ["v/a.mp4", "v/b.mp4", "v/odd[1].mp4"]
    assert names(tree, expand_inputs([str(tree / "v/odd[1].mp4")])) == ["v/odd[1].mp4"]
    assert expand_inputs([str(tree / "list.csv")], prefix="root") == ["root/p q/one.mp4", "root/http-ish.mp4"]
    assert expand_inputs(["http://host/a.mp4"]) == ["http://host/a.mp4"]
    assert is_url("https://h/a.mp4") and not is_url("a.mp4")
    assert is_live("0") and is_live("rtsp://cam/1") and not is_live("a.mp4") and not is_live("http://h/a.mp4")


def test_a_labelled_list_is_a_list_and_sounds_are_no_videos(tree):
    (tree / "val.csv").write_text("v/a.mp4,0\nv/b.mp4,1\n")
    (tree / "v/song.mp3").touch()
    assert names(tree, expand_inputs([str(tree / "val.csv")], prefix=str(tree))) == ["v/a.mp4", "v/b.mp4"]
    assert "v/song.mp3" not in names(tree, expand_inputs([str(tree / "v")]))


@pytest.mark.parametrize(
    "bad, message",
    [
        ("none.mp4", "no such file"),
        ("*.none", "nothing matches"),
        ("empty", "no video"),
        ("a" * 300, "no such file"),
        ("a\0b", "no such file"),
        ("²", "no such file"),
    ],
)
def test_errors(tree, bad, message):
    with pytest.raises(DataError, match=message):
        expand_inputs([str(tree / bad)])


def test_an_empty_name_is_not_the_folder_one_is_in():
    with pytest.raises(DataError, match="--input: an empty name"):
        expand_inputs([""])


def test_files_and_folders_with_numbers_for_names_are_no_cameras(tree, monkeypatch):
    monkeypatch.chdir(tree)
    (tree / "v/frames").rename(tree / "0001")
    (tree / "7").write_bytes(b"x")
    assert not is_live("0001") and not is_live("7") and is_live("1")
    assert expand_inputs(["0001", "7"]) == ["0001", "7"]
    assert not is_live("²") and not is_live("9" * 30) and not is_live("http://[bad/x") and not is_live("")


RAW = {
    "/short": b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx",
    "/chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    "/status": b"nonsense\r\n\r\n",
    "/silent": b"",
    "/line": b"HTTP/1.1 200 OK\r\nA: " + b"a" * 70000 + b"\r\n\r\n",
    "/headers": b"HTTP/1.1 200 OK\r\n" + b"A: a\r\n" * 200 + b"\r\n",
    "/length": b"HTTP/1.1 200 OK\r\nContent-Length: some\r\n\r\nx",
    "/huge": b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\nx",
    "/away": b"HTTP/1.1 302 Found\r\nLocation: file:///etc/hostname\r\n\r\n",
}


@pytest.fixture
def server(tree):
    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(tree))

        def do_GET(self):
            if self.path in RAW:
                self.wfile.write(RAW[self.path])
            elif self.path == "/drip":
                self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
                with contextlib.suppress(OSError):  # the client gave up
                    while True:
                        self.wfile.write(b"x")
                        time.sleep(0.02)
            else:
                super().do_GET()

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return lambda: list(tmp_path.glob("slowfast-*"))


def test_addresses_are_fetched_and_cleaned_up(server, scratch, tree):
    (tree / "v/走 路.mp4").write_bytes(b"x")
    for name in ("a.mp4?x=1", "走 路.mp4", "%E8%B5%B0%20路.mp4"):
        with readable(f"{server}/v/{name}", 5) as path:
            assert path.endswith(".mp4") and Path(path).read_bytes() == b"x"
            assert len(scratch()) == 1
        assert not scratch()


@pytest.mark.parametrize(
    "address",
    [
        *RAW,
        "/none.mp4",
        "/v/a." + "b" * 300,
        f"/v/a.{'b' * 300}",
        "/a b.mp4",
        "/\x07",
        "http://127.0.0.1:1/a.mp4",
        "http://[bad/x",
        "http://host:port/a",
        "http://",
        "http://é/",
    ],
)
def test_what_cannot_be_fetched_fails_in_one_line(server, scratch, address):
    address = address if "://" in address else server + address
    with pytest.raises(DecodeError, match="cannot be fetched") as error, readable(address, 5):
        pass
    assert str(error.value).startswith(address) and "\n" not in str(error.value) and not scratch()


def test_a_server_that_drips_is_given_up(server, scratch):
    started = time.monotonic()
    with (
        pytest.raises(DecodeError, match=r"bytes after 0.2 s; data.decode_timeout_sec allows longer"),
        readable(f"{server}/drip", 0.2),
    ):
        pass
    assert time.monotonic() - started < 2 and not scratch()


def test_readers_say_that_the_download_was_slow(server, scratch, monkeypatch):
    """The address that is killed leaves nothing behind either."""
    monkeypatch.setattr(sources, "_fetch", lambda *_: threading.Event().wait())
    data = VideoViewsDataset(from_paths([f"{server}/drip"]), ClipShape(4, 2), short_side_px=32, crop_px=32)
    with Loader(data, EvalSampler(1), one_video, num_workers=1, timeout_sec=0.5) as loader:
        (item,) = loader
    assert "/drip: reading took longer than 0.5 s, with its download (data.decode_timeout_sec)" in item["error"]
    assert not scratch()


def test_errors_name_the_address(server):
    data = VideoViewsDataset(from_paths([f"{server}/v/a.mp4"]), ClipShape(4, 2), short_side_px=32, crop_px=32)
    assert data[0]["error"].startswith(f"{server}/v/a.mp4: cannot be opened as a video")
