"""The small language of the name tables: pairs of templates that turn foreign names into ours and back.

    ("s{i+2}.pathway{p}_res{b}.branch2.{c}.weight", "stages.{i}.{p}.blocks.{b}.{c}.conv.weight")

`{i+2}` is a number that is 2 larger over there; `{c}` is one of the words that the layout gives to ours. A place that
only their side has is matched and forgotten. The first pair that matches wins, in either direction.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from slowfast_paddle.models.spec import NetSpec

_PLACE = re.compile(r"\{(\w+?)(?:\+(\d+))?\}")

Pairs = tuple[tuple[str, str], ...]
Words = Mapping[str, str]

TORCH_BN = {"weight": "weight", "bias": "bias", "_mean": "running_mean", "_variance": "running_var"}
PADDLE_BN = {"weight": "weight", "bias": "bias", "_mean": "_mean", "_variance": "_variance"}
BRANCHES = {"a": "a", "b": "b", "c": "c"}
NUMBERED_BRANCHES = {"a": "1", "b": "2", "c": "3"}
LEAVES = {"weight": "weight", "bias": "bias"}
# The weakest reason: this table is for networks of another family.
OTHER_FAMILY = "it has no such network"
# Bookkeeping of torch's BatchNorm, without influence on evaluation.
TORCH_IGNORED = r".*\.num_batches_tracked"


@dataclass(frozen=True)
class Layout:
    """How one project names and stores the tensors of one family of networks.

    Attributes:
        name: the project, as after --layout and --to.
        pairs: (their template, our template).
        words: for a place that is no number: our word -> theirs.
        signature: a pattern for a name that every such file has and no other layout's.
        ignored: a pattern for names that carry nothing.
        transposed: linear weights are stored [out, in]; here they are [in, out].
        counters: BN layers carry num_batches_tracked.
        concat: order of the pathways in the classifier's input.
        facts: configuration (dotted keys) that the layout implies.
        protocol: whose test protocol the weights were published with.
        published: the presets that the project published weights for; empty: any of them.
        refuses: why a network cannot be stored under this table; empty when it can.
    """

    name: str
    pairs: Pairs
    words: Mapping[str, Words]
    signature: str
    ignored: str = r"(?!)"
    transposed: bool = True
    counters: bool = True
    concat: str = "slow_fast"
    facts: Mapping[str, Any] = field(default_factory=dict)
    protocol: str = "pyslowfast"
    published: tuple[str, ...] = ()
    refuses: Callable[[NetSpec], str] = lambda spec: ""

    def recognises(self, names: list[str]) -> bool:
        """Whether a file with these names is of this layout."""
        return any(re.fullmatch(self.signature, name) for name in names)

    def ignores(self, name: str) -> bool:
        """Whether a foreign tensor carries nothing that a network needs."""
        return re.fullmatch(self.ignored, name) is not None

    def ours(self, name: str) -> str | None:
        """Our name of a foreign tensor; None when no pair knows it."""
        return _first(self._inward, name)

    def theirs(self, name: str) -> str | None:
        """The foreign name of our tensor; None when it has no home there."""
        return _first(self._outward, name)

    @cached_property
    def _inward(self) -> list[tuple[re.Pattern, Callable]]:
        backward = {place: {theirs: our for our, theirs in words.items()} for place, words in self.words.items()}
        return [_compile(theirs, ours, backward) for theirs, ours in self.pairs]

    @cached_property
    def _outward(self) -> list[tuple[re.Pattern, Callable]]:
        return [_compile(ours, theirs, self.words) for theirs, ours in self.pairs]


def _first(rules: list[tuple[re.Pattern, Callable]], name: str) -> str | None:
    for pattern, rewrite in rules:
        if match := pattern.fullmatch(name):
            return rewrite(match)
    return None


def _compile(source: str, target: str, words: Mapping[str, Words]) -> tuple[re.Pattern, Callable]:
    """A pattern for `source` and a function from its match to the filled `target`."""
    offsets: dict[str, int] = {}
    pattern, at = "", 0
    for place in _PLACE.finditer(source):
        name, offset = place[1], int(place[2] or 0)
        choices = "|".join(map(re.escape, sorted(words[name], key=len, reverse=True))) if name in words else r"\d+"
        pattern += re.escape(source[at : place.start()]) + f"(?P<{name}>{choices})"
        offsets[name], at = offset, place.end()
    pattern += re.escape(source[at:])

    def rewrite(match: re.Match) -> str:
        def fill(place: re.Match) -> str:
            name = place[1]
            if name in words:
                return words[name][match[name]]
            return str(int(match[name]) - offsets[name] + int(place[2] or 0))

        return _PLACE.sub(fill, target)

    return re.compile(pattern), rewrite
