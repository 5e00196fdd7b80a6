#!/usr/bin/env bash
# Training on several machines of a Slurm cluster, one launcher a machine, one process a GPU. Arguments go to train.py:
#   sbatch --nodes 2 --gres gpu:8 scripts/slurm_train.sh --config configs/slowfast.yaml --auto_resume
# Two minutes before its time is over the job writes a checkpoint and puts itself back in the queue; with --auto_resume
# it then goes on where it was. Settings (environment): PYTHON, PORT (of the first machine; default from the job's number).
#SBATCH --job-name=slowfast
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=32
#SBATCH --signal=B:TERM@120
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=slowfast-%j.log
set -euo pipefail

# Slurm runs a copy of this file; the submission folder is the project.
cd "${SLURM_SUBMIT_DIR:?start this with sbatch, from the folder of the project}"
if [ ! -f scripts/launch.sh ]; then
    echo "error: $SLURM_SUBMIT_DIR is not the folder of slowfast_paddle; call sbatch from there" >&2
    exit 2
fi

first="$(scontrol show hostnames "$SLURM_JOB_NODELIST" | sed -n 1p)"
address="$(srun --nodes 1 --ntasks 1 --nodelist "$first" hostname --ip-address | cut -d " " -f 1)"
export MASTER="$address:${PORT:-$((20000 + SLURM_JOB_ID % 20000))}" NNODES="$SLURM_JOB_NUM_NODES"

stopped=0
srun --kill-on-bad-exit=1 bash -c '
    export RANK="$SLURM_NODEID" LOG_DIR="log/$SLURM_JOB_ID-$SLURM_NODEID"
    source scripts/launch.sh
    run_multi train.py "$@"
' slowfast "$@" &
job=$!
trap 'stopped=1; kill -TERM "$job"' TERM # srun passes it on to every machine
code=0
while kill -0 "$job" 2>/dev/null; do
    code=0
    wait "$job" || code=$?
done
if [ "$stopped" -eq 1 ]; then
    scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
