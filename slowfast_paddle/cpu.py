"""Process settings that make Paddle's CPU kernels two to three times faster; they change speed, never results.

Call `configure_process()` before `import paddle`: MKL and the allocator read them once. It sets up to three things,
each only where it is known to help and never over a value the user has set:

1. Threads. Paddle starts with one thread. MKL_NUM_THREADS gives its matrix products (where the time goes) the cores of
   the machine, divided among the processes of a launched job. OMP_NUM_THREADS would do the same, but Paddle greets any
   value above 1 with a warning on every start.
2. MKL on AMD. Paddle carries MKL 2019, which falls back to SSE on processors that are not Intel's: 30-50 GFLOP/s
   instead of 130-500 (measured on one AVX-512 machine). MKL_DEBUG_CPU_TYPE=5 (AVX2) or 7 (AVX-512) names the code path.
   Intel processors need nothing and must not get it: 7 selects instructions the processor may lack.
3. The allocator. glibc maps every block above 32 MB afresh and gives it back when freed; a training step then spends
   half its time in page faults on zeroed pages. With `mallopt` freed memory stays in the process and is used again.
   The price: resident memory stays at its peak (3.9 GB for a SlowFast 4x16 R50 step of 2 clips). Pages of 2 MB make the
   first use of it cheaper: a tenth of a short prediction went into faults on pages of 4 KB.

On Windows and macOS nothing is done, on musl only the first two. SLOWFAST_CPU_TUNING=0 turns all of it off.
"""

import ctypes
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

OPT_OUT = "SLOWFAST_CPU_TUNING"

# (parameter number in <malloc.h>, value): one arena instead of one a thread, no mmap for large blocks, never trim the
# heap, grow it by 64 MB at a time.
_MALLOPT = ((-8, 1), (-4, 0), (-1, -1), (-2, 64 << 20))
_HUGE_PAGE, _MADV_HUGEPAGE = 2 << 20, 14


def configure_process() -> dict[str, str]:
    """Applies the settings above to this process; calling it again changes nothing.

    Returns:
        What is in force, by name (for logs and `doctor`): environment variables that were set, and "malloc".
    """
    if sys.platform != "linux" or os.environ.get(OPT_OUT) == "0":
        return {}
    settings = environment_defaults(os.environ, Path("/proc/cpuinfo").read_text(), len(os.sched_getaffinity(0)))
    os.environ.update(settings)
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        if all(libc.mallopt(parameter, value) for parameter, value in _MALLOPT):
            settings["malloc"] = "keeps freed memory" + (", huge pages" if _huge_pages(libc) else "")
    return settings


def _huge_pages(libc: ctypes.CDLL) -> bool:
    """Has the kernel fill the heap's next gigabytes in pages of 2 MB, where it does so on request only.

    Takes a block from the end of the heap and gives it back: its addresses stay the heap's, as nothing is trimmed, and none of
    it is memory before it is used.
    """
    policy = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    if not policy.is_file() or "[madvise]" not in policy.read_text():
        return False
    libc.malloc.argtypes, libc.malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
    libc.free.argtypes, libc.madvise.argtypes = [ctypes.c_void_p], [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    size = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2  # a block of all of it would be refused
    block = libc.malloc(size)
    if not block:  # a limit on addresses
        return False
    libc.free(block)
    start = -(-block // _HUGE_PAGE) * _HUGE_PAGE
    return libc.madvise(start, (block + size - start) // _HUGE_PAGE * _HUGE_PAGE, _MADV_HUGEPAGE) == 0


def environment_defaults(environ: Mapping[str, str], cpuinfo: str, cores: int) -> dict[str, str]:
    """The environment variables worth setting on this machine; the user's own values are left alone.

    Args:
        environ: the environment of the process.
        cpuinfo: text of /proc/cpuinfo.
        cores: cores this process may run on.
    """
    processes = _local_processes(environ)
    # Paddle: importing it sets OMP_NUM_THREADS=1, and the launcher imports it before it starts the processes of a job.
    # There 1 is not the user's choice.
    threads_chosen = environ.get("OMP_NUM_THREADS", "1" if processes > 1 else "")
    defaults = {}
    if threads_chosen == "" or (processes > 1 and threads_chosen == "1"):
        defaults["MKL_NUM_THREADS"] = str(max(1, cores // processes))
    if "AuthenticAMD" in cpuinfo:
        flags = cpuinfo.split()
        if "avx512f" in flags:
            defaults["MKL_DEBUG_CPU_TYPE"] = "7"
        elif "avx2" in flags:
            defaults["MKL_DEBUG_CPU_TYPE"] = "5"
    return {name: environ.get(name, value) for name, value in defaults.items()}


def own_cores(environ: Mapping[str, str], cores: Sequence[int]) -> list[int]:
    """This process's share of the cores: all, or its part where a launched job runs several processes on the machine.

    Args:
        environ: the environment of the process.
        cores: numbers of the cores it may run on.
    """
    each = max(1, len(cores) // _local_processes(environ))
    first = _local_rank(environ) * each % len(cores)
    return list(cores[first : first + each])


def _local_processes(environ: Mapping[str, str]) -> int:
    """Processes of a launched job on this machine.

    Paddle: the launcher names their number (PADDLE_LOCAL_SIZE) on GPUs only; a CPU job lists its endpoints, host:port.
    """
    return len(_neighbours(environ)) or int(environ.get("PADDLE_LOCAL_SIZE", "1"))


def _local_rank(environ: Mapping[str, str]) -> int:
    neighbours = _neighbours(environ)
    if neighbours:
        return neighbours.index(environ["PADDLE_CURRENT_ENDPOINT"])
    return int(environ.get("PADDLE_LOCAL_RANK", "0"))


def _neighbours(environ: Mapping[str, str]) -> list[str]:
    """Endpoints on this host, this process's among them."""
    own = environ.get("PADDLE_CURRENT_ENDPOINT", "")
    endpoints = environ.get("PADDLE_TRAINER_ENDPOINTS", "").split(",")
    return [e for e in endpoints if e.rpartition(":")[0] == own.rpartition(":")[0]] if own in endpoints and own else []
