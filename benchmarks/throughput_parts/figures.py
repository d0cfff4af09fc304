"""The figures of a contest and their table."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from throughput_parts.cases import FOLDED, LIBRARY, WHOLE


@dataclass(frozen=True)
class Row:
    """One class at one length and precision. Seconds by contestant, one a run; the graph's are
    under 'graph', absent where it has none."""

    kind: str
    family: str
    precision: str
    tokens: int
    batch: int
    n_parameters: int
    rival: str
    bar: float | None
    seconds: dict[str, list[float]]
    difference: float
    operators: dict[str, float]

    def rate(self, contestant: str) -> float:
        """Tokens a second, of the median run."""
        return (
            self.tokens * self.batch / float(np.median(self.seconds[contestant]))
            if contestant in self.seconds
            else float("nan")
        )

    def ratio(self, contestant: str) -> float:
        return self.rate("graph") / self.rate(contestant)

    @property
    def missed(self) -> bool:
        return self.bar is not None and not self.ratio(self.rival) >= self.bar


def table(rows: list[Row]) -> str:
    """Markdown, one row a class, length and precision."""
    heads = [
        "class",
        "family",
        "precision",
        "tokens",
        "parameters, M",
        "graph, tokens/s",
        f"ratio to {FOLDED}",
        f"ratio to {WHOLE}",
        f"ratio to {LIBRARY}",
        "bar",
        "TFLOP/s",
        "largest difference",
    ]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for row in rows:
        best = "graph" if "graph" in row.seconds else FOLDED
        bar = f"{row.bar} x {row.rival}" + (", missed" if row.missed else "") if row.bar else ""
        cells = [
            row.kind,
            f"`{row.family}`",
            row.precision,
            f"{row.batch} x {row.tokens}",
            f"{row.n_parameters / 1e6:.1f}",
            _number(row.rate("graph"), ",.0f"),
            *(_number(row.ratio(one), ".2f") for one in (FOLDED, WHOLE, LIBRARY)),
            bar,
            f"{2e-12 * row.n_parameters * row.rate(best):.3g}",
            _number(row.difference, ".1g"),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    for row in rows:
        if row.operators:
            shares = ", ".join(
                f"{name} {100 * share:.0f} %" for name, share in row.operators.items()
            )
            lines.append(
                f"\n{row.kind}, {row.precision}, {row.tokens} tokens: {shares} of the graph's time."
            )
    return "\n".join(lines)


def _number(value: float, form: str) -> str:
    return "" if np.isnan(value) else f"{value:{form}}"


def versions() -> str:
    items = []
    for name in ("torch", "onnxruntime", "onnxruntime-gpu", "transformers"):
        try:
            items.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return ", ".join(items)
