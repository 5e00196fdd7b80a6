"""Boxes in ONNX models: paddle2onnx 1.3 and 2.1 take every box for one of the first clip and drop the half-pixel shift."""

from collections.abc import Iterator
from pathlib import Path


def assign_boxes(path: Path, aligned: bool) -> None:
    """Rewrites every RoiAlign of the model at `path` in place: boxes belong to the clips that the input boxes_num says.

    Args:
        path: model with inputs boxes float [R, 4], grouped by clip, and boxes_num int32 [B].
        aligned: whether RoIAlign shifts by half a pixel (the network's `RoIPool.aligned`).
    """
    import onnx
    from onnx import helper

    model = onnx.load(str(path))
    int64 = onnx.TensorProto.INT64
    zero, one, axis = ("boxes_num_zero", 0, ()), ("boxes_num_one", 1, ()), ("boxes_num_axis", 1, (1,))
    model.graph.initializer.extend(helper.make_tensor(name, int64, shape, [value]) for name, value, shape in (zero, one, axis))
    # The clip of row r is the number of clips that end at or before r.
    steps = (
        ("CumSum", ("boxes_num", "boxes_num_zero"), "boxes_num_ends32", {}),
        ("Cast", ("boxes_num_ends32",), "boxes_num_ends", {"to": int64}),
        ("Shape", ("boxes",), "boxes_shape", {}),
        ("Gather", ("boxes_shape", "boxes_num_zero"), "boxes_count", {}),
        ("Range", ("boxes_num_zero", "boxes_count", "boxes_num_one"), "boxes_rows", {}),
        ("Unsqueeze", ("boxes_rows", "boxes_num_axis"), "boxes_column", {}),
        ("GreaterOrEqual", ("boxes_column", "boxes_num_ends"), "boxes_past", {}),
        ("Cast", ("boxes_past",), "boxes_past_int", {"to": int64}),
        ("ReduceSum", ("boxes_past_int", "boxes_num_axis"), "boxes_clip", {"keepdims": 0}),
    )
    nodes = [helper.make_node(kind, given, [result], **values) for kind, given, result, values in steps]
    settings = {"coordinate_transformation_mode": "half_pixel" if aligned else "output_half_pixel", "sampling_ratio": 0}
    for node in _nodes(model.graph):
        if node.op_type == "RoiAlign":
            node.input[2] = "boxes_clip"
            kept = [attribute for attribute in node.attribute if attribute.name not in settings]
            del node.attribute[:]
            node.attribute.extend([*kept, *(helper.make_attribute(name, value) for name, value in settings.items())])
    old = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*nodes, *old])
    onnx.save(model, str(path))


def _nodes(graph) -> Iterator:
    """Nodes of a graph and of the branches inside it."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            yield from _nodes(attribute.g)
