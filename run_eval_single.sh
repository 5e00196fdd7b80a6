#!/usr/bin/env bash
# Evaluation on one GPU (CUDA_VISIBLE_DEVICES) or the CPU. The weights know their configuration.
# Arguments go to eval.py; see scripts/launch.sh.
source "$(dirname "${BASH_SOURCE[0]}")/scripts/launch.sh"
run_single eval.py "$@"
