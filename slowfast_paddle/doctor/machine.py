"""Memory, /dev/shm, open files, processor settings."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from slowfast_paddle import cpu
from slowfast_paddle.doctor.check import Check

SHARED_BYTES = 256 << 20  # what NCCL and other programs' loaders want in /dev/shm
MEMORY_BYTES = 4 << 30
OPEN_FILES = 1024
LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def examine() -> Iterator[Check]:
    """What this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    settings = ", ".join(f"{name}={value}" for name, value in cpu.configure_process().items()) or "none"
    yield Check("processor", "ok", f"{cores} cores; settings for Paddle's kernels: {settings}")
    memory = memory_bytes()
    if memory:
        state = "ok" if memory >= MEMORY_BYTES else "warning"
        fix = "" if state == "ok" else "lower train.batch_size, test.views_per_forward and data.workers"
        yield Check("memory", state, f"{memory / 2**30:.1f} GB", fix)
    if Path("/dev/shm").is_dir():
        yield shared_memory(shutil.disk_usage("/dev/shm").total)
    yield from _open_files()


def memory_bytes() -> int:
    """Physical memory, or the smaller limit of a container; 0 where neither is known."""
    known = []
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        known.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    for limit in map(Path, LIMITS):
        text = limit.read_text().strip() if limit.is_file() else ""
        if text.isdigit():
            known.append(int(text))
    return min(known, default=0)


def shared_memory(total: int) -> Check:
    """Whether /dev/shm is large enough. Our own readers do not use it; NCCL does."""
    told = f"{total / 2**20:.0f} MB"
    if total >= SHARED_BYTES:
        return Check("/dev/shm", "ok", told)
    return Check(
        "/dev/shm", "warning", f"{told}: several GPUs may fail with a bus error", "docker run --shm-size 1g, or --ipc host"
    )


def _open_files() -> Iterator[Check]:
    if sys.platform == "win32":
        return
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    few = 0 <= soft < OPEN_FILES
    yield Check("open files", "warning" if few else "ok", f"at most {soft}", f"ulimit -n {4 * OPEN_FILES}" if few else "")
