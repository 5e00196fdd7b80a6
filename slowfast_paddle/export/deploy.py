"""Files for deployment: a Paddle inference program and an ONNX model, each checked against the network."""

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import paddle

from slowfast_paddle.errors import DependencyError, ExportError
from slowfast_paddle.export.compile import run_dygraph
from slowfast_paddle.export.onnx_boxes import assign_boxes
from slowfast_paddle.export.program import GRAPH_SUFFIXES, STEM, Program, first_line, graph_file, input_names, save_program
from slowfast_paddle.layers.roi import RoIPool

OPSET = 17
FULL_BYTES = 1 << 16  # less is free on a disk on which a write has failed for want of space
TOLERANCE = 1e-3  # of the largest output


class Averaged(paddle.nn.Layer):
    """The network as a user wants it: pathways to probabilities [B, classes], mean over the places of the window."""

    def __init__(self, network: paddle.nn.Layer, multi_label: bool = False) -> None:
        super().__init__()
        self.network = network
        self.activation = _activation(multi_label)

    def forward(self, pathways):
        """Tuple of float32 [B, 3, T, H, W], normalised, slow first, to [B, classes]."""
        places = self.activation(self.network(pathways))
        return places.sum(1) / places.shape[1]  # Paddle: 3.3 prints a line of its own for every mean in a program


class BoxScores(paddle.nn.Layer):
    """A region network as a user wants it: probabilities [R, classes] of boxes."""

    def __init__(self, network: paddle.nn.Layer, multi_label: bool = True) -> None:
        super().__init__()
        self.network = network
        self.activation = _activation(multi_label)

    def forward(self, pathways, boxes, boxes_num):
        """Pathways as of `Averaged`; boxes float32 [R, 4], x1 y1 x2 y2 in px of the clip, grouped by clip; their numbers int32 [B]."""
        return self.activation(self.network(pathways, boxes, boxes_num))


def _activation(multi_label: bool):
    return paddle.nn.functional.sigmoid if multi_label else paddle.nn.functional.softmax


def example_inputs(shapes: Sequence[tuple[int, ...]], batch: int = 1, seed: int = 0, boxes: int = 0) -> list[np.ndarray]:
    """Random pathways, float32 [batch, *shape] each; of a region network also `boxes` boxes a clip and their numbers."""
    rng = np.random.default_rng(seed)
    pathways = [rng.standard_normal((batch, *shape)).astype(np.float32) for shape in shapes]
    if not boxes:
        return pathways
    height, width = shapes[0][2:]
    corners = np.sort(rng.uniform(0, 1, (batch * boxes, 2, 2)), axis=1) * (width, height)
    return [*pathways, corners.reshape(-1, 4).astype(np.float32), np.full(batch, boxes, np.int32)]


@contextlib.contextmanager
def placing(folder: str | Path) -> Iterator[Path]:
    """A scratch folder for the files of an export, which go to `folder` together; after an error nothing there has changed.

    Raises:
        ExportError: `folder` cannot be made or written, or the disk is full.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".export-") as scratch:
            try:
                yield Path(scratch)
            except ExportError as err:  # Paddle's own errors do not say that the disk is full
                if shutil.disk_usage(scratch).free < FULL_BYTES:
                    raise ExportError(f"{folder}: the disk is full; free space or choose another folder with --out") from err
                raise
            written = sorted(path.name for path in Path(scratch).iterdir())
            for name in written:
                os.replace(Path(scratch) / name, folder / name)
            for suffix in GRAPH_SUFFIXES:  # another Paddle's graph of earlier weights
                if STEM + suffix not in written:
                    (folder / (STEM + suffix)).unlink(missing_ok=True)
    except OSError as err:
        raise ExportError(f"{folder}: cannot be written ({err.strerror or err}); choose another folder with --out") from err


def export_paddle(
    network: paddle.nn.Layer, shapes: Sequence[tuple[int, ...]], folder: str | Path, facts: dict, boxes: int = 0
) -> float:
    """Writes network.json|.pdmodel, network.pdiparams and network.info.json; the batch is free.

    Args:
        network: in eval mode.
        shapes: (3, T, H, W) of each pathway.
        folder: an existing one, as of `placing`.
        facts: what a client must know (class names, mean, std, frames), stored in network.info.json.
        boxes: of each clip while it is checked, for a region network; their number is free.

    Returns:
        Largest difference to the network, as a share of the largest output, over batches of 1 and 2.

    Raises:
        ExportError: Paddle cannot export it or the result differs.
    """
    folder = Path(folder)
    save_program(network, example_inputs(shapes, boxes=boxes), len(shapes), folder)
    program = Program(folder)
    difference = max(_difference(network, shapes, batch, boxes, program) for batch in (1, 2))
    rows: list[tuple[list, str]] = [(["batch", *shape], "float32") for shape in shapes]
    rows += [(["boxes", 4], "float32"), (["batch"], "int32")] if boxes else []
    names = input_names(len(shapes), 2 if boxes else 0)
    inputs = [{"name": name, "shape": shape, "dtype": dtype} for name, (shape, dtype) in zip(names, rows)]
    info = {"inputs": inputs, "verified_difference": difference, **facts}
    (folder / f"{STEM}.info.json").write_text(json.dumps(info, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return difference


def export_onnx(network: paddle.nn.Layer, shapes: Sequence[tuple[int, ...]], folder: str | Path, boxes: int = 0) -> float:
    """Converts the exported program in `folder` to network.onnx and checks it with ONNX Runtime.

    Returns and raises as `export_paddle`, and DependencyError when a converter is missing.
    """
    folder = Path(folder)
    try:
        import onnxruntime
        import paddle2onnx
    except ImportError as err:
        raise DependencyError(f"{err.name} is missing; ONNX export needs: pip install 'slowfast_paddle[onnx]'") from err
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    model = folder / f"{STEM}.onnx"
    try:
        paddle2onnx.export(str(graph_file(folder)), str(folder / f"{STEM}.pdiparams"), str(model), opset_version=OPSET)
        for pool in (layer for layer in network.sublayers() if isinstance(layer, RoIPool)):
            assign_boxes(model, pool.aligned)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # it warns of every unused constant
        session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    except (RuntimeError, ValueError, OSError, state.Fail, state.InvalidGraph, state.NotImplemented) as err:
        raise ExportError(f"{model.name}: no ONNX model of the program ({first_line(err)})") from err
    names = [given.name for given in session.get_inputs()]

    def run(arrays: list[np.ndarray]) -> np.ndarray:
        return session.run(None, dict(zip(names, arrays)))[0]

    try:
        return max(_difference(network, shapes, batch, boxes, run) for batch in (1, 2))
    except ExportError as err:
        raise ExportError(f"{model.name}: {err}") from err


def _difference(network: paddle.nn.Layer, shapes: Sequence[tuple[int, ...]], batch: int, boxes: int, run) -> float:
    arrays = example_inputs(shapes, batch, batch, boxes)
    expected = run_dygraph(network, arrays, len(shapes)).numpy()
    got = run(arrays)
    difference = float(np.abs(got - expected).max() / np.abs(expected).max()) if got.shape == expected.shape else float("inf")
    if not difference <= TOLERANCE:
        raise ExportError(
            f"the exported network differs by {difference:.1e} of the largest output; at most {TOLERANCE:.0e} is allowed"
        )
    return difference
