"""What contigs that were held out of the models' training say of HIGH, as calibration.json keeps it."""

from __future__ import annotations

from dataclasses import dataclass

from gfmtrust.core.contracts.base import entry

SHOWN_CONTIGS = 5


@dataclass(frozen=True)
class HeldOutVerdict:
    """Whether HIGH can be certified on the contigs that were held out of the training, where the
    models seem to have memorised the genome."""

    contigs: tuple[str, ...] = entry("contigs that every voting model says were held out")
    holds: bool = entry("whether HIGH is certified on their probes alone and is given")
    n: int = entry("single-copy probes there")
    errors: int = entry("those at which the decoy is preferred")
    n_others: int = entry("single-copy probes on the other contigs")
    errors_others: int = entry("those at which the decoy is preferred")
    p: float = entry("one-sided p-value of a higher error there than on the other contigs")
    text: str = entry("why they do not hold up; empty where they do", default="")

    @property
    def words(self) -> str:
        """The verdict as one sentence without its full stop."""
        names = contigs_text(self.contigs)
        if not self.holds:
            return f"the held-out contigs ({names}) do not hold up: {self.text}"
        return (
            f"the levels of SNVs are certified on the held-out contigs ({names}) alone; there "
            f"{self.errors:,} of {self.n:,} single-copy probes are wrong, on the other contigs "
            f"{self.errors_others:,} of {self.n_others:,}"
        )


def contigs_text(contigs: tuple[str, ...]) -> str:
    """The names of the contigs, the first of many."""
    more = len(contigs) - SHOWN_CONTIGS
    return ", ".join(contigs[:SHOWN_CONTIGS]) + (f" and {more} more" if more > 0 else "")
