"""Action detection put together: loaders, validation and eval.py for networks with head kind roi."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path

from paddle import nn

from slowfast_paddle import distributed, files, log
from slowfast_paddle.app import build, machine
from slowfast_paddle.app.running import example_clip, runner_of
from slowfast_paddle.app.weights import choose_weights, load_model
from slowfast_paddle.config.schema import Config
from slowfast_paddle.data.ava import AvaTestDataset, AvaTrainDataset, AvaTrainOptions, collate_boxes
from slowfast_paddle.data.ava_csv import read_labels, write_detections
from slowfast_paddle.data.ava_keyframes import ClipGrid, KeyframeRules
from slowfast_paddle.data.ava_labels import ActionList, action_list, read_label_map
from slowfast_paddle.data.ava_set import AvaFiles, keyframes_to_score, keyframes_to_train, open_clips, read_exclusions
from slowfast_paddle.data.loader import Loader, one_video
from slowfast_paddle.data.sampler import EvalSampler, TrainSampler
from slowfast_paddle.engine.detection import Detections, DetectionScoring, DetectionTask, detect, validate_detection
from slowfast_paddle.metrics.ava_report import class_table, left_out, map_line, result_json
from slowfast_paddle.models.pack import PackPathways

_logger = log.get(__name__)


def wanted(config: Config) -> bool:
    """Whether a configuration describes action detection."""
    return config.model.head.kind == "roi"


def files_of(config: Config, train: bool) -> AvaFiles:
    """The files of one split."""
    paths = config.detection
    return AvaFiles(
        label_map=paths.label_map,
        labels=paths.train_labels if train else paths.val_labels,
        boxes=paths.train_boxes if train else paths.val_boxes,
        excluded="" if train else paths.excluded,
        frames=paths.frames,
        frame_lists=paths.train_frame_lists if train else paths.val_frame_lists,
        frame_fps=paths.frame_fps,
        videos=paths.train_videos if train or not paths.val_videos else paths.val_videos,
        start_sec=paths.start_sec,
    )


def actions_of(config: Config) -> ActionList:
    """Classes and their columns."""
    return action_list(read_label_map(config.detection.label_map), config.model.num_classes)


def names_of(config: Config) -> list[str | None]:
    """Class names by column."""
    actions = actions_of(config)
    return [actions.names.get(label) for label in actions.label_of_column().tolist()]


def grid_of(config: Config) -> ClipGrid:
    """Frames around a keyframe."""
    return ClipGrid(config.data.num_frames, config.data.sampling_rate, config.data.target_fps)


def build_task(config: Config, pack: PackPathways) -> DetectionTask:
    """Loss and scores of boxes."""
    return DetectionTask(pack, config.model.num_classes, config.model.head.activation)


def train_loader(config: Config) -> Loader:
    """Training keyframes of this process."""
    files = files_of(config, train=True)
    source = open_clips(files, build.read_options(config))
    keyframes = keyframes_to_train(files, source, _rules(config, None))
    _report("training", keyframes.counts)
    options = AvaTrainOptions(config.data.short_side_px, config.data.crop_px, config.data.flip)
    dataset = AvaTrainDataset(source, keyframes, actions_of(config), grid_of(config), options, config.train.seed)
    world = distributed.world_size()
    sampler = TrainSampler(
        len(dataset), config.train.batch_size // world, seed=config.train.seed, rank=distributed.rank(), world_size=world
    )
    return build.loader_of(config, dataset, sampler, collate_boxes)


def test_loader(config: Config, every_sec: int | None = None) -> Loader:
    """Keyframes to score, of this process; `every_sec` thins them out."""
    files = files_of(config, train=False)
    source = open_clips(files, build.read_options(config))
    keyframes = keyframes_to_score(files, source, _rules(config, every_sec, read_exclusions(files)))
    _report("testing", keyframes.counts)
    paths = config.detection
    dataset = AvaTestDataset(source, keyframes, grid_of(config), paths.test_short_sides_px, paths.test_flip)
    return build.loader_of(
        config, dataset, EvalSampler(len(dataset), rank=distributed.rank(), world_size=distributed.world_size()), one_video
    )


def scoring_of(config: Config, every_sec: int | None = None) -> DetectionScoring:
    """The ground truth that counts, and the rule."""
    files, actions = files_of(config, train=False), actions_of(config)
    truth = read_labels(files.labels)
    excluded = read_exclusions(files)
    rules = _rules(config, every_sec, excluded)
    outside = {image for image, second in zip(truth.images, truth.seconds) if not rules.admits(second, image)}
    return DetectionScoring(truth, actions.label_of_column(), tuple(actions.names), excluded | outside, config.detection.rule)


def validation(config: Config, task: DetectionTask, loader: Loader) -> Callable[[nn.Layer], Mapping[str, float]]:
    """What Trainer calls after an epoch."""
    scoring = scoring_of(config, config.detection.valid_every_sec)
    return lambda network: validate_detection(network, task, loader, scoring)


def test(config: Config, *, here: machine.Machine, weights: str | None = None) -> int:
    """eval.py: writes detections.csv, per_class.tsv and eval.json, prints the mAP line; 3 when keyframes failed."""
    path = choose_weights(config, weights)
    network = load_model(path, config)
    runner = runner_of(config, network, here.gpu, example_clip(network, config.data.crop_px, boxes=2))
    task = build_task(config, build.build_pack(config, network))
    scoring = scoring_of(config)
    with test_loader(config) as loader:
        found = detect(runner, task, log.progress(loader, len(loader), "testing", "keyframe"))
    if here.rank == 0:
        _write(config, found, scoring, path)
    return machine.finish(here, len(found.failed))


def _write(config: Config, found: Detections, scoring: DetectionScoring, weights: Path) -> None:
    folder = Path(config.test.save_path)
    names = actions_of(config).names
    result = scoring.score(found)
    rows = found.rows(scoring.labels)
    places = [image.rpartition(",") for image in rows.images]
    folder.mkdir(parents=True, exist_ok=True)
    write_detections(
        folder / "detections.csv",
        [p[0] for p in places],
        [float(p[2]) for p in places],
        rows.boxes,
        rows.labels.tolist(),
        rows.scores,
    )
    table = class_table(result, names)
    (folder / "per_class.tsv").write_text(table + "\n", encoding="utf-8")
    failed = [{"keyframe": image, "error": error} for image, error in found.failed]
    facts = {"weights": str(weights), "keyframes": len(found.images), "failed": failed}
    files.write_json(folder / "eval.json", result_json(result, names) | facts)
    for sentence in left_out(result):
        _logger.info("%s", sentence)
    for image, error in found.failed:
        _logger.warning("keyframe %s failed: %s", image, error)
    print(table)
    print(f"eval: {map_line(result)} ({len(found.images) - len(failed)} keyframes{f', {len(failed)} failed' if failed else ''})")


def _rules(config: Config, every_sec: int | None, excluded: frozenset[str] = frozenset()) -> KeyframeRules:
    paths = config.detection
    first = -math.inf if paths.first_sec is None else paths.first_sec
    last = math.inf if paths.last_sec is None else paths.last_sec
    return KeyframeRules(first, last, every_sec, paths.score_threshold, excluded)


def _report(split: str, counts: Mapping[str, int]) -> None:
    _logger.info("%s: %s", split, ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in counts.items() if count))
