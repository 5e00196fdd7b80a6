"""Every golden network: foreign weights through the name rules, then logits, scores and stages against the reference.

The tolerance is 1e-4 of the largest reference value, in float32 against the reference's float64. The worst case seen on a
CPU is printed by `pytest -s`.
"""

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest

from slowfast_paddle.convert.rules import LAYOUTS, export_state, import_state
from slowfast_paddle.models.registry import build_model
from tests.conftest import SHARED
from tests.parity.golden_models import Case

TOLERANCE = 1e-4
FOLDER = SHARED / "golden" / "models"
FORWARD = sorted(path.stem for path in FOLDER.glob("*.json") if "_grad_" not in path.stem)
# One case of every layout and architecture at a small size; the rest needs seconds to a minute each.
QUICK = ("_c64", "_c96", "x3d_s_160")
if not FORWARD:
    pytest.skip(f"{FOLDER} is absent; set SLOWFAST_SHARED to the folder that holds golden/", allow_module_level=True)


def _mark(name: str):
    return pytest.param(name, marks=() if any(word in name for word in QUICK) else pytest.mark.full)


def network(case: Case, config=None):
    """The case's network in eval mode with the case's weights."""
    model = build_model(config or case.config(), case.num_frames, case.crop)
    ours = {name: value.numpy() for name, value in model.state_dict().items()}
    found = import_state(LAYOUTS[case.layout], model.spec, ours, case.weights)
    assert not found.missing and not found.unused
    for name, value in found.state.items():
        assert value.shape == ours[name].shape, name
    model.set_state_dict(found.state)
    model.eval()
    return model


def relative(ours: np.ndarray, reference: np.ndarray) -> float:
    """Largest difference over the largest reference value (absolute where ReLU left only zeros)."""
    return float(np.abs(ours - reference).max() / (np.abs(reference).max() or 1.0))


def outputs(case: Case, model) -> tuple[np.ndarray, np.ndarray]:
    """(logits, scores) as the case stores them: mean over positions of either."""
    pathways = tuple(paddle.to_tensor(part) for part in case.pathways())
    activation = F.sigmoid if case.config().head.activation == "sigmoid" else lambda x: F.softmax(x, axis=-1)
    with paddle.no_grad():
        if model.spec.head.kind != "roi":
            logits = model(pathways)
            return logits.mean(1).numpy(), activation(logits).mean(1).numpy()
        boxes, order = grouped(case)
        counts = np.bincount(boxes[:, 0].astype(int), minlength=pathways[0].shape[0]).astype("int32")
        logits = model(pathways, paddle.to_tensor(boxes[:, 1:]), paddle.to_tensor(counts))
    back = np.argsort(order, kind="stable")
    return logits.numpy()[back], activation(logits).numpy()[back]


