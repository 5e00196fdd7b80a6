"""Whatever a user names becomes a list of videos, or one clear line."""

import http.server
import threading
from pathlib import Path

import pytest

from slowfast_paddle.data.sources import expand_inputs, is_live, is_url, local_copy
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


@pytest.mark.parametrize("bad, message", [("none.mp4", "no such file"), ("*.none", "nothing matches"), ("empty", "no video")])
def test_errors(tree, bad, message):
    with pytest.raises(DataError, match=message):
        expand_inputs([str(tree / bad)])


def test_addresses_are_fetched_and_cleaned_up(tree):
    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(tree))

        def do_GET(self):
            if self.path == "/short.mp4":
                self.send_response(200)
                self.send_header("Content-Length", "10")
                self.end_headers()
                self.wfile.write(b"x")
            else:
                super().do_GET()

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}"
    try:
        with local_copy(f"{base}/v/a.mp4?x=1") as path:
            assert path.endswith(".mp4") and Path(path).read_bytes() == b"x"
        assert not Path(path).exists()
        for address in (f"{base}/none.mp4", f"{base}/short.mp4", "http://127.0.0.1:1/a.mp4"):
            with pytest.raises(DecodeError, match="cannot be fetched"), local_copy(address, timeout_sec=5):
                pass
    finally:
        server.shutdown()
        server.server_close()
