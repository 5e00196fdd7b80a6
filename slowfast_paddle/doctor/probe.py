"""Run in processes of their own by `computing`, because Paddle may be missing, crash or hang: prints one line of JSON.

python probe.py device       what this Paddle computes on, and whether conv3d and mixed precision give the right numbers
python probe.py together     by the launcher: a sum over all processes
"""

import json
import sys
import time

MARK = "DOCTOR "
CLIP = (2, 8, 8, 28, 28)  # [B, C, T, H, W]


def device() -> dict:
    """Facts about Paddle and its device."""
    import paddle

    gpus = paddle.device.cuda.device_count() if paddle.is_compiled_with_cuda() else 0
    facts = {
        "paddle": paddle.__version__,
        "cuda": paddle.version.cuda() if paddle.is_compiled_with_cuda() else "",
        "gpus": [paddle.device.cuda.get_device_name(index) for index in range(gpus)],
        "cpu": _convolution("cpu", None),
    }
    if gpus:
        facts["gpu"] = _convolution("gpu", None)
        for kind in ("float16", "bfloat16"):
            try:
                facts[kind] = _convolution("gpu", kind)
            except (RuntimeError, ValueError, OSError, NotImplementedError) as err:
                facts[kind] = {"error": str(err).strip().splitlines()[-1]}
    return facts


def _convolution(place: str, amp: str | None) -> dict:
    """A conv3d with known answer, forward and backward: its largest relative error, and its time in s."""
    import numpy as np
    import paddle

    paddle.set_device(place)
    rng = np.random.default_rng(0)
    clip = rng.standard_normal(CLIP).astype("float32")
    layer = paddle.nn.Conv3D(CLIP[1], CLIP[1], (3, 1, 1), padding=(1, 0, 0), bias_attr=False)
    weight = layer.weight.numpy()[:, :, :, 0, 0].astype("float64")  # [O, C, 3]
    padded = np.pad(clip.astype("float64"), ((0, 0), (0, 0), (1, 1), (0, 0), (0, 0)))
    wanted = sum(np.einsum("oc,bcthw->bothw", weight[:, :, k], padded[:, :, k : k + CLIP[2]]) for k in range(3))
    for _ in range(2):  # the first call prepares the kernels
        start = time.perf_counter()
        with paddle.amp.auto_cast(enable=amp is not None, dtype=amp or "float16", custom_white_list={"conv3d"}):
            out = layer(paddle.to_tensor(clip))
        out.astype("float32").sum().backward()
        found = out.astype("float32").numpy()
        seconds = time.perf_counter() - start
    finite = bool(np.isfinite(layer.weight.grad.numpy()).all())
    off = float(np.abs(found - wanted).max() / np.abs(wanted).max())
    return {"error": "" if finite else "the gradient is not finite", "off": off, "sec": seconds}


def together() -> dict:
    """The sum of rank + 1 over all processes."""
    import paddle

    from slowfast_paddle import distributed

    use_gpu = paddle.is_compiled_with_cuda() and paddle.device.cuda.device_count() > 0
    distributed.init(use_gpu)
    total = paddle.to_tensor([distributed.rank() + 1.0])
    paddle.distributed.all_reduce(total)
    return {"sum": float(total.numpy()[0]), "processes": distributed.world_size(), "rank": distributed.rank()}


if __name__ == "__main__":
    print(MARK + json.dumps({"device": device, "together": together}[sys.argv[1]]()), flush=True)
