"""The competitors of a duel, trained on the same folds, and their scores with the same draws."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gfmtrust.audit.duel import ridge, scores
from gfmtrust.audit.duel.embed import Distinct, Embedded
from gfmtrust.audit.duel.examples import Examples
from gfmtrust.audit.duel.folds import Folds
from gfmtrust.audit.numbers import TWO_SIDED
from gfmtrust.core.contracts.audit import Statistic
from gfmtrust.core.contracts.duel import Competitor
from gfmtrust.core.progress import Progress

NULLS = 20
"""Permutations of the labels that each ridge regression is also trained on; a network is trained on
the first."""
RIDGE, CNN = "k-mer counts + ridge", "one-hot CNN"
PEARSON, AUROC = "Pearson correlation", "AUROC"


@dataclass
class Contest:
    """The trainings of a duel. targets: float64 (n, 1 + NULLS), the labels and their permutations.
    training: settings of the networks, None where PyTorch is absent."""

    examples: Examples
    folds: Folds
    judge: scores.Judge
    targets: np.ndarray
    training: Any
    progress: Progress | None = None
    trainings: int = 0
    competitors: list[Competitor] = field(default_factory=list)
    curves: list[Statistic] = field(default_factory=list)
    final: dict[str, scores.Scored] = field(default_factory=dict)

    @classmethod
    def of(cls, examples: Examples, training: Any, seed: int) -> Contest:
        folds = Folds.of(examples.element, seed)
        rng = np.random.default_rng([seed, 0x9E7])
        permuted = [rng.permutation(examples.label) for _ in range(NULLS)]
        return cls(
            examples,
            folds,
            scores.Judge.of(examples.label, folds.fold, examples.element, seed),
            np.stack([examples.label, *permuted], axis=1),
            training,
        )

    @property
    def score_name(self) -> str:
        return AUROC if self.examples.is_binary else PEARSON

    @property
    def score(self) -> scores.Score:
        return scores.auroc if self.examples.is_binary else scores.pearson

    @property
    def chance(self) -> float:
        return 0.5 if self.examples.is_binary else 0.0

    def simple(self, distinct: Distinct) -> None:
        """The competitors that read letters. distinct: their windows."""
        counts = distinct.difference(ridge.word_counts(distinct.windows))
        self.regress(Competitor(RIDGE, "simple", "", ""), counts)
        if self.training is not None:
            onehot = distinct.windows[:, None] == np.arange(4, dtype=np.uint8)[None, :, None]
            self.convolve(Competitor(CNN, "simple", "", ""), onehot, distinct)

    def probes(self, bundle: str, of_model: Embedded, distinct: Distinct, is_twin: bool) -> None:
        """The competitors that read through a model, or through its twin."""
        kind = "twin" if is_twin else "probe"

        def competitor(text: str) -> Competitor:
            twin = "" if is_twin else f"{bundle}, permuted: {text}"
            return Competitor(
                f"{bundle}{', permuted' if is_twin else ''}: {text}", kind, bundle, twin
            )

        for name, pooled in zip(of_model.names, of_model.pooled, strict=True):
            self.regress(competitor(f"mean of {name} + ridge"), distinct.difference(pooled))
        if self.training is not None:
            self.convolve(competitor("map + CNN"), of_model.map, distinct)

    def regress(self, competitor: Competitor, features: np.ndarray) -> None:
        """A ridge regression at every point of the curve, with its null. features: (n, d)."""
        self.competitors.append(competitor)
        for size in self.folds.sizes:
            predicted = np.zeros_like(self.targets)
            for split in self.folds.splits(size):
                predicted[split.test] = ridge.predictions(features, self.targets, split)
                self._trained(competitor)
            drawn = [self._value(predicted[:, 1 + one]) for one in range(NULLS)]
            self._record(competitor, size, predicted[:, 0], np.array(drawn))

    def convolve(self, competitor: Competitor, values: np.ndarray, distinct: Distinct) -> None:
        """A network at every point of the curve; its null with all training examples. values: (m,
        channels, length)."""
        from gfmtrust.models import small_cnn

        self.competitors.append(competitor)
        sequences = small_cnn.Sequences(values, distinct.of, distinct.reference)
        for size in self.folds.sizes:
            is_last = size == self.folds.sizes[-1]
            predicted = np.zeros((len(self.examples), 2))
            for split in self.folds.splits(size):
                for column in range(2 if is_last else 1):
                    predicted[split.test, column] = small_cnn.fitted(
                        sequences, self.targets[:, column], split.train, split.valid, split.test,
                        self.training,
                    )  # fmt: skip
                    self._trained(competitor)
            drawn = np.array([self._value(predicted[:, 1])] if is_last else [])
            self._record(competitor, size, predicted[:, 0], drawn)

    def differences(self) -> list[Statistic]:
        """Paired differences with all training examples: each competitor minus the one-hot CNN, or
        minus the ridge regression where no network was trained; and each probe minus its twin."""
        n, rows = len(self.examples), []
        standard = CNN if CNN in self.final else RIDGE
        for one in self.competitors:
            if one.name != standard:
                of = scores.difference(self.final[one.name], self.final[standard])
                rows.append(scores.statistic(one.name, of, n, null=0.0, series=f"minus {standard}"))
        for one in self.competitors:
            if one.twin in self.final:
                of = scores.difference(self.final[one.name], self.final[one.twin])
                rows.append(
                    scores.statistic(one.name, of, n, null=0.0, series="minus permuted weights")
                )
        return rows

    def untrained(self, name: str, llr: np.ndarray) -> list[Statistic]:
        """The LLR of a model against the labels, and its size against theirs. llr: (n,), NaN where
        an allele has none."""
        rows = np.isfinite(llr)
        if rows.sum() < 2:
            return []
        pairs = [("LLR", llr, self.judge, self.score, self.chance)]
        if self.examples.is_binary:
            pairs = [("\N{MINUS SIGN}LLR", -llr, self.judge, self.score, self.chance)]
        else:
            judge = scores.Judge(
                np.abs(self.judge.label), self.judge.fold, self.judge.drawn,
                self.judge.left_out, self.judge.mode,
            )  # fmt: skip
            pairs.append(("|LLR| and |label|", np.abs(llr), judge, scores.pearson, 0.0))
        return [
            scores.statistic(
                f"{text}, {name}", judge.all_scores(score, np.nan_to_num(values), rows),
                int(rows.sum()), null=chance,
            )
            for text, values, judge, score, chance in pairs
        ]  # fmt: skip

    def _value(self, predicted: np.ndarray) -> float:
        return self.judge.value(self.score, predicted)

    def _record(
        self, competitor: Competitor, size: int, predicted: np.ndarray, drawn: np.ndarray
    ) -> None:
        scored = self.judge.all_scores(self.score, predicted)
        if size == self.folds.sizes[-1]:
            self.final[competitor.name] = scored
        null, ends = (float(drawn.mean()) if len(drawn) else self.chance), (None, None)
        if len(drawn) > 1:
            ends = tuple(float(one) for one in np.quantile(drawn, [TWO_SIDED, 1 - TWO_SIDED]))
        row = scores.statistic(
            f"{competitor.name}, {size:,} examples", scored, len(self.examples), null=null,
            null_low=ends[0], null_high=ends[1], series=competitor.name, x=float(size),
        )  # fmt: skip
        self.curves.append(row)

    def _trained(self, competitor: Competitor) -> None:
        self.trainings += 1
        if self.progress:
            self.progress(self.trainings, competitor.name)
