"""Optimizers over named parameters: groups by rule, freezing, and state under names that survive the process."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import paddle
from paddle import nn
from paddle.nn.layer.norm import _BatchNormBase

from slowfast_paddle.errors import CheckpointError, ConfigError

_DEEPEST = 5  # stem, res2, res3, res4, res5 below the head
_TINY = 1e-8


@dataclass(frozen=True)
class ParameterRule:
    """Factors for the parameters whose whole name matches `pattern`; in a list a later rule replaces an earlier one.

    Attributes:
        pattern: regular expression over a state-dict name.
        lr_scale: factor on the learning rate.
        decay_scale: factor on the weight decay.
    """

    pattern: str
    lr_scale: float = 1.0
    decay_scale: float = 1.0


def layer_decay_rules(decay: float) -> list[ParameterRule]:
    """Learning rates that shrink by `decay` per stage from the head down to the stem (depth 5); laterals go with their input."""
    rules = [ParameterRule(r"(stems|laterals\.0)\..*", lr_scale=decay**_DEEPEST)]
    for stage in range(4):
        rules.append(ParameterRule(rf"(stages\.{stage}|laterals\.{stage + 1})\..*", lr_scale=decay ** (4 - stage)))
    return rules


def freeze(model: nn.Layer, patterns: Iterable[str]) -> list[str]:
    """Stop training what matches, BN statistics included; return the frozen parameters' names.

    Args:
        model: network to freeze parts of.
        patterns: regular expressions over whole state-dict names, such as r"stems\\..*".

    Raises:
        ConfigError: a pattern matches no parameter.
    """
    frozen = []
    for pattern in patterns:
        matched = [(name, p) for name, p in model.named_parameters() if re.fullmatch(pattern, name)]
        if not matched:
            raise ConfigError(
                f"freeze pattern {pattern!r} matches no parameter; names look like stages.0.1.blocks.0.a.conv.weight"
            )
        for name, parameter in matched:
            if not parameter.stop_gradient:  # Paddle: BN statistics are parameters too, without gradient from the start
                parameter.stop_gradient = True
                frozen.append(name)
    frozen_names = set(frozen)
    for name, layer in model.named_sublayers():
        if isinstance(layer, _BatchNormBase) and f"{name}.weight" in frozen_names:
            layer._use_global_stats = True  # Paddle: the only form of "eval" that model.train() leaves alone
    return frozen


def check_rules(model: nn.Layer, rules: Sequence[ParameterRule]) -> None:
    """Refuse rules that change nothing.

    Raises:
        ConfigError: a pattern matches no parameter.
    """
    names = [name for name, _ in model.named_parameters()]
    for rule in rules:
        if not any(re.fullmatch(rule.pattern, name) for name in names):
            raise ConfigError(f"optim.rules pattern {rule.pattern!r} matches no parameter; names look like {names[0]}")


def parameter_groups(
    model: nn.Layer,
    weight_decay: float,
    norm_weight_decay: float = 0.0,
    rules: Sequence[ParameterRule] = (),
    own_rules: Sequence[ParameterRule] = (),
) -> list[dict[str, Any]]:
    """Trainable parameters grouped by learning-rate factor and weight decay, in the model's order.

    Args:
        model: network; frozen parameters are left out.
        weight_decay: for every parameter but the scale and shift of normalisation layers.
        norm_weight_decay: for those.
        rules, own_rules: factors by name; those of the two lists multiply.

    Returns:
        Groups as paddle.optimizer takes them.

    Raises:
        ConfigError: nothing is trainable.
    """
    norms = {
        f"{prefix}.{own}" if prefix else own
        for prefix, layer in model.named_sublayers(include_self=True)
        if isinstance(layer, (_BatchNormBase, nn.LayerNorm, nn.GroupNorm))
        for own, _ in layer.named_parameters(include_sublayers=False)
    }
    groups: dict[tuple[float, float], list[paddle.Tensor]] = defaultdict(list)
    for name, parameter in model.named_parameters():
        if parameter.stop_gradient:
            continue
        general, own = (_last_matching(given, name) for given in (rules, own_rules))
        decay = norm_weight_decay if name in norms else weight_decay
        groups[(general.lr_scale * own.lr_scale, decay * general.decay_scale * own.decay_scale)].append(parameter)
    if not groups:
        raise ConfigError("every parameter is frozen; leave at least the head trainable")
    return [
        {"params": parameters, "learning_rate": lr_scale, "weight_decay": float(decay)}
        for (lr_scale, decay), parameters in groups.items()
    ]


def _last_matching(rules: Sequence[ParameterRule], name: str) -> ParameterRule:
    return next((rule for rule in reversed(rules) if re.fullmatch(rule.pattern, name)), ParameterRule(name))


class Lars(paddle.optimizer.Momentum):
    """SGD whose gradient, decay included, is scaled in each weight by trust * |w| / (|g| + decay * |w|).

    Biases and the scale and shift of normalisation layers keep their gradient: they have one axis, and no norm to speak of.
    Source: You et al. 2017, equation 6; PySlowFast optimizer.LARS.
    """

    def __init__(self, trust: float, groups: list[dict[str, Any]], **options: Any) -> None:
        """`trust`: the coefficient; `groups`: of `parameter_groups`; `options`: Momentum's."""
        self._trust = trust
        self._decays = [(p, group["weight_decay"]) for group in groups for p in group["params"] if p.ndim > 1]
        super().__init__(
            parameters=[
                {**group, "params": params, "weight_decay": decay}
                for group in groups
                for decay, scaled in ((0.0, True), (group["weight_decay"], False))
                if (params := [p for p in group["params"] if (p.ndim > 1) == scaled])
            ],
            **options,
        )

    @paddle.no_grad()
    def step(self) -> None:
        """Scale the gradients, then take Momentum's step."""
        for parameter, decay in self._decays:
            if parameter.grad is None:
                continue
            size, slope = parameter.norm(), parameter.grad.norm()
            scaled = (parameter.grad + decay * parameter) * (self._trust * size / (slope + decay * size + _TINY))
            parameter.grad.set_value(paddle.where((size > 0) & (slope > 0), scaled, parameter.grad))
        super().step()


