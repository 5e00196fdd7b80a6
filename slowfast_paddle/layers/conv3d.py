"""A drop-in `paddle.nn.Conv3D`: the same arguments, parameters and state dict."""

import paddle


class Conv3D(paddle.nn.Conv3D):
    """3-D convolution over [B, C, T, H, W]."""
