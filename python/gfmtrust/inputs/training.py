"""What a model says of the genome it was trained on, and how many labels lie there: such labels may
flatter it.

A checkpoint's card may state assemblies, contigs and contigs that were held out of the training; its
bundle carries them under its digest. Who states nothing is reported as such, never as clean. Names
are compared, not sequences. Labels are kept down by none of this; on the contigs that were held out
HIGH can be certified for a model that seems to have memorised the others (`calibration.heldout`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from gfmtrust.core.contracts.base import entry
from gfmtrust.core.errors import UsageError, message
from gfmtrust.inputs.contig_names import renames

HELD_OUT = "heldout_contigs"
FIELDS = ("assemblies", "contigs", HELD_OUT)
OPTION = f"--{HELD_OUT}"
EXPECTED = f"lists of names under assemblies, contigs and {HELD_OUT}"
SHOWN_CONTIGS = 5
"""Contigs of the genome that an error names."""


@dataclass(frozen=True)
class Overlap:
    """The labels that lie where one model was trained."""

    model: str = entry("id of the model")
    assemblies: tuple[str, ...] = entry("assemblies that it states it was trained on")
    n: int | None = entry("labels on contigs that it was trained on; null where it states none")
    labels: int = entry("all labels")
    fitted_here: bool = entry(
        "whether it was fitted to this genome, and no site is answered by its own count",
        default=False,
    )

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
    """What is wrong with a group `training`, '' where nothing is: an object of FIELDS, each an
    optional list of names, none of them both a training contig and held out."""
    if not isinstance(stated, dict) or set(stated) - set(FIELDS):
        return f"{stated!r}"[:120]
    for name, value in stated.items():
        if not isinstance(value, list) or not all(
            isinstance(one, str) and one and one.isprintable() for one in value
        ):
            return f"{name} is {value!r}"[:120]
    both = set(stated.get("contigs", ())) & set(stated.get(HELD_OUT, ()))
    return f"{min(both)} is both in contigs and in {HELD_OUT}"[:120] if both else ""


def heldout(stated: Iterable[dict], contigs: Sequence[str]) -> tuple[str, ...]:
    """The contigs of the genome that every one of the models says was held out of its training, in
    their order; names with and without chr are alike.

    stated: of each model's bundle, {} where it says nothing; contigs: the genome's names.
    """
    declarations = [dict.fromkeys(one.get(HELD_OUT, ()), 0) for one in stated]
    return tuple(
        name
        for name in contigs
        if declarations and all(_is_among(name, names) for names in declarations)
    )


def with_heldout(stated: dict, names: Sequence[str]) -> dict:
    """The group `training` with those contigs added to the ones that were held out. Raises UsageError
    (64) for one that the group states as a training contig."""
    trained = dict.fromkeys(stated.get("contigs", ()), 0)
    for name in names:
        if _is_among(name, trained):
            raise UsageError(
                message(
                    OPTION,
                    f"the model says that it was trained on {name}",
                    "contigs that it never saw",
                    f"leave {name} out",
                )
            )
    if not names:
        return stated
    return stated | {HELD_OUT: list(dict.fromkeys([*stated.get(HELD_OUT, ()), *names]))}


def contigs_of(names: Sequence[str], contigs: Sequence[str], fasta: str) -> tuple[str, ...]:
    """The genome's own names of the contigs that `--heldout_contigs` gives, in its order. Raises
    UsageError (64) for a contig that the genome does not have."""
    here = dict.fromkeys(contigs, 0)
    for name in names:
        if not _is_among(name, here):
            first = ", ".join(list(contigs)[:SHOWN_CONTIGS])
            more = ", ..." if len(contigs) > SHOWN_CONTIGS else ""
            raise UsageError(
                message(
                    OPTION,
                    f"no contig {name!r} in {fasta}",
                    f"contigs of the FASTA ({first}{more})",
                    "give names of the FASTA",
                )
            )
    given = dict.fromkeys(names, 0)
    return tuple(name for name in contigs if _is_among(name, given))


def _is_among(name: str, names: dict[str, int]) -> bool:
    return name in names or bool(renames(name, names))


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
    seen = np.array([_is_among(name, trained) for name in contigs], dtype=bool)
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
