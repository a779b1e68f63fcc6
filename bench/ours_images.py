"""How many screenshots a second become model input on one core: ours beside the library's processor.

Both contenders start from encoded bytes in memory, one screenshot after the other. Ours ends with the
bytes that its towers read (normalisation is a part of the patch embedding); the library's ends with
normalised `pixel_values`, having decoded with Pillow as its users do.

    python bench/ours_images.py --contender ours --out ours.json
    python bench/ours_images.py --contender library --data FOLDER --out library.json

Keys of the JSON file:

    contender, images, bytes_mean, data   what was read; images counts each repeat
    seconds, images_per_second            of the timed passes; one untimed pass warms up
    milliseconds_median, milliseconds_min of one image
    milliseconds_parts                    ours only: medians of decoding, resizing and patches, timed apart
    threads, versions
"""

from __future__ import annotations

import argparse
import importlib.metadata
import io
import json
import platform
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageDraw

from screensmith.core.episode import Screenshot
from screensmith.core.geometry import Size
from screensmith.data.pixels import PatchGeometry
from screensmith.model.images import patch_rows, read_pixels, read_tiles, resized

# Qwen2-VL's colours; areas that ShowUI trains with: 1920x1080 is seen as 1344x756, 1296 tokens.
GEOMETRY = PatchGeometry(
    patch_pixels=14,
    merge=2,
    min_pixels=256 * 28 * 28,
    max_pixels=1344 * 28 * 28,
    mean=(0.48145466, 0.4578275, 0.40821073),
    std=(0.26862954, 0.26130258, 0.27577711),
)
DRAWN_IMAGES = 8
PACKAGES = ("torch", "torchvision", "transformers", "pillow", "simplejpeg", "numpy")


def draw(seed: int) -> Image.Image:
    """A 1080p page of shapes and words."""
    generator = random.Random(seed)
    image = Image.new("RGB", (1920, 1080), (245, 245, 248))
    canvas = ImageDraw.Draw(image)
    for _ in range(60):
        left, top = generator.randrange(1800), generator.randrange(1000)
        right, bottom = left + generator.randrange(20, 400), top + generator.randrange(12, 90)
        colour = tuple(generator.randrange(256) for _ in range(3))
        canvas.rectangle((left, top, right, bottom), fill=colour)
    for _ in range(300):
        place = (generator.randrange(1800), generator.randrange(1060))
        canvas.text(place, f"Settings and words {generator.randrange(10**6)}", fill=(30, 34, 48))
    return image


def encoded_images(folder: Path | None, form: str) -> list[bytes]:
    """The folder's images of that format, or some drawn here."""
    if folder is None:
        images = []
        for seed in range(DRAWN_IMAGES):
            file = io.BytesIO()
            draw(seed).save(file, form, **({"quality": 90} if form == "jpeg" else {}))
            images.append(file.getvalue())
        return images
    suffixes = {".jpg", ".jpeg"} if form == "jpeg" else {".png"}
    found = [path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix.lower() in suffixes]
    if not found:
        raise SystemExit(f"{folder}: no {form} images in it")
    return found


def screenshot(data: bytes) -> Screenshot:
    """As a data set records it: its size is known before its pixels are read."""
    return Screenshot(data, Size(*Image.open(io.BytesIO(data)).size))


def library_reader() -> Callable[[bytes], Any]:
    """The library's processor on tensors, the fast one of its generation."""
    import transformers

    limits = {"min_pixels": GEOMETRY.min_pixels, "max_pixels": GEOMETRY.max_pixels}
    areas = {"size": {"shortest_edge": GEOMETRY.min_pixels, "longest_edge": GEOMETRY.max_pixels}}
    if transformers.__version__.startswith("4."):
        processor = transformers.Qwen2VLImageProcessorFast(**limits)
    else:
        processor = transformers.Qwen2VLImageProcessor(**areas)

    def read(data: bytes) -> Any:
        image = Image.open(io.BytesIO(data)).convert("RGB")
        return processor(images=[image], return_tensors="pt")["pixel_values"]

    return read


def timed(read: Callable[[Any], Any], inputs: list[Any], repeats: int) -> list[float]:
    """Seconds of each read, after one untimed pass."""
    for item in inputs:
        read(item)
    seconds = []
    for _ in range(repeats):
        for item in inputs:
            started = time.perf_counter()
            read(item)
            seconds.append(time.perf_counter() - started)
    return seconds


def parts(screens: list[Screenshot], repeats: int) -> dict[str, float]:
    """Median milliseconds of each step of ours."""
    spent: dict[str, list[float]] = {"decode": [], "resize": [], "patches": []}
    for _ in range(repeats):
        for screen in screens:
            moments = [time.perf_counter()]
            pixels = read_pixels(screen)
            moments.append(time.perf_counter())
            picture = resized(pixels, GEOMETRY.seen(screen.size), "bicubic")
            moments.append(time.perf_counter())
            patch_rows(picture.numpy(), GEOMETRY.patch_pixels, GEOMETRY.patch_block)
            moments.append(time.perf_counter())
            for name, start, end in zip(spent, moments, moments[1:], strict=False):
                spent[name].append(end - start)
    return {name: round(statistics.median(values) * 1e3, 3) for name, values in spent.items()}


def versions() -> dict[str, str]:
    """Python and the packages that matter, as installed here."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def main() -> None:
    """Measure one contender and write its JSON file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of images; without it some are drawn")
    parser.add_argument("--format", choices=["jpeg", "png"], default="jpeg")
    parser.add_argument("--contender", choices=["ours", "library"], required=True)
    parser.add_argument("--repeats", type=int, default=5, help="timed passes over all images")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    data = encoded_images(arguments.data, arguments.format)
    screens = [screenshot(item) for item in data]
    if arguments.contender == "ours":
        seconds = timed(lambda screen: read_tiles(screen, GEOMETRY), screens, arguments.repeats)
    else:
        seconds = timed(library_reader(), data, arguments.repeats)
    result = {
        "contender": arguments.contender,
        "data": "drawn" if arguments.data is None else arguments.data.name,
        "format": arguments.format,
        "images": len(seconds),
        "bytes_mean": round(statistics.mean(map(len, data))),
        "seconds": round(sum(seconds), 4),
        "images_per_second": round(len(seconds) / sum(seconds), 3),
        "milliseconds_median": round(statistics.median(seconds) * 1e3, 3),
        "milliseconds_min": round(min(seconds) * 1e3, 3),
        "threads": arguments.threads,
        "versions": versions(),
    }
    if arguments.contender == "ours":
        result["milliseconds_parts"] = parts(screens, arguments.repeats)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(f"{arguments.contender}: {result['images_per_second']} images/s, written to {arguments.out}")


if __name__ == "__main__":
    main()
