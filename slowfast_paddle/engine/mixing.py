"""Mixup and cutmix over a batch, on the device, with the same mixture for every pathway."""

import numpy as np
import paddle

Pathways = tuple[paddle.Tensor, ...]


class Mixing:
    """Blends each clip with another one of the batch, and the targets likewise.

    With both methods on, each batch takes one of them at random.
    Source: Zhang et al., mixup; Yun et al., CutMix (one box over all frames).
    """

    def __init__(self, mixup_alpha: float = 0.0, cutmix_alpha: float = 0.0) -> None:
        self._methods = [
            (method, alpha) for method, alpha in ((self._blend, mixup_alpha), (self._paste, cutmix_alpha)) if alpha > 0
        ]

    def __call__(self, pathways: Pathways, target: paddle.Tensor, rng: np.random.Generator) -> tuple[Pathways, paddle.Tensor]:
        """Mix one batch.

        Args:
            pathways: [B, 3, T_p, H, W] each.
            target: probabilities or multi-hot, [B, C].
            rng: decides method, share, partners and box.

        Returns:
            New pathways and targets of the same shapes.
        """
        if not self._methods:
            return pathways, target
        method, alpha = self._methods[rng.integers(len(self._methods))]
        partners = paddle.to_tensor(rng.permutation(target.shape[0]))
        mixed, share = method(pathways, partners, float(rng.beta(alpha, alpha)), rng)
        return mixed, share * target + (1.0 - share) * paddle.index_select(target, partners)

    @staticmethod
    def _blend(pathways: Pathways, partners: paddle.Tensor, share: float, rng: np.random.Generator) -> tuple[Pathways, float]:
        return tuple(share * x + (1.0 - share) * paddle.index_select(x, partners) for x in pathways), share

    @staticmethod
    def _paste(pathways: Pathways, partners: paddle.Tensor, share: float, rng: np.random.Generator) -> tuple[Pathways, float]:
        height, width = pathways[0].shape[3:]
        box_height, box_width = (int(round(size * np.sqrt(1.0 - share))) for size in (height, width))
        top = int(rng.integers(height - box_height + 1))
        left = int(rng.integers(width - box_width + 1))
        inside = np.zeros((1, 1, 1, height, width), dtype=np.float32)
        inside[..., top : top + box_height, left : left + box_width] = 1.0
        mask = paddle.to_tensor(inside)
        mixed = tuple(x * (1.0 - mask) + paddle.index_select(x, partners) * mask for x in pathways)
        return mixed, 1.0 - box_height * box_width / (height * width)
