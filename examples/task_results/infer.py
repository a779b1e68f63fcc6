"""Walks one task of the example's file with a trained model, memory carried from step to step.

python examples/task_results/infer.py CHECKPOINT FILE.csv TASK
"""

import sys

from screensmith import load_model_for_inference
from screensmith.readers import task_results

checkpoint, file, number = sys.argv[1:]
(task,) = task_results.read(file, task_start=int(number), task_end=int(number))
walk = load_model_for_inference(checkpoint).session(task.goal, task_id=number)
print(task.goal)
for step in task.steps:
    # What the application knows of the screen was in the prompts that the model learned from.
    said = walk.predict_step(step.screenshot.source, grounding=step.facts.get("grounding"))
    print(f"{said.action} {said.target!r} at {said.coordinates}; remembers {said.short_term_memory}")
    for note in said.notes:
        print(f"  note: {note}")
