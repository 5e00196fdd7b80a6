"""The golden training cases: loss, gradients, BN statistics and ten steps of SGD, in float64 and in float32.

In float64 everything must agree to rounding, as far as Paddle lets it: it keeps epsilon, learning rate and momentum in float32,
and the fin01 network doubles such a difference every few steps (`AFTER_TEN_STEPS`). In float32 the curve may differ from the
reference's float64 curve by what the reference's own float32 run does, and a little more.
"""

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest

from slowfast_paddle.convert.rules import LAYOUTS, export_state, import_state
from slowfast_paddle.models.registry import build_model
from slowfast_paddle.optim.optimizer import build_optimizer, parameter_groups
from tests.conftest import SHARED
from tests.parity.golden_models import Case

FOLDER = SHARED / "golden" / "models"
AFTER_TEN_STEPS = {"psf_grad_slowfast_w8_b4_c64_fin01": 2e-3, "psf_grad_slowfast_w8_c64_zeroinit": 1e-6}
CASES = sorted(path.stem for path in FOLDER.glob("psf_grad_*.json"))
if not CASES:
    pytest.skip(f"{FOLDER} is absent; set SLOWFAST_SHARED to the folder that holds golden/", allow_module_level=True)


class Run:
    """One network trained as the case says, with what it showed on the way, in the case's names."""

    def __init__(self, case: Case, dtype: str):
        self.case = case
        paddle.set_default_dtype(dtype)
        try:
            self.model = build_model(case.config(), case.num_frames, case.crop)
        finally:
            paddle.set_default_dtype("float32")
        ours = {name: value.numpy() for name, value in self.model.state_dict().items()}
        found = import_state(LAYOUTS[case.layout], self.model.spec, ours, case.weights)
        assert not found.missing and not found.unused
        self.model.set_state_dict({name: value.astype(dtype) for name, value in found.state.items()})
        self.clips = tuple(paddle.to_tensor(part.astype(dtype)) for part in case.pathways())
        self.labels = paddle.to_tensor(np.asarray(case.info["labels"]))
        self.counts = self._count_values()

    def _count_values(self) -> dict[str, int]:
        """Values each normalisation averages over, by the name of its variance."""
        counts: dict[str, int] = {}

        def watch(name):
            return lambda layer, inputs: counts.__setitem__(f"{name}._variance", inputs[0].size // inputs[0].shape[1])

        norms = [(name, part) for name, part in self.model.named_sublayers() if isinstance(part, paddle.nn.BatchNorm3D)]
        handles = [part.register_forward_pre_hook(watch(name)) for name, part in norms]
        self.model.eval()
        with paddle.no_grad():
            self.model(self.clips)
        for handle in handles:
            handle.remove()
        self.model.train()
        return counts

    def loss(self):
        return F.cross_entropy(self.model(self.clips), self.labels)

    def foreign(self, state: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return export_state(LAYOUTS[self.case.layout], self.model.spec, state)

    def gradients(self) -> dict[str, np.ndarray]:
        named = self.model.named_parameters()
        return self.foreign({name: part.grad.numpy() for name, part in named if not part.stop_gradient})

    def statistics(self, forwards: int) -> dict[str, np.ndarray]:
        """Running statistics after `forwards` passes from 0 and 1.

        Paddle: on CPU the running variance is fed the biased batch variance, PyTorch's the unbiased one, n / (n - 1) larger.
        """
        kept = 0.9**forwards
        state = {}
        for name, value in self.model.state_dict().items():
            if name.endswith("._mean"):
                state[name] = value.numpy()
            elif name.endswith("._variance"):
                count = self.counts[name]
                state[name] = (value.numpy() - kept) * count / (count - 1) + kept
        return state


def train(run: Run, steps: int) -> list[float]:
    """Losses before each step and one more after the last."""
    recipe = run.case.info["training"]
    groups = parameter_groups(run.model, recipe["weight_decay"], recipe["bn_weight_decay"])
    optimizer = build_optimizer("sgd", groups, recipe["lr"], recipe["momentum"], recipe["nesterov"])
    losses = []
    for _ in range(steps):
        loss = run.loss()
        losses.append(float(loss))
        optimizer.clear_grad()
        loss.backward()
        optimizer.step()
    return [*losses, float(run.loss())]


def close(ours: np.ndarray, reference: np.ndarray, tolerance: float, what: str) -> None:
    error = np.abs(np.asarray(ours) - reference).max() / np.abs(reference).max()
    assert error <= tolerance, f"{what}: {error:.2e}"


@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-6), ("float32", 2e-4)])
@pytest.mark.parametrize("name", CASES)
def test_first_step(name, dtype, tolerance):
    case = Case(FOLDER / f"{name}.json")
    run = Run(case, dtype)
    loss = run.loss()
    assert float(loss) == pytest.approx(case.arrays["loss_curve64"][0], rel=1e-6)
    loss.backward()
    gradients = run.gradients()
    names = case.info["grad_names"]
    assert set(gradients) == set(names)
    largest = max(np.abs(case.arrays[f"grad/{key}"]).max() for key in names)
    for key in names:  # some gradients are zero in theory, so the scale is that of the whole network
        assert np.abs(gradients[key] - case.arrays[f"grad/{key}"]).max() <= tolerance * largest, key
    norms = np.array([np.linalg.norm(gradients[key]) for key in names])
    close(norms, case.arrays["grad_l2_64"], tolerance, "gradient norms")
    for key, value in run.foreign(run.statistics(forwards=1)).items():
        if not key.endswith("num_batches_tracked"):
            close(value, case.arrays[f"bn_after_1_forward/{key}"], 2e-6, key)


@pytest.mark.parametrize("name", CASES)
def test_ten_steps_in_double_precision(name):
    case = Case(FOLDER / f"{name}.json")
    run = Run(case, "float64")
    losses = train(run, case.info["training"]["steps"])
    tolerance = AFTER_TEN_STEPS[name]
    close(losses[:6], case.arrays["loss_curve64"][:6], 1e-6, "losses of the first steps")
    close(losses, case.arrays["loss_curve64"], tolerance, "loss curve")
    statistics = run.statistics(forwards=len(losses))
    for key, value in run.foreign(statistics).items():
        if not key.endswith("num_batches_tracked"):
            close(value, case.arrays[f"bn_end/{key}"], 10 * tolerance, key)
    weights = run.foreign({key: part.numpy() for key, part in run.model.named_parameters() if not part.stop_gradient})
    norms = np.array([np.linalg.norm(weights[key]) for key in case.info["grad_names"]])
    close(norms, case.arrays["w_end_l2"], tolerance, "weights after ten steps")
    run.model.set_state_dict(run.model.state_dict() | statistics)
    run.model.eval()
    with paddle.no_grad():
        scores = F.softmax(run.model(run.clips), axis=-1).mean(1).numpy()
    close(scores, case.arrays["probs_eval_end64"], 10 * tolerance, "scores after ten steps")


@pytest.mark.parametrize("name", CASES)
def test_ten_steps_in_single_precision(name):
    case = Case(FOLDER / f"{name}.json")
    losses = train(Run(case, "float32"), case.info["training"]["steps"])
    # The larger of the reference's own float32 error (its worst so far: errors grow with the steps) and 1e-4.
    own = np.maximum.accumulate(np.abs(case.arrays["loss_curve"] - case.arrays["loss_curve64"]))
    assert (np.abs(losses - case.arrays["loss_curve64"]) <= 10 * own + 1e-4).all()
