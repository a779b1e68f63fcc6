#!/bin/sh
# Records the quickstart's episodes again, in a real Chromium: scripted demonstrations of MiniWoB++.
set -eu
screensmith capture --environment miniwob --episodes 80 --seed 0 --out "${1:-data/quickstart}" \
  --task click-color,click-dialog,click-tab,click-test,click-test-2,focus-text,focus-text-2,grid-coordinate
