"""The answers of a reader, from a score store where it has them.

    answers = StoredAnswers.open(Answers(reader, scorer, genome, reading), device, store)
    scores = answers.score_sites(contig_index, pos)
    answers.write(delta_dir)            # the rows that the store lacked

Stored are single sites and whole haplotypes that got a finite answer in every view, and sites whose
answer lies outside A, C, G, T. Not stored: another row with a status (its letters alone give it, or
the failure may pass), bases from tiles (their value depends on the tile), the context model (its
votes depend on the position), external tables.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from gfmtrust.bundle.runtime import runtime_version
from gfmtrust.core.contracts.score_store import SITES, VARIANTS, StoreScope
from gfmtrust.core.interfaces import Genome, Scorer
from gfmtrust.core.vocabulary import CONTEXT_FAMILY, ShardKind, Status
from gfmtrust.inputs.variants import Variant
from gfmtrust.readers.haplotypes import HaplotypeScores
from gfmtrust.readers.options import ReadingOptions
from gfmtrust.readers.reader import READING_VERSION, Reader
from gfmtrust.readers.site_scores import SiteScores, joined, refuse_broken
from gfmtrust.store import files
from gfmtrust.store.keys import site_keys, variant_keys
from gfmtrust.store.lookup import Lookup, StoredRows
from gfmtrust.store.rows import rows_of


def is_stored(reader: Reader) -> bool:
    """Whether the answers of a reader can be stored: those of networks that read letters alone."""
    return reader.runs_network and reader.model.family != CONTEXT_FAMILY


@dataclass
class Answers:
    """The answers of a model that is run for each site. sites, variants, damaged, conflicting:
    numbers of stored answers that were used, and of rows that were not usable."""

    reader: Reader
    scorer: Scorer
    genome: Genome
    reading: ReadingOptions
    sites: int = 0
    variants: int = 0
    damaged: int = 0
    conflicting: int = 0

    def score_sites(self, contig_index: np.ndarray, pos: np.ndarray) -> SiteScores:
        """See `Reader.score_sites`."""
        return self.reader.score_sites(self.scorer, self.genome, contig_index, pos, self.reading)

    def score_variants(self, contig_index: np.ndarray, variants: list[Variant]) -> HaplotypeScores:
        """See `Reader.score_variants`."""
        return self.reader.score_variants(
            self.scorer, self.genome, contig_index, variants, self.reading
        )

    def write(self, store: Path) -> int:
        """Write the new rows into a store; returns their number."""
        return 0


@dataclass
class StoredAnswers(Answers):
    """The answers of a store, and of the model where the store has none."""

    site_rows: StoredRows | None = None
    variant_rows: StoredRows | None = None
    new: list[tuple[StoreScope, np.ndarray, np.ndarray]] = field(default_factory=list)

    @classmethod
    def open(
        cls, answers: Answers, device: str, store: Path, permuted: bool = False
    ) -> StoredAnswers:
        """A store opened for one model as it is read here; see `StoredRows.open`. device: class of
        the device that the scorer runs on; permuted: whether its weights are permuted."""
        reader, reading = answers.reader, answers.reading
        site_rows, variant_rows = (
            StoredRows.open(store, scope_of(kind, reader, device, reading, permuted))
            for kind in (SITES, VARIANTS)
        )
        return cls(
            reader,
            answers.scorer,
            answers.genome,
            reading,
            site_rows=site_rows,
            variant_rows=variant_rows,
        )

    def score_sites(self, contig_index: np.ndarray, pos: np.ndarray) -> SiteScores:
        assert self.site_rows is not None
        scope = self.site_rows.scope
        keys = site_keys(self.reader, self.genome, scope, contig_index, pos)
        lookup = self._looked_up(self.site_rows, keys)
        missing, stored = np.flatnonzero(~lookup.is_found), np.flatnonzero(lookup.is_found)
        answered = self.reader.answer_sites(
            self.scorer, self.genome, contig_index[missing], pos[missing], self.reading
        )
        scores = joined(
            [_sites_of(lookup.rows["values"][stored], scope.n_views), answered], scope.n_views
        ).take(np.argsort(np.concatenate([stored, missing])))
        refuse_broken(scores, self.reader.model.model_id)
        whole = _will_be_the_same(answered)
        self.new.append((scope, keys[missing][whole], _values_of(answered.take(whole))))
        self.sites += len(stored)
        return scores

    def score_variants(self, contig_index: np.ndarray, variants: list[Variant]) -> HaplotypeScores:
        assert self.variant_rows is not None
        scope = self.variant_rows.scope
        keys = variant_keys(self.reader, self.genome, scope, contig_index, variants)
        lookup = self._looked_up(self.variant_rows, keys)
        missing, stored = np.flatnonzero(~lookup.is_found), np.flatnonzero(lookup.is_found)
        answered = self.reader.score_variants(
            self.scorer,
            self.genome,
            contig_index[missing],
            [variants[row] for row in missing],
            self.reading,
        )
        llr = np.full((len(variants), scope.n_views), np.nan, np.float32)
        status = np.full(len(variants), "", object)
        llr[stored] = lookup.rows["values"][stored]
        llr[missing], status[missing] = answered.llr, answered.status
        whole = (answered.status == "") & np.isfinite(answered.llr).all(axis=1)
        self.new.append((scope, keys[missing][whole], answered.llr[whole]))
        self.variants += len(stored)
        return HaplotypeScores(llr, status)

    def _looked_up(self, stored: StoredRows, keys: np.ndarray) -> Lookup:
        lookup = stored.find(keys)
        self.damaged += lookup.damaged
        self.conflicting += lookup.conflicting
        return lookup

    def write(self, store: Path) -> int:
        n_rows = 0
        for scope in dict.fromkeys(scope for scope, keys, _ in self.new if len(keys)):
            pieces = [(keys, values) for one, keys, values in self.new if one == scope]
            keys, values = (np.concatenate(column) for column in zip(*pieces, strict=True))
            n_rows += files.write_rows(store, scope, [rows_of(scope, keys, values)])[1]
        self.new.clear()
        return n_rows


def scope_of(
    kind: str, reader: Reader, device: str, reading: ReadingOptions, permuted: bool = False
) -> StoreScope:
    """The scope of a reader's rows on a device. permuted: whether the weights are permuted, as in a
    negative control, so that the rows are those of another network."""
    model = reader.model
    digest = model.sha256
    if permuted:
        digest = hashlib.sha256(f"{digest} {ShardKind.PERMUTED_WEIGHTS}".encode()).hexdigest()
    return StoreScope(
        kind=kind,
        model=model.model_id,
        bundle_sha256=digest,
        device=device,
        runtime=runtime_version(),
        precision=model.precision,
        views=reading.views,
        n_views=len(reader.views(reading.views)),
        neighbours=reading.neighbours,
        max_n=reading.max_n,
        reading=READING_VERSION,
    )


def _will_be_the_same(scores: SiteScores) -> np.ndarray:
    """Which answers are stored, bool (n,): those that are finite in every view, and those whose
    probability lies outside A, C, G, T. A view that the runtime failed on has the mass 1 there and
    may succeed another time."""
    is_elsewhere = (scores.status == Status.MODEL_ERROR) & (scores.off_alphabet < 1)
    return is_elsewhere | ((scores.status == "") & np.isfinite(scores.probs).all(axis=(1, 2)))


def _values_of(scores: SiteScores) -> np.ndarray:
    """The values of rows of sites, float32 (n, 4 V + 4)."""
    return np.column_stack(
        [
            scores.probs.reshape(len(scores.probs), scores.probs.shape[1] * 4),
            scores.local_surprisal,
            scores.n_share,
            scores.pad_share,
            scores.off_alphabet,
        ]
    ).astype(np.float32)


def _sites_of(values: np.ndarray, n_views: int) -> SiteScores:
    """The scores that `_values_of` made values of."""
    probs = values[:, : 4 * n_views].reshape(len(values), n_views, 4)
    columns = (np.ascontiguousarray(values[:, 4 * n_views + at]) for at in range(4))
    status = np.full(len(values), "", object)
    status[np.isnan(probs).all(axis=(1, 2))] = Status.MODEL_ERROR
    return SiteScores(probs, status, *columns)
