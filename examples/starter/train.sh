#!/bin/sh
# Makes the quickstart's starting model: screens rendered by this project, then training from random weights.
set -eu
here=$(dirname "$0")
python "$here/render.py" --out data/starter
screensmith new-model --family qwen3_vl --size tiny --out runs/starter-random
screensmith train "$here/run.yaml"
