"""How a network is tested and how it predicts."""

from typing import Literal

from pydantic import Field, model_validator

from slowfast_paddle.config.base import Section


class TestConfig(Section):
    """Multi-view testing, shared by evaluation and prediction. Source: paper section 4 (Inference), PySlowFast TEST.*"""

    __test__ = False  # pytest: a configuration, not a test case

    protocol: Literal["pyslowfast", "pyslowfast_offset", "mmaction2", "pytorchvideo", "paddle", "paddlevideo"] | None = Field(
        None, description="Whose convention places, samples, resizes and averages; default: the weights' own, else pyslowfast"
    )
    views: Literal["grid", "dense", "dense-space", "dense-time"] = Field(
        "grid", description="grid: num_clips x num_crops; dense: one convolutional pass over the whole frame and video"
    )
    num_clips: int = Field(10, ge=1, le=10_000, description="Temporal windows a video")
    num_crops: Literal[1, 3] = Field(3, description="Spatial windows a clip: 1 (centre) or 3 (left, centre, right)")
    short_side_px: int = Field(256, ge=8, description="Short side before cropping, px")
    crop_px: int = Field(256, ge=8, le=10_000, description="Square crop, px")
    average: Literal["prob", "score", "max"] = Field(
        "prob", description="Mean of probabilities, mean of logits, largest probability"
    )
    views_per_forward: int = Field(2, ge=1, description="Views in one forward; bounds memory, never mixes two videos")
    compiled: bool = Field(True, description="On CPU, run the network through Paddle Inference when its output agrees")
    precision: Literal["float32", "bfloat16"] = Field(
        "float32",
        description="What a compiled network computes in; bfloat16 is faster on CPUs that have it, scores differ a little",
    )
    top_k: int = Field(5, ge=1, description="Classes in a prediction")
    save_path: str = Field("./data/results", description="Folder of result.json")
    report: bool = Field(True, description="Write report.html beside eval.json")

    @model_validator(mode="after")
    def _crop(self) -> "TestConfig":
        if self.crop_px > self.short_side_px:
            raise ValueError(
                f"crop_px {self.crop_px} does not fit into a frame whose short side is short_side_px {self.short_side_px}"
            )
        return self
