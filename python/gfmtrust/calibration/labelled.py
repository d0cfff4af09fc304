"""The labelled alleles of a run by class of variant, their calibrations and their local likelihood
ratios."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pandas as pd

from gfmtrust.calibration import label_calibration, local_lr
from gfmtrust.calibration.allele_features import AlleleFeatures
from gfmtrust.calibration.class_calibration import ClassCalibration
from gfmtrust.calibration.ensemble import Ensemble
from gfmtrust.calibration.label_blocks import blocks_of
from gfmtrust.calibration.options import Options
from gfmtrust.calibration.record import LabelCalibrations
from gfmtrust.core.errors import BadDataError, message
from gfmtrust.core.vocabulary import CONTEXT_FAMILY
from gfmtrust.inputs import labels, training
from gfmtrust.inputs.variants import Variant
from gfmtrust.io import tables

log = logging.getLogger(__name__)


class LabelledAlleles:
    """The labelled alleles of a run; the caller passes the run's shards to `features`."""

    def __init__(self, plan_dir: Path, ensemble: Ensemble, label_table: Path):
        self._alleles, _ = labels.matched(label_table, plan_dir / "alleles.parquet", [])
        self._ensemble = ensemble
        self.facts = tables.read_metadata(label_table)
        self.features = AlleleFeatures(plan_dir, ensemble, self._alleles)

    def by_class(self) -> dict[str, pd.DataFrame]:
        """The alleles that have an LLR, by class of variant: labels.KEY, label and the columns of
        `features`."""
        measured = self.features.table()
        table = pd.concat(
            [
                self._alleles[[*labels.KEY, "label"]],
                measured[[name for name in measured if name not in labels.KEY]],
            ],
            axis=1,
        )
        table = table[np.isfinite(table["llr"].to_numpy(np.float64))]
        name = np.array(
            [
                Variant(*row).kind.value
                for row in zip(table["pos"], table["ref"], table["alt"], strict=True)
            ],
            dtype=object,
        )
        return {str(one): table[name == one] for one in np.unique(name)}

    def overlap(
        self, tables_by_class: dict[str, pd.DataFrame], contigs: list[str]
    ) -> tuple[training.Overlap, ...]:
        """The number of labels that lie where each model was trained, which is also logged; ()
        without labels."""
        if not tables_by_class:
            return ()
        contig_index = np.concatenate(
            [table["contig_index"].to_numpy(np.int64) for table in tables_by_class.values()]
        )
        overlaps = training.of_models(
            self._ensemble.metadata, contigs, contig_index, CONTEXT_FAMILY
        )
        log.warning("labels: %s", training.line(overlaps))
        return overlaps


def label_calibrations(
    by_class: dict[str, pd.DataFrame],
    options: Options,
    by_size: bool,
    llr_cut: float | None,
    overlap: tuple[training.Overlap, ...] = (),
) -> LabelCalibrations:
    """The calibrations by labels of all classes of variant that have enough labels, and the
    refusals of the others with the number needed, which are also logged."""
    fitted: dict[str, ClassCalibration] = {}
    refused: list[tuple[str, str]] = []
    for name, table in by_class.items():
        table = table.sort_values(["contig_index", "pos"], kind="stable", ignore_index=True)
        label = table["label"].to_numpy()
        if why_not := label_calibration.refusal(label, blocks_of(table), options.seed):
            log.warning("labels: %s: %s; the decoy calibration stays", name, why_not)
            refused.append((name, why_not))
            continue
        for text in label_calibration.warnings(label, table["region_class"].to_numpy(object)):
            log.warning("labels: %s: %s", name, text)
        fitted[name] = label_calibration.fit(table, options, by_size, llr_cut)
    return LabelCalibrations(fitted, tuple(refused), overlap)


def local_ratios(
    by_class: dict[str, pd.DataFrame], facts: dict, prior: float, seed: int, out_dir: Path
) -> None:
    """Write the local likelihood ratios of the classes of variant that have enough labels.

    Raises UsageError (64) for a prior out of range, and BadDataError (65) with the number needed
    where no class has enough labels.
    """
    local_lr.strengths(prior)
    refused = {
        name: why_not
        for name, table in by_class.items()
        if (why_not := label_calibration.too_few(table["label"].to_numpy()))
    }
    if refused.keys() == by_class.keys():
        reasons = (
            "; ".join(f"{name}: {why_not}" for name, why_not in refused.items())
            or "no labelled allele has an LLR"
        )
        raise BadDataError(
            message(facts["name"], reasons, "labels enough for --local_lr", "leave it out")
        )
    enough = {name: table for name, table in by_class.items() if name not in refused}
    local_lr.write(enough, refused, facts["by_size"], prior, seed, out_dir)
