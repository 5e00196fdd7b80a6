"""The example of docs/backbone.md is a network the package accepts."""

import re
from pathlib import Path

import paddle

from slowfast_paddle.config.model import ModelConfig
from slowfast_paddle.models.registry import build_model

ROOT = Path(__file__).resolve().parents[3]


def test_the_example_builds_and_returns_logits():
    example = re.search(r"```python\n(.*?)```", (ROOT / "docs/backbone.md").read_text(encoding="utf-8"), re.DOTALL).group(1)
    exec(compile(example, "docs/backbone.md", "exec"), {"__name__": "my_net"})
    network = build_model(ModelConfig(architecture="frames_then_time", num_classes=4, width=8), num_frames=8, crop=32)
    pathways = (paddle.rand([2, 3, 8, 32, 32]),)
    assert network(pathways).shape == [2, 4]
    network.eval()
    assert network(pathways).shape == [2, 1, 4]


def test_links_between_the_pages_lead_somewhere():
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
    for page in pages:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
