"""Scores from an external program: a bundle without a graph, whose scores are looked up instead of
computed.

The scores of alleles or bases from a model outside ONNX (Evo 2, a service, a table of a paper) go
through the same measures, calibration and flags as those of a supported model. `import_scores`
creates such a bundle. Formats: docs/understand/models.md, "Scores from elsewhere".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

import numpy as np
import pyarrow as pa

from gfmtrust.bundle.bundle import Bundle
from gfmtrust.core.errors import InternalError, message
from gfmtrust.core.interfaces import Genome, LoadedScorer, Scorer
from gfmtrust.core.vocabulary import Placement, Status
from gfmtrust.inputs.variants import Variant
from gfmtrust.io import tables
from gfmtrust.readers.haplotypes import HaplotypeScores, Span
from gfmtrust.readers.options import DEFAULTS, ReadingOptions
from gfmtrust.readers.reader import Reader
from gfmtrust.readers.site_scores import SiteScores
from gfmtrust.score_tables.record import RegisteredTable
from gfmtrust.score_tables.values import LONGEST_LLR, as_probabilities

if TYPE_CHECKING:
    import pandas as pd

    from gfmtrust.score_tables.examine import ScoreTable

SITES_FILE, VARIANTS_FILE = "sites.parquet", "variants.parquet"
SITES = pa.schema(
    [("contig", pa.string()), ("pos", pa.int64()), ("probs", pa.list_(pa.float32(), 4))]
)
"""One row per base that was scored, sorted by contig and position; order A,C,G,T of the forward
strand."""
VARIANTS = pa.schema(
    [
        ("contig", pa.string()),
        ("pos", pa.int64()),
        ("ref", pa.string()),
        ("alt", pa.string()),
        ("llr", pa.float32()),
    ]
)
"""One row per allele that changes the length, in its normalised form (`variants.normalised`); nats,
ALT less REF."""


@dataclass
class LookedUp:
    """Replaces the session of a model that is not run here; see `interfaces.LoadedScorer`."""

    device: str
    requested: str
    provider: str
    threads: int = 1
    batch: int = 0
    halvings: int = 0
    passes: int = 0
    on_passes: Callable[[int], None] | None = None

    @property
    def bpe(self) -> None:
        self._refuse()

    def distributions(self, codes: np.ndarray, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self._refuse()

    def token_logps(self, asked: list) -> list[np.ndarray]:
        self._refuse()

    def _refuse(self):
        raise InternalError(message(f"scorer {self.device}", "asked to run", "answers looked up"))


@dataclass(frozen=True)
class ExternalReader(Reader):
    """The tables of an opened bundle of family `external`, or the table outside it that the bundle
    names. Nothing is known of neighbours or windows, and there is one view.

    table: path of the table outside; None where the bundle holds its tables.
    """

    runs_network: ClassVar[bool] = False
    table: Path | None = None

    @cached_property
    def sites(self) -> pd.DataFrame:
        """Rows of SITES."""
        return self._parquet(SITES_FILE)

    @cached_property
    def variants(self) -> pd.DataFrame:
        """Rows of VARIANTS."""
        return self._parquet(VARIANTS_FILE)

    def _parquet(self, name: str) -> pd.DataFrame:
        return tables.read(self.model.directory / name).to_pandas()

    @cached_property
    def registered(self) -> RegisteredTable | None:
        """The table outside the bundle."""
        return RegisteredTable.from_meta(cast(Bundle, self.model).meta)

    def passes_per_site(self, preset: str, neighbours: bool) -> int:
        return 0

    def passes_per_variant(self, preset: str) -> int:
        return 0

    def reads_neighbours(self, asked: bool) -> bool:
        return False

    def open_scorer(
        self,
        device: str,
        threads: int,
        batch: int | None,
        allow_long_window: bool,
        weights: Callable[[Path], dict[str, np.ndarray]] | None = None,
    ) -> LoadedScorer:
        family = self.model.family
        return LookedUp(family, family, family)

    def score_sites(
        self,
        scorer: Scorer,
        genome: Genome,
        contig_index: np.ndarray,
        pos: np.ndarray,
        options: ReadingOptions = DEFAULTS,
    ) -> SiteScores:
        """The answers at sites; a base without one is UNSUPPORTED.

        Raises BadDataError (65) where a table outside the bundle has another REF at too many bases.
        """
        if self.registered is None:
            probs = self._stored(genome, contig_index, pos)
        else:
            probs = self._looked_up(genome, contig_index, pos)
        answered = ~np.isnan(probs[:, 0]).all(axis=1)
        status = np.where(answered, "", Status.UNSUPPORTED).astype(object)
        unknown = np.full(len(pos), np.nan, np.float32)
        zero = np.zeros(len(pos), np.float32)
        return SiteScores(probs, status, unknown, zero, zero, zero)

    def _stored(self, genome: Genome, contig_index: np.ndarray, pos: np.ndarray) -> np.ndarray:
        """float32 (n, 1, 4) from the bundle's own table."""
        import pandas as pd

        asked = pd.DataFrame(
            {
                "contig": np.array(genome.names, dtype=object)[contig_index],
                "pos": pos.astype(np.int64),
            }
        )
        answers = asked.merge(self.sites, on=["contig", "pos"], how="left")["probs"]
        answered = answers.notna().to_numpy()
        probs = np.full((len(pos), 1, 4), np.nan, np.float32)
        if answered.any():
            probs[answered, 0] = np.stack(answers[answered].to_numpy())
        return probs

    def _looked_up(self, genome: Genome, contig_index: np.ndarray, pos: np.ndarray) -> np.ndarray:
        """float32 (n, 1, 4) from the table outside, read at these bases alone."""
        from gfmtrust.score_tables.examine import refuse_other_assembly

        values, other = np.full((len(pos), 4), np.nan), np.zeros(len(pos), bool)
        table = self._opened(genome)
        try:
            for number in np.unique(contig_index):
                rows = np.flatnonzero(contig_index == number)
                rows = rows[np.argsort(pos[rows], kind="stable")]
                contig, here = str(genome.names[int(number)]), pos[rows].astype(np.int64)
                answers = table.sites(contig, here, genome.windows(contig, here, 1)[:, 0])
                values[rows], other[rows] = answers.values, answers.differs
        finally:
            table.close()
        refuse_other_assembly(table.path.name, int(np.isfinite(values).any(axis=1).sum()), other)
        needs_all = table.layout.meaning.is_preference and self.model.quantity != "score"
        return as_probabilities(values, needs_all)[:, None]

    def _opened(self, genome: Genome) -> ScoreTable:
        from gfmtrust.score_tables.opened import open_registered

        if self.registered is None:
            raise InternalError(message(self.model.model_id, "no table", "a registered table"))
        return open_registered(self.registered, self.table, dict(genome.contigs))

    def variant_shares(
        self,
        genome: Genome,
        contig_index: np.ndarray,
        variants: list[Variant],
        options: ReadingOptions = DEFAULTS,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Always 0: a table says nothing about the windows behind its scores."""
        zero = np.zeros(len(variants), np.float32)
        return zero, zero

    def score_variants(
        self,
        scorer: Scorer,
        genome: Genome,
        contig_index: np.ndarray,
        variants: list[Variant],
        options: ReadingOptions = DEFAULTS,
    ) -> HaplotypeScores:
        """The answers for alleles that change the length; one without an answer is UNSUPPORTED."""
        if self.registered is None:
            llr = self._stored_variants(genome, contig_index, variants)
        else:
            llr = self._variants_looked_up(genome, contig_index, variants)
        status = np.where(np.isnan(llr), Status.UNSUPPORTED, "").astype(object)
        return HaplotypeScores(llr[:, None], status)

    def _stored_variants(
        self, genome: Genome, contig_index: np.ndarray, variants: list[Variant]
    ) -> np.ndarray:
        import pandas as pd

        keys = pd.DataFrame(
            [(one.pos, one.ref, one.alt) for one in variants], columns=["pos", "ref", "alt"]
        )
        asked = keys.assign(contig=np.array(genome.names, object)[contig_index]).astype(
            {"pos": np.int64, "contig": object, "ref": object, "alt": object}
        )
        matched = asked.merge(self.variants, on=["contig", "pos", "ref", "alt"], how="left")
        return matched["llr"].to_numpy(np.float32)

    def _variants_looked_up(
        self, genome: Genome, contig_index: np.ndarray, variants: list[Variant]
    ) -> np.ndarray:
        llr = np.full(len(variants), np.nan, np.float32)
        table = self._opened(genome)
        try:
            for number in np.unique(contig_index):
                rows = np.flatnonzero(contig_index == number)
                asked = [variants[int(row)] for row in rows]
                llr[rows] = table.alleles(genome, str(genome.names[int(number)]), asked)
        finally:
            table.close()
        return np.clip(llr, -LONGEST_LLR, LONGEST_LLR)

    def span(self, placement: Placement, length: int) -> Span:
        raise InternalError(message(self.model.model_id, "asked for windows", "answers looked up"))
