"""predict.py for action detection: one video, people from a csv or a detector, result.json and an annotated MP4."""

from pathlib import Path

from slowfast_paddle import log
from slowfast_paddle.app import build, detection, machine
from slowfast_paddle.app.running import example_clip, runner_of
from slowfast_paddle.app.weights import choose_weights, load_model, stated_names
from slowfast_paddle.cli import Runtime
from slowfast_paddle.config.schema import Config
from slowfast_paddle.data.ava import AvaTestDataset
from slowfast_paddle.data.ava_demo import keyframes_from_boxes, keyframes_from_detector, open_one_video, play
from slowfast_paddle.data.ava_keyframes import Keyframes
from slowfast_paddle.data.ava_source import VideoFiles
from slowfast_paddle.engine.detection import detect
from slowfast_paddle.errors import ConfigError
from slowfast_paddle.viz.detection_video import Moment, best_labels, write_detection_video, write_moments

_logger = log.get(__name__)
DETECTOR_SCORE = 0.5


def predict(
    config: Config,
    *,
    runtime: Runtime,
    video: str,
    weights: str | None = None,
    boxes: str | None = None,
    detector: str | None = None,
) -> int:
    """Writes result.json and VIDEO_actions.mp4 to test.save_path; returns 0, or 3 when a keyframe failed.

    Args:
        boxes: csv `video,second,x1,y1,x2,y2,,score` of people in the video, whose first frame shows detection.start_sec.
        detector: folder of an exported PaddleDetection model, or one with model.onnx.

    Raises:
        ConfigError: neither or both of boxes and detector, or several processes.
    """
    if bool(boxes) == bool(detector):
        raise ConfigError(
            "action detection needs the people in the video: give --boxes FILE (csv video,second,x1,y1,x2,y2,,score with"
            " fractions of the frame) or --detector DIR (exported by PaddleDetection: infer_cfg.yml, model.pdmodel,"
            " model.pdiparams; or model.onnx)"
        )
    here = machine.start(runtime)
    if here.world_size > 1:
        raise ConfigError(f"--input {video}: one process looks at a video; start predict.py without the launcher")
    path = choose_weights(config, weights)
    network = load_model(path, config)
    names = stated_names(path, config) or detection.names_of(config)
    names = [name or f"class {column}" for column, name in enumerate(names)]
    runner = runner_of(config, network, here.gpu, example_clip(network, config.data.crop_px, boxes=2))
    # A box file has the clock of the training data; what a detector finds is told in seconds of the video.
    source = open_one_video(video, config.detection.start_sec if boxes else 0.0, build.read_options(config))
    keyframes = _keyframes(config, source, boxes, detector, here.gpu)
    _logger.info(
        "%s: %s", video, ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in keyframes.counts.items() if count)
    )
    paths = config.detection
    dataset = AvaTestDataset(source, keyframes, detection.grid_of(config), paths.test_short_sides_px, paths.test_flip)
    task = detection.build_task(config, build.build_pack(config, network))
    items = (dataset[index] for index in range(len(dataset)))
    found = detect(runner, task, log.progress(items, len(dataset), "detecting", "keyframe"))
    moments = [
        Moment(keyframe.second, shown, best_labels(scores, names, paths.demo_score, config.test.top_k))
        for keyframe, shown, scores in zip(keyframes.items, found.boxes, found.scores, strict=True)
    ]
    folder = Path(config.test.save_path)
    write_moments(folder / "result.json", video, moments)
    fps, frames = play(video, source.start_sec, build.read_options(config))
    target = folder / f"{Path(video).stem}_actions.mp4"
    count = write_detection_video(target, frames, fps, moments)
    for image, error in found.failed:
        _logger.warning("keyframe %s failed: %s", image, error)
    print(f"{folder / 'result.json'}: {len(moments)} moments; {target}: {count} frames")
    return 3 if found.failed else 0


def _keyframes(config: Config, source: VideoFiles, boxes: str | None, detector: str | None, use_gpu: bool) -> Keyframes:
    if boxes:
        return keyframes_from_boxes(boxes, source, config.detection.score_threshold)
    from slowfast_paddle.engine.detector import Detector

    people = Detector(detector, DETECTOR_SCORE, use_gpu)

    def find(picture):
        seen = people(picture)
        return seen.boxes, seen.scores

    return keyframes_from_detector(source, find, config.detection.demo_every_sec)
