# Sourced by quickstart.sh and run_tests.sh: finds a Python and fills a virtual environment with it.

# find_python NEWEST_MINOR: prints a command that runs Python 3.10 ... 3.NEWEST_MINOR and can make virtual environments.
# PYTHON overrides the search. Candidates are run, not looked up: a version manager leaves dead commands in the path.
find_python() {
    local newest="$1" candidate
    local check="import sys, venv, ensurepip; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, $newest))"
    for candidate in ${PYTHON:-python3 python3.12 python3.11 python3.10 python3.13 python}; do
        if "$candidate" -c "$check" >/dev/null 2>&1; then
            echo "$candidate"
            return
        fi
    done
    echo "error: no Python 3.10 to 3.$newest with the venv module found (Debian, Ubuntu: apt-get install python3-venv);" \
        "install one, or name it: PYTHON=/path/to/python bash ${0##*/}" >&2
    return 2
}

# fill_venv FOLDER PYTHON REQUIREMENT...: makes the environment where it is missing and installs the requirements,
# unless the same ones were installed before and pyproject.toml has not changed since.
fill_venv() {
    local folder="$1" python="$2"
    shift 2
    local wanted="$* $(cksum <pyproject.toml)"
    if [ "$(cat "$folder/installed.txt" 2>/dev/null)" = "$wanted" ]; then
        return
    fi
    echo "Installing into $folder: $*"
    [ -x "$folder/bin/python" ] || "$python" -m venv "$folder" || return
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check "$@" || return
    echo "$wanted" >"$folder/installed.txt"
}

# limits_of REQUIREMENT: what Paddle 2 needs beside itself and does not declare.
limits_of() {
    case "$1" in
        *==2.*) echo 'numpy<2' 'opencv-python-headless<4.12' setuptools ;;
    esac
}
