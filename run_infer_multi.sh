#!/usr/bin/env bash
# Prediction on 8 GPUs (CUDA_VISIBLE_DEVICES, NPROC), or 2 CPU processes. The weights know their configuration.
# Arguments go to predict.py; see scripts/launch.sh.
source "$(dirname "${BASH_SOURCE[0]}")/scripts/launch.sh"
run_multi predict.py "$@"