def build_optimizer(
    kind: str,
    groups: list[dict[str, Any]],
    lr: float,
    momentum: float = 0.9,
    nesterov: bool = True,
    betas: tuple[float, float] = (0.9, 0.999),
    trust: float = 0.001,
) -> paddle.optimizer.Optimizer:
    """SGD with momentum ("sgd"), with rates of its own for every layer ("lars"), "adam" (decay as L2 gradient) or "adamw" (decoupled).

    Gradient clipping is the trainer's: Paddle clips each group by its own norm.

    Raises:
        ConfigError: unknown kind.
    """
    if kind == "sgd":
        return paddle.optimizer.Momentum(learning_rate=lr, momentum=momentum, use_nesterov=nesterov, parameters=groups)
    if kind == "lars":
        return Lars(trust, groups, learning_rate=lr, momentum=momentum, use_nesterov=nesterov)
    if kind in ("adam", "adamw"):
        cls = paddle.optimizer.Adam if kind == "adam" else paddle.optimizer.AdamW
        return cls(learning_rate=lr, beta1=betas[0], beta2=betas[1], parameters=groups)
    raise ConfigError(f"optimizer {kind!r}: unknown; expected sgd, lars, adam or adamw")


def named_state(optimizer: paddle.optimizer.Optimizer, model: nn.Layer) -> dict[str, dict[str, np.ndarray]]:
    """Accumulators by state-dict name and kind, such as ["head.classifier.weight"]["velocity_0"].

    Paddle keys them by a process-wide counter ("conv3d_7.w_0"), which another process may count differently.
    """
    by_internal = {parameter.name: name for name, parameter in model.named_parameters()}
    state: dict[str, dict[str, np.ndarray]] = defaultdict(dict)
    for key, value in optimizer.state_dict().items():
        internal = next((name for name in _prefixes(key) if name in by_internal), None)
        if internal is not None and isinstance(value, paddle.Tensor):
            state[by_internal[internal]][key[len(internal) + 1 :]] = value.numpy()
    return dict(state)


def _prefixes(key: str) -> Iterable[str]:
    """The beginnings of `key` that end before an underscore, longest first."""
    return (key[: match.start()] for match in reversed(list(re.finditer("_", key))))


def load_named_state(
    optimizer: paddle.optimizer.Optimizer, model: nn.Layer, state: Mapping[str, Mapping[str, np.ndarray]]
) -> None:
    """Put back what `named_state` returned.

    Raises:
        CheckpointError: the state belongs to other parameters.
    """
    internal = {name: parameter.name for name, parameter in model.named_parameters()}
    trainable = {name for name, parameter in model.named_parameters() if not parameter.stop_gradient}
    if state and set(state) != trainable:
        strange = sorted(set(state) ^ trainable)[:3]
        raise CheckpointError(
            f"optimizer state does not fit the trainable parameters, e.g. {', '.join(strange)}; resume with the same config"
        )
    optimizer.set_state_dict(
        {f"{internal[name]}_{kind}": np.array(value) for name, kinds in state.items() for kind, value in kinds.items()}
    )
