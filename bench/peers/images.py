"""The newest library's image processor (the torchvision one) from JPEG bytes to the model's input.

One image at a time, as a loader's worker does it, with the limits of bench/ours_images.py. `--decode
torchvision` reads the JPEG straight into the tensor that the processor works on, which spares it a copy.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import time
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1]))

from measure import versions

MIN_PIXELS = 256 * 28 * 28
MAX_PIXELS = 1344 * 28 * 28


def library_processor() -> Any:
    """The fast processor of Qwen2-VL; version 5 has no other and takes the limits by another name."""
    import transformers

    if int(transformers.__version__.split(".", maxsplit=1)[0]) < 5:
        return transformers.Qwen2VLImageProcessorFast(min_pixels=MIN_PIXELS, max_pixels=MAX_PIXELS)
    return transformers.Qwen2VLImageProcessor(
        size={"shortest_edge": MIN_PIXELS, "longest_edge": MAX_PIXELS}
    )


def read_with(decode: str, encoded: bytes) -> Any:
    """The image as the processor takes it."""
    import torch
    from PIL import Image
    from torchvision.io import ImageReadMode, decode_jpeg

    if decode == "pillow":
        return Image.open(io.BytesIO(encoded)).convert("RGB")
    buffer = torch.frombuffer(bytearray(encoded), dtype=torch.uint8)
    return decode_jpeg(buffer, mode=ImageReadMode.RGB)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--data", type=Path, required=True, help="folder of JPEG files")
    asked.add_argument("--decode", choices=["pillow", "torchvision"], default="pillow")
    asked.add_argument("--repeats", type=int, default=3, help="timed passes over all images")
    asked.add_argument("--threads", type=int, default=1)
    asked.add_argument("--out", type=Path, required=True, help="JSON file to write")
    arguments = asked.parse_args()

    import torch

    torch.set_num_threads(arguments.threads)
    processor = library_processor()

    def prepare(encoded: bytes) -> Any:
        return processor(images=[read_with(arguments.decode, encoded)], return_tensors="pt")

    images = [path.read_bytes() for path in sorted(arguments.data.glob("*.jpg"))]
    grids = [prepare(each)["image_grid_thw"] for each in images]
    begin = time.perf_counter()
    for _ in range(arguments.repeats):
        for each in images:
            prepare(each)
    seconds = time.perf_counter() - begin
    count = arguments.repeats * len(images)
    result = {
        "name": f"library_{arguments.decode}",
        "command": sys.argv,
        "settings": {
            "processor": type(processor).__name__,
            "decode": arguments.decode,
            "threads": arguments.threads,
            "visual_tokens": int(grids[0].prod()) // 4,
        },
        "versions": versions(),
        "images": count,
        "seconds_timed": seconds,
        "images_per_second": count / seconds,
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(result, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
