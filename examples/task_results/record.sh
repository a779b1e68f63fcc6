#!/bin/sh
# Records the example's episodes again, in a real Chromium: scripted demonstrations of MiniWoB++ with several steps.
set -eu
out=${1:-data/task_results_episodes}
screensmith capture --environment miniwob --episodes 60 --seed 0 --out "$out" \
  --task click-button-sequence,click-collapsible,enter-text
