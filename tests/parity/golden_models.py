"""Reads the golden network cases: the weights of the recipe, the input, the configuration, the reference numbers."""

import json
import math
import zlib
from functools import cached_property
from pathlib import Path

import numpy as np

from slowfast_paddle.config.model import ModelConfig

PADDLE_LAYOUTS = ("paddlevideo", "paddle_models")
SUFFIXES = {
    "mean": ("running_mean", "_mean", "_rm"),
    "variance": ("running_var", "_variance", "_riv"),
    "scale": ("weight", "gamma", "_s", "scale"),
}


def recipe_array(name: str, shape: list[int], linear_in_out: bool) -> np.ndarray:
    """The deterministic value of one named array, as the README of the golden vectors defines it."""
    draw = np.random.Generator(np.random.PCG64(zlib.crc32(name.encode())))
    if name.endswith("num_batches_tracked") or not shape:
        return np.zeros(shape, np.int64)
    if len(shape) == 1:
        if name.endswith(SUFFIXES["mean"]):
            values = draw.standard_normal(shape) * 0.1
        elif name.endswith(SUFFIXES["variance"]):
            values = draw.uniform(0.5, 1.5, shape)
        elif name.endswith(SUFFIXES["scale"]):
            values = draw.uniform(0.5, 1.0, shape)
        else:
            values = draw.standard_normal(shape) * 0.1
        return values.astype(np.float32)
    fan_in = shape[0] if len(shape) == 2 and linear_in_out else math.prod(shape[1:])
    gain = 1.0 if len(shape) == 2 else 0.03 if "nonlocal" in name or "non_local" in name else 1.5
    return (draw.standard_normal(shape) * math.sqrt(gain / fan_in)).astype(np.float32)


class Case:
    """One CASE.json with its CASE.npz."""

    def __init__(self, path: Path):
        self.info = json.loads(path.read_text())
        self.arrays = np.load(path.with_suffix(".npz"))
        self.arch = self.info["arch"]
        self.layout = self.info["layout"]

    @cached_property
    def weights(self) -> dict[str, np.ndarray]:
        """Arrays under the names of the case's own layout."""
        if self.info.get("kind") == "gradient":
            return {name: self.arrays[f"w0/{name}"] for name, _ in self.info["params"]}
        weights = {name: recipe_array(name, shape, self.layout in PADDLE_LAYOUTS) for name, shape in self.info["params"]}
        crc = 0
        for value in weights.values():
            if value.dtype == np.float32:
                crc = zlib.crc32(np.ascontiguousarray(value, "<f4").tobytes(), crc)
        assert crc == self.info["recipe_crc"]["weights_crc32"], "this test's recipe is not that of the golden vectors"
        return weights

    def clip(self) -> np.ndarray:
        """float32 [n, 3, T, H, W] at the full rate."""
        shape = self.info["input"]["full_rate_shape"]
        draw = np.random.Generator(np.random.PCG64(20260101 + self.info["input"]["case_seed"]))
        clip = draw.standard_normal(shape).astype(np.float32)
        assert zlib.crc32(clip.tobytes()) == self.info["recipe_crc"]["clip_crc32"]
        return clip

    def pathways(self) -> tuple[np.ndarray, ...]:
        """The clip, packed with the indices of the case, slow first."""
        clip = self.clip()
        packing = self.info["packing"]
        if packing.get("channel_reversed_before_packing"):
            clip = np.ascontiguousarray(clip[:, ::-1])
        slow = packing.get("slow_indices")
        return (clip,) if slow is None else (np.ascontiguousarray(clip[:, :, slow]), clip)

    @property
    def num_frames(self) -> int:
        return self.info["input"]["full_rate_shape"][2]

    @property
    def crop(self) -> int:
        """Side of the crop the network was configured for, px."""
        arch = self.arch
        if "head_pool_kernel" in arch or "head_pool_kernels" in arch:
            return 32 * arch.get("head_pool_kernel", arch.get("head_pool_kernels", [[0]])[0])[-1]
        return arch.get("train_crop_size_configured", arch.get("crop_size_configured", 224))

    def config(self) -> ModelConfig:
        """The configuration that this package needs for the case."""
        read = {"pyslowfast": _pyslowfast, "caffe2": _pyslowfast, "pytorchvideo": _pytorchvideo, "mmaction2": _mmaction2}
        values = read.get(self.layout, _paddle)(self.arch)
        return ModelConfig(num_classes=self.arch["num_classes"], **values)


def _pair(arch: dict) -> dict:
    return {
        "alpha": arch["alpha"],
        "beta_inv": arch["beta_inv"],
        "fusion": {
            "ratio": arch["fusion_conv_channel_ratio"],
            "kernel": arch["fusion_kernel"],
            "norm": bool(arch["lateral_norm"]),
        },
    }


def _pyslowfast(arch: dict) -> dict:
    head = {"activation": arch["head_act"]}
    if arch["arch"] == "x3d":
        factors = arch["x3d"]
        same = ("width_factor", "depth_factor", "bottleneck_factor", "scale_res2", "se_ratio")
        x3d = {key: factors[key] for key in same}
        x3d |= {"stem_channels": factors["dim_c1"], "head_channels": factors["dim_c5"], "head_norm": factors["bn_lin5"]}
        return {"architecture": "x3d", "x3d": x3d, "head": head, "dropout": arch["dropout_rate"]}
    pathways = range(arch["pathways"])
    if arch["head"]["type"] == "ResNetRoIHead":
        head |= {"kind": "roi", "roi_aligned": arch["head"]["aligned_in_config"]}
    elif "adaptive" in str(arch["head"]["pool_kernels"][0]):
        head["pool"] = "adaptive"
    values = {
        "architecture": arch["arch"],
        "depth": arch["depth"],
        "width": arch["width_per_group"],
        "groups": arch["num_groups"],
        "expansion": 4,
        "dropout": arch["dropout_rate"],
        "head": head,
        "strides": [stage[0] for stage in arch["spatial_strides"]],
        "dilations": [stage[0] for stage in arch["spatial_dilations"]],
        "temporal_pool": arch["max_pool_after_res2"][0][0],
        "temporal_kernels": [
            [arch["temporal_kernel_stem"][p], *(stage[p] for stage in arch["temporal_kernel_pattern_res2_to_res5"])]
            for p in pathways
        ],
        "temporal_blocks": [[stage[p] for stage in arch["num_blocks_with_temporal_kernel"]] for p in pathways],
        "non_local": {
            "blocks": [[stage[p] for stage in arch["nonlocal_location"]] for p in pathways],
            "pool": arch["nonlocal_pool"][0][0],
            "groups": [stage[0] for stage in arch["nonlocal_group"]],
            "kind": arch["nonlocal_instantiation"],
        },
    }
    return values | (_pair(arch) if arch["pathways"] == 2 else {})


def _pytorchvideo(arch: dict) -> dict:
    single = [[arch["stem_kernel"][0], *arch["temporal_kernel_a"]]] if arch["pathways"] == 1 else None
    both = single or [[stem[0], *stages] for stem, stages in zip(arch["stem_kernel"], arch["temporal_kernel_a"])]
    return {
        "architecture": "slow" if single else "slowfast",
        "depth": arch.get("depth", 50),
        "temporal_kernels": both,
        "head": {"average": "logits"},
        **({} if single else _pair(arch)),
    }


def _mmaction2(arch: dict) -> dict:
    return {"depth": arch["depth"], "head": {"pool": "adaptive", "concat": "fast_slow"}, **_pair(arch)}


def _paddle(arch: dict) -> dict:
    return {"depth": arch["depth"], **_pair(arch)}
