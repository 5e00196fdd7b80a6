"""Curves of a training run as one PNG, drawn from its metrics.jsonl."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from slowfast_paddle.errors import DataError
from slowfast_paddle.metrics.curve_file import read_curves

# Quantity, and the panel's title. Accuracies are shares of 1.
PANELS = (
    ("loss", "loss"),
    ("top1", "top-1"),
    ("top5", "top-5"),
    ("mean_class", "mean class accuracy"),
    ("map", "mAP"),
    ("lr", "learning rate"),
)
COLOURS = {"train": "#1f6f78", "val": "#c8502f"}
PLAIN = "#4a5560"


def series(rows: Sequence[Mapping], tag: str) -> tuple[list[float], list[float]]:
    """Steps and values of one tag such as "train/loss", where a line has both.

    A later line of the same step wins, so a resumed run draws one line, not two.
    """
    points: dict[float, float] = {}
    for row in rows:
        if isinstance(row.get(tag), (int, float)) and isinstance(row.get("step"), (int, float)):
            points[row["step"]] = row[tag]
    steps = sorted(points)
    return steps, [points[step] for step in steps]


def smooth(values: Sequence[float], span: int) -> list[float]:
    """Running mean over the last `span` values (fewer at the start)."""
    total, out = 0.0, []
    for i, value in enumerate(values):
        total += value - (values[i - span] if i >= span else 0.0)
        out.append(total / min(i + 1, span))
    return out


def draw_curves(metrics_path: str | Path, png_path: str | Path) -> None:
    """Draws one panel per quantity found in the file: training faint and smoothed, validation with dots.

    Raises:
        DataError: the metrics cannot be read or hold nothing to draw.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure  # not pyplot: no global state, no display

    rows = read_curves(metrics_path)
    tags = {tag for row in rows for tag in row}
    panels = [(key, label) for key, label in PANELS if tags & {key, f"train/{key}", f"val/{key}"}]
    if not panels:
        raise DataError(f"{metrics_path}: holds no curve; expected keys like train/loss, val/top1, lr")
    columns = min(len(panels), 3)
    grid_rows = -(-len(panels) // columns)
    figure = Figure(figsize=(5.2 * columns, 3.8 * grid_rows), dpi=130, layout="constrained")
    FigureCanvasAgg(figure)
    for place, (key, label) in enumerate(panels, start=1):
        axes = figure.add_subplot(grid_rows, columns, place)
        for tag in (key, f"train/{key}", f"val/{key}"):
            steps, values = series(rows, tag)
            if steps:
                _draw(axes, tag, steps, values)
        axes.set_title(label, loc="left", fontsize=11, fontweight="bold")
        axes.set_xlabel("step", color=PLAIN)
        axes.grid(color="#e3e1dc", linewidth=0.8)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(colors=PLAIN, labelsize=9)
        if "/" in "".join(line.get_label() for line in axes.lines):
            axes.legend(frameon=False, fontsize=9)
    Path(png_path).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(png_path)


def _draw(axes, tag: str, steps: list[float], values: list[float]) -> None:
    colour = COLOURS.get(tag.split("/")[0], PLAIN)
    if tag.startswith("train/") and len(values) > 20:
        axes.plot(steps, values, color=colour, alpha=0.25, linewidth=1, label="_raw")
        values = smooth(values, max(2, len(values) // 25))
    marker = "o" if tag.startswith("val/") else None
    axes.plot(steps, values, color=colour, linewidth=1.8, marker=marker, markersize=4, label=tag)
