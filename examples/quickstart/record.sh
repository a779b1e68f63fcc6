#!/bin/sh
# Records the quickstart's episodes again, in a real Chromium: scripted demonstrations of MiniWoB++.
set -eu
out=${1:-data/quickstart}
screensmith capture --environment miniwob --episodes 80 --seed 0 --out "$out" \
  --task click-dialog,click-tab,grid-coordinate
screensmith capture --environment miniwob --episodes 200 --seed 0 --out "$out" \
  --task click-test,focus-text,focus-text-2
