#!/usr/bin/env bash
# Installs what the tests need into .venv-test* and runs them; nothing has to be installed by hand.
#   bash run_tests.sh          style, types and every test but the long ones on the newest Paddle, then on Paddle 2.6.2
#                              those of what differs between versions (under 20 minutes on 2 cores)
#   bash run_tests.sh full     the long tests too, and all of them on Paddle 2.6.2
# Settings (environment):
#   PADDLE_VERSION  run everything on this version only, e.g. PADDLE_VERSION=2.6.2 bash run_tests.sh
#   PYTHON          interpreter; default the first of 3.10 to 3.13 (3.12 for Paddle 2) that works
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source scripts/environment.sh
mode="${1:-quick}"
oldest=2.6.2
parts=(unit contract parity smoke)
failed=()
export GLOG_minloglevel="${GLOG_minloglevel:-2}" PYTHONWARNINGS="${PYTHONWARNINGS:-ignore:No ccache found}"

stage() {
    local name="$1" started=$SECONDS
    shift
    printf '\n== %s\n' "$name"
    if "$@"; then
        echo "-- $name: passed in $((SECONDS - started)) s"
    else
        echo "-- $name: FAILED"
        failed+=("$name")
    fi
}

# prepare VERSION: fills the environment of one Paddle version ("" is the newest) and sets $run to its Python.
prepare() {
    local package="paddlepaddle${1:+==$1}" newest_minor=13 python
    case "$1" in 2.*) newest_minor=12 ;; esac
    run=".venv-test${1:+-$1}/bin/python"
    if ! python="$(find_python "$newest_minor")"; then
        return 2
    fi
    fill_venv ".venv-test${1:+-$1}" "$python" -e '.[test]' "$package" $(limits_of "$package")
}

case "$mode" in
    quick) marks="not full" on_oldest=(contract smoke unit/layers unit/optim) ;;
    full) marks="" on_oldest=("${parts[@]}") ;;
    *)
        echo "error: unknown mode '$mode'; expected: bash run_tests.sh [quick|full]" >&2
        exit 2
        ;;
esac

prepare "${PADDLE_VERSION:-}" || exit 2
stage "ruff" "$run" -m ruff check .
stage "format" "$run" -m ruff format --check .
stage "mypy" "$run" -m mypy
for part in "${parts[@]}"; do
    stage "$part" "$run" -m pytest -m "$marks" "tests/$part"
done

if [ -z "${PADDLE_VERSION:-}" ]; then
    if find_python 12 >/dev/null 2>&1; then
        prepare "$oldest" || exit 2
        for part in "${on_oldest[@]}"; do
            stage "$part on Paddle $oldest" "$run" -m pytest -m "$marks" "tests/$part"
        done
    else
        echo "Paddle $oldest is not tested: it has no wheel for Python 3.13 and no older Python was found."
    fi
fi

printf '\n'
if [ "${#failed[@]}" -gt 0 ]; then
    printf 'FAILED: %s\n' "${failed[@]}"
    exit 1
fi
echo "All tests passed in $SECONDS s."
