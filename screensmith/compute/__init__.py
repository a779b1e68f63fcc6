"""What a run costs: time, devices, memory, operations and energy, measured here and written as a report."""
