#!/usr/bin/env bash
# Training on one GPU (CUDA_VISIBLE_DEVICES) or the CPU. Arguments go to train.py; see scripts/launch.sh.
source "$(dirname "${BASH_SOURCE[0]}")/scripts/launch.sh"
run_single train.py --config slowfast-single "$@"
