"""What a model says of the genome it was trained on, and how many labels lie there: such labels may
flatter it.

A checkpoint's card may state assemblies and contigs; its bundle carries them under its digest. Who
states nothing is reported as such, never as clean. Names are compared, not sequences. Nothing is
kept down by this.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gfmtrust.inputs.contig_names import renames

FIELDS = ("assemblies", "contigs")


@dataclass(frozen=True)
class Overlap:
    """assemblies: as stated, () where none is; n: labels on contigs the model was trained on, of
    `labels`, None where it does not say; fitted_here: the model is of this very genome, each site
    answered by what never saw it.
    """

    model: str
    assemblies: tuple[str, ...]
    n: int | None
    labels: int
    fitted_here: bool = False

    @property
    def words(self) -> str:
        """Without the model's name."""
        if self.fitted_here:
            return (
                "fitted to this genome, every site answered by members that never counted its block"
            )
        of = f"trained on {', '.join(self.assemblies)}, " if self.assemblies else ""
        if self.n is None:
            return f"{of}training contigs not stated"
        return f"{of}training contigs hold {self.n:,} of {self.labels:,} labels"


def fault(stated: object) -> str:
    """What is wrong with a group `training`, '' where nothing is: an object of assemblies and
    contigs, lists of names, either optional."""
    if not isinstance(stated, dict) or set(stated) - set(FIELDS):
        return f"{stated!r}"[:120]
    for name, value in stated.items():
        if not isinstance(value, list) or not all(
            isinstance(one, str) and one and one.isprintable() for one in value
        ):
            return f"{name} is {value!r}"[:120]
    return ""


def overlap(
    model: str,
    stated: dict,
    contigs: Sequence[str],
    contig_index: np.ndarray,
    fitted_here: bool = False,
) -> Overlap:
    """How many labels lie on contigs that the model was trained on; names with and without chr are
    alike.

    stated: of the bundle, {} where it says nothing; contigs: the genome's names; contig_index: of
    each label, int (n,).
    """
    trained = dict.fromkeys(stated.get("contigs", ()), 0)
    seen = np.array(
        [name in trained or bool(renames(name, trained)) for name in contigs], dtype=bool
    )
    n = int(seen[np.asarray(contig_index, np.int64)].sum()) if trained and not fitted_here else None
    return Overlap(model, tuple(stated.get("assemblies", ())), n, len(contig_index), fitted_here)


def of_models(
    metadata: dict[str, dict], contigs: Sequence[str], contig_index: np.ndarray, context_family: str
) -> tuple[Overlap, ...]:
    """An Overlap a model, in order. metadata: what each one's score tables say of it; those of
    `context_family` are fitted here."""
    return tuple(
        overlap(
            model,
            facts.get("training", {}),
            contigs,
            contig_index,
            facts.get("family") == context_family,
        )
        for model, facts in metadata.items()
    )


def line(overlaps: Sequence[Overlap]) -> str:
    """All of them in one line of a log."""
    return "; ".join(f"{one.model}: {one.words}" for one in overlaps)
