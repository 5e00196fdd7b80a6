"""What a foreign layout of weights is: a table of name pairs, read in both directions.

Both sides of a pair are templates. `{p}` is the pathway, `{i}` the stage (0 is res2) or lateral, `{b}` the block, `{x}` the
branch convolution a, b or c, `{fc}` a squeeze-excitation layer, `{n}` a non-local convolution; `{conv}` and `{norm}` stand
for the arrays of a convolution or linear layer and of a normalisation. Their side may also use `{layer}` = i + 1,
`{stage}` = i + 2, `{last}` = the last fast block before lateral i, and the `words` of the layout.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from slowfast_paddle.errors import ConvertError
from slowfast_paddle.models.spec import NetSpec

Pairs = tuple[tuple[str, str], ...]

_PLACEHOLDERS = {
    "p": r"\d+",
    "i": r"\d+",
    "b": r"\d+",
    "x": "[abc]",
    "fc": "fc[12]",
    "n": "theta|phi|g|out",
    "conv": "weight|bias",
    "norm": "weight|bias|_mean|_variance",
}
TORCH_NORM = {"_mean": "running_mean", "_variance": "running_var"}


@dataclass(frozen=True)
class Layout:
    """One way to name and store the arrays of a network.

    Attributes:
        pairs: the table for a given network.
        signature: a name that only this layout has.
        conv, norm: their word for `weight`, `bias`, `_mean`, `_variance`, where it differs.
        words: more placeholders of their side, computed from the ones of ours.
        ignored: names that carry no weights.
        aliases: substitutions that bring variants of their names to the form of the table.
        transposed: their linear weights are [out, in] and ours [in, out].
        concat: order of the pathways in the classifier's input.
        counters: normalisations also store an update counter, as torch's do.
    """

    name: str
    pairs: Callable[[NetSpec], Pairs]
    signature: str
    conv: Mapping[str, str] = field(default_factory=dict)
    norm: Mapping[str, str] = field(default_factory=lambda: TORCH_NORM)
    words: Callable[[dict[str, str]], dict[str, str]] = lambda found: {}
    ignored: str = r".*\.num_batches_tracked"
    aliases: tuple[tuple[str, str], ...] = ()
    transposed: bool = True
    concat: str = "slow_fast"
    counters: bool = True

    def names(self, spec: NetSpec, keys: list[str]) -> dict[str, str]:
        """Our state-dict names -> theirs.

        Raises:
            ConvertError: a part of the network that the layout has no name for.
        """
        table = [(_compile(ours), theirs) for ours, theirs in self.pairs(spec)]
        return {key: self._translate(key, table, spec) for key in keys}

    def _translate(self, key: str, table: list[tuple[re.Pattern, str]], spec: NetSpec) -> str:
        for pattern, theirs in table:
            match = pattern.fullmatch(key)
            if match:
                return theirs.format(**self._fill(match.groupdict(), spec))
        raise ConvertError(f"{key}: has no name in the layout {self.name}; this network cannot be stored in it")

    def _fill(self, found: dict[str, str], spec: NetSpec) -> dict[str, str]:
        filled = dict(found)
        if "i" in found:
            index = int(found["i"])
            filled |= {"layer": str(index + 1), "stage": str(index + 2)}
            filled["last"] = str(len(spec.pathways[-1].stages[index - 1].blocks) - 1)
        for kind, words in (("conv", self.conv), ("norm", self.norm)):
            if kind in found:
                filled[kind] = words.get(found[kind], found[kind])
        return filled | self.words(found)

    def plain(self, name: str) -> str:
        """Their name without the variants that mean the same."""
        for pattern, replacement in self.aliases:
            name = re.sub(pattern, replacement, name)
        return name

    @cached_property
    def _ignored(self) -> re.Pattern:
        return re.compile(self.ignored)

    def ignores(self, name: str) -> bool:
        """Whether an entry of theirs carries no weight."""
        return bool(self._ignored.fullmatch(name))


def _compile(template: str) -> re.Pattern:
    pattern = re.escape(template)
    for name, values in _PLACEHOLDERS.items():
        pattern = pattern.replace(re.escape("{" + name + "}"), f"(?P<{name}>{values})")
    return re.compile(pattern)
