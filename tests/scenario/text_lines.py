"""Lines of text, upright and upside down, as the published classifier's own package gives them.

Run by that package's Python: `python text_lines.py COUNT FILE.npz`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import rapidocr_onnxruntime
import yaml
from PIL import Image, ImageDraw, ImageFont
from rapidocr_onnxruntime.ch_ppocr_cls.text_cls import TextClassifier

WORDS = [
    "Invoice",
    "Total",
    "amount",
    "due",
    "receipt",
    "number",
    "Paid",
    "Tuesday",
    "March",
    "Platform",
    "Gate",
    "Seat",
    "Winter",
    "garden",
    "Open",
    "until",
    "late",
    "Thank",
    "you",
    "Exit",
    "Ticket",
    "office",
    "closed",
]


def classifier() -> TextClassifier:
    """The package's, for how it prepares pictures."""
    home = Path(rapidocr_onnxruntime.__file__).parent
    config = yaml.safe_load((home / "config.yaml").read_text())["Cls"]
    config["model_path"] = str(home / config["model_path"])
    for key, value in (
        ("intra_op_num_threads", 1), ("inter_op_num_threads", 1), ("use_cuda", False),
        ("use_dml", False),
    ):  # fmt: skip
        config.setdefault(key, value)
    return TextClassifier(config)


def line(rng: np.random.Generator, number: int) -> np.ndarray:
    """A picture of some words: ink on paper, a little crooked, with noise."""
    text = " ".join(rng.choice(WORDS, rng.integers(1, 4)))
    if number % 3 == 0:
        text += f" {rng.integers(9999)}"
    font = ImageFont.load_default(int(rng.integers(20, 40)))
    box = font.getbbox(text)
    paper, ink = int(rng.integers(170, 256)), int(rng.integers(0, 90))
    picture = Image.new("RGB", (int(box[2]) + 16, int(box[3]) + 14), (paper,) * 3)
    ImageDraw.Draw(picture).text((8, 6), text, (ink, ink // 2, ink), font)
    picture = picture.rotate(float(rng.normal(0, 1.2)), fillcolor=(paper,) * 3)
    noisy = np.asarray(picture) + rng.normal(0, 6, (picture.height, picture.width, 1))
    return np.clip(noisy, 0, 255).astype(np.uint8)


def main(count: int, target: Path) -> None:
    """Write pictures `x` and `labels`, 1 for those that are upside down."""
    rng, prepare = np.random.default_rng(0), classifier()
    found = []
    for number in range(count):
        picture = line(rng, number)
        if number % 2:
            picture = np.ascontiguousarray(picture[::-1, ::-1])
        found.append(prepare.resize_norm_img(picture))
    np.savez(target, x=np.stack(found).astype(np.float32), labels=np.arange(count) % 2)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
