"""How a run is calibrated: the errors that its levels may have, and what is calibrated."""

from __future__ import annotations

from dataclasses import dataclass

from gfmtrust.core.contracts.base import entry
from gfmtrust.core.errors import ConfigurationError, message


@dataclass(frozen=True)
class Options:
    """Options of a calibration, the same for all classes of variant."""

    seed: int = entry("seed of the splits", default=1)
    alpha_high: float = entry("error that HIGH may have", default=0.05)
    alpha_medium: float = entry("error that MEDIUM may have", default=0.20)
    delta: float = entry("chance that a certificate is wrong", default=0.05)
    guard_band: float = entry(
        "reliability above a cut-off that still gets the lower flag, so that HIGH here is not LOW on"
        " another device",
        default=0.0,
    )
    simultaneous: bool = entry("whether all cells and levels share delta", default=False)
    looks: int = entry(
        "how often the certification splits have been used, this time included", default=1
    )
    context_only: bool = entry(
        "whether the context model is the only model; gain then caps no flag", default=False
    )
    copied_high: bool = entry(
        "whether alleles with a near copy elsewhere in the genome may be HIGH", default=False
    )
    trust_training: bool = entry(
        "whether HIGH is given although the model may have memorised this genome", default=False
    )
    background: str = entry(
        "file that context model and probes come from; empty where it is the genome", default=""
    )
    long_window: str = entry(
        "models that read more than they were trained on; empty where none does", default=""
    )
    scores: str = entry(
        "model whose scores are on a scale of their own, so that no decoy can test them; empty where"
        " the models prefer bases",
        default="",
    )
    digests: dict = entry(
        "what the calibration is valid for: genome, background, bundles, views, precision",
        factory=dict,
    )

    @property
    def at_most_medium(self) -> str:
        """The reason why no allele of the run may be HIGH whatever its measures are, as part of a
        sentence; '' without such a reason."""
        if self.background:
            return f"context model and probes come from {self.background}"
        return (
            f"the window is longer than {self.long_window} was trained on"
            if self.long_window
            else ""
        )

    def check(self, place: str = "calibration") -> None:
        """Raises ConfigurationError (78) where an option is out of its range."""
        if not 0 < self.alpha_high < self.alpha_medium < 1:
            raise ConfigurationError(
                message(
                    place,
                    f"alpha_high {self.alpha_high}, alpha_medium {self.alpha_medium}",
                    "0 < alpha_high < alpha_medium < 1",
                )
            )
        if not 0 < self.delta <= 0.5:
            raise ConfigurationError(
                message(place, f"delta {self.delta}", "more than 0, at most 0.5")
            )
        if not 0 <= self.guard_band < 1:
            raise ConfigurationError(message(place, f"guard_band {self.guard_band}", "0 to 1"))
