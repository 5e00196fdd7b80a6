#!/usr/bin/env bash
# Evaluation on 8 GPUs (CUDA_VISIBLE_DEVICES, NPROC), or 2 CPU processes. The weights know their configuration.
# Arguments go to eval.py; see scripts/launch.sh.
source "$(dirname "${BASH_SOURCE[0]}")/scripts/launch.sh"
run_multi eval.py "$@"
