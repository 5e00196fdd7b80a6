#!/usr/bin/env bash
# Training on 8 GPUs (CUDA_VISIBLE_DEVICES, NPROC), or 2 CPU processes. Arguments go to train.py; see scripts/launch.sh.
source "$(dirname "${BASH_SOURCE[0]}")/scripts/launch.sh"
run_multi train.py --config slowfast "$@"
