# Sourced by the run_*.sh scripts: chooses the Python, the devices and the number of processes. Settings (environment):
#   PYTHON                 interpreter; default .venv/bin/python of this folder, else python3
#   CUDA_VISIBLE_DEVICES   GPUs to use; default 0,...,7 (multi, those that exist) or 0 (single); empty: CPU
#   NPROC                  processes of a multi script; default one for each GPU, 2 on CPU
#   MASTER, NNODES, RANK   several machines: ip:port of the first, how many, this one's number (optional)
#   LOG_DIR                logs of the processes; default log/<time>-<number>
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
if [ -z "${PYTHON:-}" ]; then
    PYTHON=python3
    [ -x "$root/.venv/bin/python" ] && PYTHON="$root/.venv/bin/python"
fi

# Paddle greets every start with lines about its store, its flags and a missing ccache.
export GLOG_minloglevel="${GLOG_minloglevel:-2}"
export PYTHONWARNINGS="${PYTHONWARNINGS:-ignore:No ccache found}"

# Says in one line what Python would say in twenty. Finding a package takes no time; importing paddle takes seconds.
check_packages() {
    local check='import importlib.util as i, sys; sys.exit(not all(map(i.find_spec, ("paddle", "cv2", "numpy", "pydantic", "yaml"))))'
    if ! "$PYTHON" -c "$check"; then
        echo "error: $PYTHON lacks paddle or another package this project needs; run 'bash quickstart.sh', or" \
            "'$PYTHON -m pip install -e $root paddlepaddle', or set PYTHON" >&2
        exit 2
    fi
}

# run_single train.py arguments...
run_single() {
    local script="$root/$1"
    shift
    check_packages
    export CUDA_VISIBLE_DEVICES="${CUDA_VISIBLE_DEVICES-0}"
    exec "$PYTHON" "$script" "$@"
}

# run_multi train.py arguments...
run_multi() {
    local script="$root/$1" gpus
    shift
    check_packages
    export CUDA_VISIBLE_DEVICES="${CUDA_VISIBLE_DEVICES-0,1,2,3,4,5,6,7}"
    if ! gpus="$("$PYTHON" -c 'import paddle; print(paddle.device.cuda.device_count())' 2>/dev/null | tail -n 1)"; then
        echo "error: $PYTHON has a paddle that cannot be imported; 'python -m slowfast_paddle doctor' says more" >&2
        exit 2
    fi
    if [ "$gpus" -gt 0 ]; then
        NPROC="${NPROC:-$gpus}"
        CUDA_VISIBLE_DEVICES="$(cut -d, -f "1-$NPROC" <<<"$CUDA_VISIBLE_DEVICES")"
    else
        NPROC="${NPROC:-2}"
        # The launcher wants one name for each process; -1 is no GPU, so that all of them run on the CPU.
        CUDA_VISIBLE_DEVICES="$(printf -- '-1,%.0s' $(seq "$NPROC"))"
        CUDA_VISIBLE_DEVICES="${CUDA_VISIBLE_DEVICES%,}"
        echo "No GPU here: $NPROC processes on the CPU over gloo. Unless --batch_size is given, training takes the" \
            "configuration's cpu_clips_per_process and scales the learning rate to that batch."
    fi
    # A folder of its own for each job: two jobs would mix in the log files.
    local logs="${LOG_DIR:-log/$(date +%Y%m%d-%H%M%S)-$$}"
    local options=(--log_dir "$logs" --log_level ERROR --nproc_per_node "$NPROC")
    [ -z "${MASTER:-}" ] || options+=(--master "$MASTER" --nnodes "${NNODES:?MASTER is set, so NNODES must be}")
    [ -z "${RANK:-}" ] || options+=(--rank "$RANK")
    launch "$logs" "${options[@]}" "$script" "$@"
}

# Runs the launcher and shows what the first process writes. The launcher's own output goes to a file: after a failure it
# repeats the log and prints the whole environment. Stopped by a signal it would end with the signal's number, which is
# also the code of bad input; 130 and 143 say what happened: stopped, after a checkpoint.
launch() {
    local logs="$1" stopped=0 code=0 pid viewer
    shift
    mkdir -p "$logs"
    : >"$logs/workerlog.0"
    tail -n +1 -f "$logs/workerlog.0" &
    viewer=$!
    "$PYTHON" -m paddle.distributed.launch "$@" >"$logs/launcher.log" 2>&1 &
    pid=$!
    trap 'stopped=130; kill -TERM $pid 2>/dev/null || true' INT
    trap 'stopped=143; kill -TERM $pid 2>/dev/null || true' TERM
    while kill -0 "$pid" 2>/dev/null; do
        code=0
        wait "$pid" || code=$?
    done
    sleep 1 # the viewer looks once a second
    kill "$viewer" 2>/dev/null || true
    [ "$stopped" -eq 0 ] || code=$stopped
    case "$code" in 0 | 2 | 3 | 130 | 143) ;; *) code="$(code_of_errors "$logs" "$code")" ;; esac
    [ "$code" -eq 0 ] || echo "Ended with code $code; logs of all processes: $logs" >&2
    exit "$code"
}

# When one process ends with an error the launcher kills the others and may report their death instead. Bad input of any
# process is bad input of the job; what the first process did not say itself is shown.
code_of_errors() {
    local logs="$1" code="$2" line
    line="$(grep -h -m 1 '^error: ' "$logs"/workerlog.* | head -n 1)" || true
    if [ -n "$line" ]; then
        code=2
        grep -q '^error: ' "$logs/workerlog.0" || echo "$line" >&2
    fi
    echo "$code"
}
