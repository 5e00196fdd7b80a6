"""Channel gates from the clip's mean."""

import paddle.nn.functional as F
from paddle import nn


class SqueezeExcite(nn.Layer):
    """Scales each channel by a gate in 0..1. Source: Hu et al. 2018; PySlowFast operators.SE.

    The two layers are 1x1x1 convolutions, so that their parameters have the references' shapes.
    """

    def __init__(self, channels: int, squeezed: int):
        super().__init__()
        self.fc1 = nn.Conv3D(channels, squeezed, 1)
        self.fc2 = nn.Conv3D(squeezed, channels, 1)

    def forward(self, x):
        """[B, C, T, H, W] -> the same shape."""
        # Paddle: on CPU the gradient of a sum over one axis takes a thirtieth of that of a mean over three, the gradient of
        # a product spread over one axis less than half.
        places = x.flatten(2)
        mean = (places.sum(2) / places.shape[2]).unsqueeze([2, 3, 4])
        gates = F.sigmoid(self.fc2(F.relu(self.fc1(mean))))
        return (places * gates.flatten(2)).reshape(x.shape)
