"""The machine, and its measured peak: the rate of large matrix products at a number of threads.

python bench/machine.py --threads 2
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from pathlib import Path
from typing import Any

WIDTH = 2048
PRODUCTS = 6
ROUNDS = 5


def matrix_rate(precision: str, threads: int) -> float:
    """Floating-point operations a second of square matrix products, the best of some rounds.

    The best and not the median: other work can only slow a round down, and a share of a peak that is too
    low would flatter us.
    """
    import torch

    torch.set_num_threads(threads)
    kind = {"fp32": torch.float32, "bf16": torch.bfloat16}[precision]
    left = torch.randn(WIDTH, WIDTH).to(kind)
    right = torch.randn(WIDTH, WIDTH).to(kind)
    out = torch.empty(WIDTH, WIDTH, dtype=kind)
    best = float("inf")
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        for _ in range(PRODUCTS):
            torch.mm(left, right, out=out)
        best = min(best, (time.perf_counter() - begin) / PRODUCTS)
    return 2 * WIDTH**3 / best


def describe() -> dict[str, Any]:
    """Processor, cores, memory and operating system, as far as this system tells."""
    processor = platform.processor()
    memory_bytes = None
    if Path("/proc/cpuinfo").is_file():
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        processor = next((line.split(":")[1].strip() for line in lines if "model name" in line), processor)
        memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": processor,
        "cores": os.cpu_count(),
        "memory_bytes": memory_bytes,
        "system": platform.platform(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the machine's matrix rate.")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, help="JSON file to write")
    arguments = parser.parse_args()
    peaks = {name: matrix_rate(name, arguments.threads) for name in ("fp32", "bf16")}
    result = {**describe(), "threads": arguments.threads, "peak_operations_per_second": peaks}
    print(json.dumps(result, indent=1))
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(result, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
