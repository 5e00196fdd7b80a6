"""Names of 2-D ResNets trained on ImageNet, as torchvision and paddle.vision write them.

The classifier of the 1000 image classes is left behind.
"""

from dataclasses import replace

from slowfast_paddle.convert.layout import NUMBERED_BRANCHES, PADDLE_BN, TORCH_BN, Layout

TORCH_IMAGENET = Layout(
    name="imagenet",
    pairs=(
        ("conv1.weight", "stems.0.conv.weight"),
        ("bn1.{bn}", "stems.0.bn.{bn}"),
        ("layer{i+1}.{b}.conv{c}.weight", "stages.{i}.0.blocks.{b}.{c}.conv.weight"),
        ("layer{i+1}.{b}.bn{c}.{bn}", "stages.{i}.0.blocks.{b}.{c}.bn.{bn}"),
        ("layer{i+1}.{b}.downsample.0.weight", "stages.{i}.0.blocks.{b}.shortcut.conv.weight"),
        ("layer{i+1}.{b}.downsample.1.{bn}", "stages.{i}.0.blocks.{b}.shortcut.bn.{bn}"),
    ),
    words={"bn": TORCH_BN, "c": NUMBERED_BRANCHES},
    signature=r"bn1\.running_mean",
    ignored=r".*\.num_batches_tracked|fc\.weight|fc\.bias",
)
PADDLE_IMAGENET = replace(
    TORCH_IMAGENET, words={**TORCH_IMAGENET.words, "bn": PADDLE_BN}, signature=r"bn1\._mean", transposed=False
)
