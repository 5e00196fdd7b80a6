"""Where the videos are and how clips are cut from them."""

from typing import Literal

from pydantic import Field, model_validator

from slowfast_paddle.config.base import Section

Channels = tuple[float, float, float]


class DataConfig(Section):
    """Lists, decoding and the training clip. Source: PySlowFast DATA.*, original project MODEL/TRAIN."""

    train_list: str = Field("./data/train.csv", description="Training videos: `path label` a line, comma or blank separated")
    val_list: str = Field("./data/val.csv", description="Validation and test videos, same form")
    infer_list: str = Field("./data/infer.csv", description="Videos to predict: one path a line")
    prefix: str = Field("", description="Put before every listed path that is not absolute")
    separator: Literal["auto", "comma", "blank"] = Field("auto", description="Between path and label")
    multi_label: bool = Field(False, description="Labels are several class ids, as in Charades")
    frame_template: str = Field("img_{:05d}.jpg", description="Image names inside a frame folder, numbered from 1 or 0")
    frame_fps: float = Field(30.0, gt=0, description="Frame rate of frame folders, 1/s")

    num_frames: int = Field(32, ge=1, le=10_000, description="Frames of the fastest pathway")
    sampling_rate: int = Field(2, ge=1, description="Stride of the fastest pathway, in frames at target_fps")
    target_fps: float = Field(30.0, gt=0, description="Rate at which sampling_rate counts, 1/s")
    frame_sampling: Literal["window", "segments"] = Field(
        "window",
        description="window: num_frames at sampling_rate; segments: a frame of each of num_frames equal parts of the video (SSv2)",
    )
    short_side_px: tuple[int, int] = Field((256, 320), description="Training short side, drawn uniformly, px")
    short_side_inverse: bool = Field(
        False, description="Draw 1 / short side uniformly, as the reference does for SSv2 and Charades (and always for AVA)"
    )
    crop_px: int = Field(224, ge=8, le=10_000, description="Training and validation crop, px")
    train_crop: Literal["short_side", "resized"] = Field(
        "short_side", description="short_side: resize to short_side_px, crop; resized: crop a random shape, resize it (MMAction2)"
    )
    crop_area: tuple[float, float] = Field((0.08, 1.0), description="train_crop resized: range of the crop's share of the frame")
    crop_aspect: tuple[float, float] = Field((0.75, 4 / 3), description="train_crop resized: range of width / height")
    balance_classes: bool = Field(False, description="Draw every class equally often in training, however many videos it has")
    flip: float = Field(0.5, ge=0, le=1, description="Probability of a horizontal flip; 0 where left and right differ")
    mean: Channels = Field((0.45, 0.45, 0.45), description="Subtracted from RGB in 0..1")
    std: Channels = Field((0.225, 0.225, 0.225), description="Divides RGB in 0..1")
    reverse_channels: bool = Field(False, description="Feed BGR, as the reference's SSv2 and Charades networks expect")

    frame_index: Literal["reference", "timestamps"] = Field(
        "reference", description="reference: at the average rate; timestamps: for videos with a variable rate"
    )
    min_decoded: float = Field(0.0, ge=0, le=1, description="Share of the expected frames below which a video is an error")
    max_skipped: float = Field(0.1, ge=0, le=1, description="Share of unreadable training videos that ends the run")
    decoder: Literal["auto", "pyav", "opencv"] = Field("auto", description="auto: PyAV, then OpenCV")
    decode_timeout_sec: float = Field(120.0, gt=0, description="A video that needs longer counts as unreadable")
    cache_dir: str | None = Field(
        None, description="Keep decoded training frames here at the largest short side: small sets then train without decoding"
    )
    workers: int = Field(8, ge=0, description="Reader processes per training process; 0 reads in the training process")

    @model_validator(mode="after")
    def _sizes(self) -> "DataConfig":
        low, high = self.short_side_px
        if not self.crop_px <= low <= high:
            raise ValueError(
                f"short_side_px {list(self.short_side_px)} must be [low, high] with crop_px {self.crop_px} <= low <= high"
            )
        for name, limits, top in (("crop_area", self.crop_area, 1.0), ("crop_aspect", self.crop_aspect, float("inf"))):
            if not 0 < limits[0] <= limits[1] <= top:
                raise ValueError(
                    f"{name} {list(limits)} must be [low, high] above 0" + (" and not above 1" if top == 1.0 else "")
                )
        if self.balance_classes and self.multi_label:
            raise ValueError("balance_classes needs one label a video; turn off multi_label or balance_classes")
        if min(self.std) <= 0:
            raise ValueError(f"std {list(self.std)} must be positive")
        return self
