"""The process settings: what is set where, and that they leave the user's own choices alone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from slowfast_paddle import cpu

INTEL = "vendor_id\t: GenuineIntel\nflags\t\t: sse avx2 avx512f\n"
AMD_AVX512 = "vendor_id\t: AuthenticAMD\nflags\t\t: sse avx2 avx512f\n"
AMD_AVX2 = "vendor_id\t: AuthenticAMD\nflags\t\t: sse avx2\n"
# What the launcher gives a process of a CPU job: two here, one on another machine.
CPU_JOB = {"PADDLE_CURRENT_ENDPOINT": "10.0.0.1:5", "PADDLE_TRAINER_ENDPOINTS": "10.0.0.1:5,10.0.0.1:6,10.0.0.2:5"}
REPOSITORY = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("cpuinfo", "cpu_type"), [(INTEL, None), (AMD_AVX512, "7"), (AMD_AVX2, "5"), ("vendor_id\t: AuthenticAMD\n", None)]
)
def test_mkl_path_is_named_only_on_amd(cpuinfo, cpu_type):
    assert cpu.environment_defaults({}, cpuinfo, 2).get("MKL_DEBUG_CPU_TYPE") == cpu_type


@pytest.mark.parametrize(
    ("environ", "threads"),
    [
        ({}, "8"),
        ({"OMP_NUM_THREADS": "3"}, None),
        ({"OMP_NUM_THREADS": "1"}, None),
        ({"MKL_NUM_THREADS": "5"}, "5"),
        ({**CPU_JOB, "OMP_NUM_THREADS": "1"}, "4"),
        ({"PADDLE_LOCAL_SIZE": "2", "OMP_NUM_THREADS": "1"}, "4"),
        ({"PADDLE_LOCAL_SIZE": "2", "OMP_NUM_THREADS": "2"}, None),
        ({"PADDLE_LOCAL_SIZE": "16", "OMP_NUM_THREADS": "1"}, "1"),
    ],
)
def test_threads_share_the_cores_unless_chosen(environ, threads):
    assert cpu.environment_defaults(environ, INTEL, 8).get("MKL_NUM_THREADS") == threads


@pytest.mark.parametrize(
    ("environ", "cores"),
    [
        ({}, [0, 1, 2, 3]),
        (CPU_JOB, [0, 1]),
        ({**CPU_JOB, "PADDLE_CURRENT_ENDPOINT": "10.0.0.1:6"}, [2, 3]),
        ({**CPU_JOB, "PADDLE_CURRENT_ENDPOINT": "10.0.0.2:5"}, [0, 1, 2, 3]),
        ({"PADDLE_LOCAL_SIZE": "8", "PADDLE_LOCAL_RANK": "5"}, [1]),
    ],
)
def test_processes_of_a_job_have_cores_of_their_own(environ, cores):
    assert cpu.own_cores(environ, [0, 1, 2, 3]) == cores


def test_chosen_mkl_path_stays():
    assert cpu.environment_defaults({"MKL_DEBUG_CPU_TYPE": "5"}, AMD_AVX512, 2)["MKL_DEBUG_CPU_TYPE"] == "5"


def test_opt_out_and_other_systems_change_nothing(monkeypatch):
    before = dict(os.environ)
    monkeypatch.setattr(cpu.sys, "platform", "darwin")
    assert cpu.configure_process() == {}
    monkeypatch.setattr(cpu.sys, "platform", "linux")
    monkeypatch.setenv(cpu.OPT_OUT, "0")
    assert cpu.configure_process() == {}
    assert {**before, cpu.OPT_OUT: "0"} == dict(os.environ)


def test_musl_gets_no_mallopt(monkeypatch):
    monkeypatch.setattr(cpu.platform, "libc_ver", lambda: ("", ""))
    monkeypatch.setattr(cpu.ctypes, "CDLL", lambda name: pytest.fail("mallopt exists in glibc only"))
    monkeypatch.setattr(cpu.os, "environ", dict(os.environ))
    assert "malloc" not in cpu.configure_process()


@pytest.mark.skipif(sys.platform != "linux", reason="the settings are for Linux")
def test_twice_is_once_and_paddle_is_not_imported():
    code = (
        "import sys; from slowfast_paddle.cpu import configure_process as c; "
        "assert c() == c(); assert 'paddle' not in sys.modules and 'numpy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=REPOSITORY)


@pytest.mark.skipif(sys.platform != "linux", reason="the settings are for Linux")
def test_large_blocks_come_in_huge_pages_where_the_machine_says_so():
    code = (
        "from slowfast_paddle.cpu import configure_process as c; given = 'huge pages' in c().get('malloc', ''); "
        "block = bytearray(b'1') * (64 << 20); "
        "lines = dict(line.split(':') for line in open('/proc/self/smaps_rollup').read().splitlines()[1:]); "
        "print(int(lines['AnonHugePages'].split()[0]) if given else 'not given')"
    )
    out = subprocess.run([sys.executable, "-c", code], check=True, cwd=REPOSITORY, capture_output=True, text=True).stdout
    if "not given" in out:
        pytest.skip("this machine gives no huge pages on request")
    assert int(out) > 32 << 10  # kB: half of the block or more


@pytest.mark.skipif(sys.platform != "linux", reason="the settings are for Linux")
def test_launched_processes_divide_the_cores(tmp_path):
    script = tmp_path / "show.py"
    script.write_text("from slowfast_paddle.cpu import configure_process as c; print('threads', c()['MKL_NUM_THREADS'])")
    launch = [sys.executable, "-m", "paddle.distributed.launch", "--nproc_per_node", "2", "--backend", "gloo"]
    environ = {k: v for k, v in os.environ.items() if k not in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", cpu.OPT_OUT)}
    environ["PYTHONPATH"] = str(REPOSITORY)
    subprocess.run([*launch, "--log_dir", str(tmp_path), str(script)], check=True, cwd=tmp_path, env=environ, timeout=120)
    expected = f"threads {max(1, len(os.sched_getaffinity(0)) // 2)}"
    assert [expected in (tmp_path / f"workerlog.{rank}").read_text() for rank in (0, 1)] == [True, True]
