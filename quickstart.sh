#!/usr/bin/env bash
# From a fresh machine to a trained, tested and predicting SlowFast: installs into .venv, generates small videos, trains,
# evaluates with 10 clips x 3 crops on videos of another seed, and predicts. Arguments are configuration overrides for
# every step, e.g. `bash quickstart.sh train.epochs=2`. Settings (environment):
#   PYTHON          interpreter (3.10 to 3.13); default the first that works
#   PADDLE_PACKAGE  requirement for pip, e.g. paddlepaddle==3.3.1; default what this machine can run
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source scripts/environment.sh
export GLOG_minloglevel="${GLOG_minloglevel:-2}" PYTHONWARNINGS="${PYTHONWARNINGS:-ignore:No ccache found}"

step() { printf '\n== %s\n' "$*"; }

step "1/5 install"
python="$(find_python 13)"
{ read -r package; read -r reason; } < <("$python" scripts/choose_paddle.py)
if [ -n "${PADDLE_PACKAGE:-}" ]; then
    package="$PADDLE_PACKAGE" reason="chosen by PADDLE_PACKAGE."
fi
echo "Paddle package: $package: $reason"
fill_venv .venv "$python" -e . "$package" $(limits_of "$package")
run=.venv/bin/python
if [[ "$package" == paddlepaddle-gpu* ]] && ! "$run" -c 'import paddle; paddle.ones([2]).sum().numpy()' >/dev/null 2>&1; then
    echo "$package does not start on this machine (its own check fails); taking the CPU package instead."
    "$run" -m pip uninstall --quiet --yes paddlepaddle-gpu
    fill_venv .venv "$python" -e . paddlepaddle
fi

started=$SECONDS
step "2/5 generate videos"
"$run" -m slowfast_paddle data synthetic quickstart/data --split train --videos_per_class 100 --seed 0
"$run" -m slowfast_paddle data synthetic quickstart/data --split val --videos_per_class 10 --seed 1
"$run" -m slowfast_paddle data synthetic quickstart/data --split test --videos_per_class 25 --seed 2

step "3/5 train"
rm -rf quickstart/checkpoints  # of an earlier quickstart: training refuses to mix two runs in one folder
"$run" train.py --config configs/quickstart.yaml "$@"
weights="$(ls -t quickstart/checkpoints/slowfast_epoch*.pdparams | head -n 1)"

step "4/5 evaluate: 10 clips x 3 crops, videos of another seed"
"$run" eval.py --config configs/quickstart.yaml --weights "$weights" --list quickstart/data/test.csv "$@"

step "5/5 predict one video"
"$run" predict.py --config configs/quickstart.yaml --weights "$weights" "$@" --input quickstart/data/test/00001.mp4

cat <<END

Done in $((SECONDS - started)) s after installation. What there is to see:
  prediction          quickstart/results/result.json
  evaluation          quickstart/results/eval.json
  report              quickstart/results/report.html
  curve picture       quickstart/checkpoints/curves.png
  VisualDL log        quickstart/checkpoints/vdl    (.venv/bin/visualdl --logdir quickstart/checkpoints/vdl)
  checkpoint          $weights
What to run next:
  .venv/bin/python predict.py --config configs/quickstart.yaml --weights $weights --input YOUR_VIDEO.mp4
  bash run_train_single.sh --config configs/slowfast-single.yaml data.train_list=YOUR_LIST.csv   # README.md, "Your own videos"
  bash run_tests.sh
END
