"""Action detection: which AVA-style files, which keyframes and boxes."""

from typing import Literal

from pydantic import Field

from slowfast_paddle.config.base import Section


class DetectionConfig(Section):
    """Data of a network with head kind roi. Seconds are those of the label files. Source: PySlowFast AVA.*."""

    label_map: str = Field(
        "./data/ava/annotations/ava_action_list_v2.2_for_activitynet_2019.pbtxt",
        description="Classes that count: .pbtxt or `1: name` lines",
    )
    train_labels: str = Field("./data/ava/annotations/ava_train_v2.2.csv", description="video,second,x1,y1,x2,y2,class[,person]")
    val_labels: str = Field("./data/ava/annotations/ava_val_v2.2.csv", description="Same form")
    train_boxes: tuple[str, ...] = Field((), description="Predicted people added to training: csv or proposal .pkl")
    val_boxes: tuple[str, ...] = Field((), description="Predicted people to test on; none: the ground truth boxes")
    excluded: str = Field("", description="video,second of keyframes left out of testing")
    score_threshold: float = Field(0.8, ge=0, le=1, description="Lowest score of a predicted box. SlowFast presets 0.8, Slow 0.9")

    frames: str = Field("", description="Folder of frame folders; else videos are read directly")
    train_frame_lists: tuple[str, ...] = Field((), description="Frame lists; none: every folder of `frames`")
    val_frame_lists: tuple[str, ...] = Field((), description="Same for validation")
    frame_fps: float = Field(30.0, gt=0, description="Rate of extracted frames, 1/s")
    train_videos: str = Field("", description="Folder of videos, instead of frames")
    val_videos: str = Field("", description="Same for validation; empty: train_videos")
    start_sec: float = Field(900.0, description="Second of the first frame: 900 as AVA is cut, 0 for a full film")
    first_sec: float | None = Field(None, description="First second that counts (AVA: 902); none: all")
    last_sec: float | None = Field(None, description="Last second that counts (AVA: 1798)")
    valid_every_sec: int | None = Field(
        None, ge=1, description="Validation during training takes seconds divisible by it (PySlowFast: 4)"
    )

    test_short_sides_px: tuple[int, ...] = Field((224,), min_length=1, description="Short sides whose scores are averaged, px")
    test_flip: bool = Field(False, description="Also the mirrored frame")
    rule: Literal["official", "official50", "pyslowfast"] = Field("official", description="AVA mAP rule, see `ava-map --help`")
    demo_every_sec: float = Field(1.0, gt=0, description="Prediction with a detector: seconds between two looks")
    demo_score: float = Field(0.3, ge=0, le=1, description="Lowest score of a class drawn by predict.py")
