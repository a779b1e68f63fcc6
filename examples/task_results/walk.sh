#!/bin/sh
# From recorded episodes to a predictor that carries memory: export a CSV, train on it, judge on other tasks, infer.
#   sh examples/task_results/walk.sh
# Measured on 2026-11-21 (2 cores of an AMD EPYC beside other work, no GPU): 10 minutes; on 30 other tasks (90 steps) step success
# 47.8 % [39 to 57] with the memory of the file, 37.8 % [29 to 47] with the model's own. docs/task_results.md has the table.
set -eu
out=${1:-runs/task_results}
screensmith convert mds examples/task_results/episodes --to task-results "$out/data"
screensmith train --train_csv "$out/data/task_results.csv" --task_start 1 --task_end 150 --val_split 0.1 \
  --model_path examples/quickstart/starter --use_local --output_dir "$out/model" \
  --learning_rate 1e-3 --num_epochs 6 --batch_size 8 --gradient_accumulation_steps 1 --adapter none
screensmith evaluate --model_path "$out/model/final" --test_csv "$out/data/task_results.csv" \
  --task_start 151 --task_end 180 --output_dir "$out/evaluation" --batch_size 16
python examples/task_results/infer.py "$out/model/final" "$out/data/task_results.csv" 151