def grouped(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Boxes sorted by clip, as Paddle's RoIAlign needs them, and the order that sorts them."""
    boxes = np.asarray(case.arrays["boxes"], "float32")
    order = np.argsort(boxes[:, 0], kind="stable")
    return boxes[order], order


class Stages:
    """Catches the maps that the cases summarise, by the names of their layouts."""

    def __init__(self, model):
        self.seen: dict[str, np.ndarray] = {}
        for p, stem in enumerate(model.stems):
            self._catch(stem, f"stem/{p}")
        for i, stages in enumerate(model.stages):
            self._catch(model.laterals[i], f"lateral/{i}")
            for p, stage in enumerate(stages):
                self._catch(stage, f"stage/{i}/{p}")

    def _catch(self, layer, name: str) -> None:
        def hook(layer, inputs, output):
            parts = output if isinstance(output, tuple) else (output,)
            for p, part in enumerate(parts):
                key = f"{name}/{p}" if isinstance(output, tuple) else name
                self.seen[key] = part.numpy()

        layer.register_forward_post_hook(hook)

    def find(self, name: str) -> np.ndarray | None:
        """The map for `<module>/p<pathway>` of any layout; None for modules that have no counterpart."""
        module, pathway = name.rsplit("/p", 1)
        module = module.removeprefix("backbone.")
        two = "stem/1" in self.seen
        if module.startswith("blocks."):  # PyTorchVideo: a block ends with the lateral of the next stage
            index = int(module[7:])
            key = (
                f"lateral/{index}/{pathway}"
                if two and index < 4
                else f"stage/{index - 1}/{pathway}"
                if index
                else f"stem/{pathway}"
            )
        elif module.startswith(("slow_path.", "fast_path.")):
            p, part = int(module.startswith("fast")), module[10:]
            key = f"stem/{p}" if part == "maxpool" else f"stage/{int(part[5]) - 1}/{p}" if part.startswith("layer") else ""
            key = "" if part.endswith("_lateral") else key
        elif module.endswith("_fuse"):
            key = f"lateral/{int(module[1]) - 1}/{pathway}"
        elif module == "s1":
            key = f"stem/{pathway}"
        else:
            key = f"stage/{int(module[1]) - 2}/{pathway}" if module[:1] == "s" and module[1:].isdigit() else ""
        return self.seen.get(key)


@pytest.mark.parametrize("name", [_mark(name) for name in FORWARD])
def test_numbers(name):
    case = Case(FOLDER / f"{name}.json")
    model = network(case)
    trained = sum(p.size for p in model.parameters() if not p.name.endswith(("_mean", "_variance")) and not p.stop_gradient)
    assert trained == case.info["n_params"]
    stages = Stages(model)
    logits, scores = outputs(case, model)
    errors = {"logits": relative(logits, case.arrays["logits64"])}
    if "probs64" in case.arrays:
        errors["probs"] = relative(scores, case.arrays["probs64"])
    compared = 0
    for key in case.info["stage_shapes"]:
        found = stages.find(key)
        if found is None:
            continue
        compared += 1
        assert list(found.shape) == case.info["stage_shapes"][key], key
        mean, std = case.arrays[f"stage/{key}/stats"]
        first = case.arrays[f"stage/{key}/first64_fp64"]
        errors[key] = max(
            relative(found.ravel()[:64], first),
            abs(found.std(dtype="float64") - std) / std,
            abs(found.mean(dtype="float64") - mean) / std,
        )
    assert compared >= 5
    worst = max(errors, key=errors.get)
    print(f"\n{name}: worst {errors[worst]:.2e} at {worst}, logits {errors['logits']:.2e}, {compared} stages")
    assert errors[worst] <= TOLERANCE, errors


@pytest.mark.full
@pytest.mark.parametrize("aligned", [True, False])
def test_roi_alignment(aligned):
    case = Case(FOLDER / "psf_ava_slowfast_32x2_r50_short.json")
    config = case.config()
    config = config.model_copy(update={"head": config.head.model_copy(update={"roi_aligned": aligned})})
    logits, _ = outputs(case, network(case, config))
    assert relative(logits, case.arrays[f"logits_aligned_{str(aligned).lower()}"]) <= TOLERANCE


@pytest.mark.parametrize("name", [name for name in FORWARD if not name.startswith("c2_")])  # Caffe2 files are only read
def test_names_go_both_ways(name):
    """Export gives back the very names, shapes and values of the foreign file."""
    case = Case(FOLDER / f"{name}.json")
    model = network(case)
    back = export_state(LAYOUTS[case.layout], model.spec, {key: value.numpy() for key, value in model.state_dict().items()})
    assert set(back) == set(case.weights)
    for key, value in case.weights.items():
        np.testing.assert_array_equal(back[key], value, err_msg=key)


def test_a_head_of_another_order_gives_the_same_logits():
    """MMAction2 concatenates fast before slow; its weights also fit a slow-first head, with permuted rows."""
    case = Case(FOLDER / "mm_slowfast_r50_4x16_c64.json")
    config = case.config()
    slow_first = config.model_copy(update={"head": config.head.model_copy(update={"concat": "slow_fast"})})
    logits, _ = outputs(case, network(case, slow_first))
    assert relative(logits, case.arrays["logits64"]) <= TOLERANCE
