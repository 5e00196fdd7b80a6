"""The reader benchmark runs on any video and list, and shows that decoding once pays."""

from types import SimpleNamespace

from slowfast_paddle.commands.bench_reader import bench_loader, bench_views


def test_views(make_video, capsys):
    figures = bench_views(SimpleNamespace(video=str(make_video(count=40)), decoder="auto", threads=1, repeat=1))
    assert figures["once_sec"] < figures["per_view_sec"]
    assert "decoded once" in capsys.readouterr().out


def test_loader(make_video, tmp_path, capsys):
    path = tmp_path / "train.csv"
    path.write_text("".join(f"{make_video(f'v{i}.avi', 40)} 0\n" for i in range(3)))
    asked = SimpleNamespace(list=str(path), prefix="", workers=[0, 1], batch_size=2, seconds=0.2, step_sec=1.0, decoder="auto")
    rates = bench_loader(asked)
    assert set(rates) == {0, 1} and min(rates.values()) > 0
    assert "a loop over OpenCV" in capsys.readouterr().out
