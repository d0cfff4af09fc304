"""Draw the three pictures of the name that nf-core's lint asks for.

python dev/draw_logo.py
"""

from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot

ROOT = Path(__file__).resolve().parent.parent
INK = {"light": "#1c3d4f", "dark": "#e6eef2"}
"""Colour of the letters on a light and on a dark page."""
PICTURES = {"assets": ("light",), "docs/images": ("light", "dark")}


def draw(path: Path, ink: str) -> None:
    """The name in one colour on nothing, 400 by 100 pixels; no date and no version in the file."""
    figure = pyplot.figure(figsize=(4, 1), dpi=100)
    figure.text(
        0.5, 0.5, "gfmtrust", ha="center", va="center", fontsize=38, fontweight="bold", color=ink
    )
    figure.savefig(path, transparent=True, metadata={"Software": None})
    pyplot.close(figure)


if __name__ == "__main__":
    for folder, pages in PICTURES.items():
        for page in pages:
            draw(ROOT / folder / f"nf-core-gfmtrust_logo_{page}.png", INK[page])
