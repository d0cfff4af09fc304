"""The exam of a calibration on the run that it is to flag: what is withdrawn, and what is said
beside every level. Source: docs/understand/reliability.md, "The exam on the run's own alleles".
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gfmtrust.calibration.heldout import HeldOut, on_heldout
from gfmtrust.calibration.ladder import LadderRow
from gfmtrust.calibration.memorisation import memory_verdict
from gfmtrust.calibration.own_alleles import (
    CONTRADICTED,
    OwnAlleleRow,
    OwnAlleles,
    PopulationRow,
    own_allele_rows,
    population_rows,
)
from gfmtrust.calibration.own_snvs import OwnSnvs
from gfmtrust.calibration.record import RunCalibration, Withdrawal, with_outcome_text
from gfmtrust.core.vocabulary import Rank, Why

if TYPE_CHECKING:
    import pandas as pd


def examined(
    calibration: RunCalibration,
    own_snvs: OwnSnvs,
    probes: pd.DataFrame,
    ladder: tuple[LadderRow, ...],
    heldout: HeldOut | None = None,
) -> RunCalibration:
    """The calibration after the exam. probes: of this run, the columns of `ProbeRows`; heldout: the
    contigs on which HIGH can be certified where the models seem to have memorised the others.

    The run's own SNVs are flagged and their misses counted; a level that they contradict in a cell
    is withdrawn there, and they are flagged again, as its alleles then carry the next level. Where
    the alleles of HIGH miss what MEDIUM promises too, they are LOW in the end, although MEDIUM may
    keep its promise with them among its own alleles. A level that prefers the rare REF where ALT is
    common is withdrawn from the run, HIGH also where the model seems to have memorised the genome,
    unless its training is trusted or the held-out contigs hold up by themselves.
    """
    options = calibration.options
    memory = memory_verdict(probes, options.context_only)
    calibration = replace(calibration, memory=memory, ladder=ladder)
    if memory.suspected and not options.trust_training:
        calibration = _despite_memory(calibration, probes, heldout)
    alphas = {Rank.HIGH.name: options.alpha_high, Rank.MEDIUM.name: options.alpha_medium}
    own_rows: dict[tuple[str, str], OwnAlleleRow] = {}
    population: dict[str, PopulationRow] = {}
    while True:
        flagged = own_snvs.flagged(calibration)
        new = [
            *_contradicted_cells(flagged, alphas, options.delta, own_rows),
            *_contradicted_levels(flagged, alphas, options.delta, population),
        ]
        if new:
            calibration = _with(calibration, new)
            continue
        lowered = _lowered(calibration, alphas, own_rows, population)
        if lowered == calibration:
            break
        calibration = lowered
        # the alleles of MEDIUM are others now, and are counted again
        own_rows = {key: row for key, row in own_rows.items() if row.outcome == CONTRADICTED}
    return with_outcome_text(
        replace(
            calibration,
            own_alleles=tuple(
                sorted(own_rows.values(), key=lambda row: (-Rank[row.level], row.stratum))
            ),
            population=tuple(population.values()),
        )
    )


def _despite_memory(
    calibration: RunCalibration, probes: pd.DataFrame, heldout: HeldOut | None
) -> RunCalibration:
    """The calibration of a model that seems to have memorised the genome: with what the held-out
    contigs certify (those of a frozen calibration did so before), or without HIGH."""
    if heldout is not None and heldout.contigs:
        calibration = on_heldout(calibration, heldout, probes)
    verdict, memory = calibration.heldout, calibration.memory
    if verdict is not None and verdict.holds:
        return calibration
    text = memory.text if memory is not None else ""
    if verdict is not None:
        text += f"; {verdict.words}"
    return _with(calibration, [Withdrawal("HIGH", "", Why.MEMORISED.value, text)])


def _contradicted_cells(
    flagged: OwnAlleles,
    alphas: dict[str, float],
    delta: float,
    rows: dict[tuple[str, str], OwnAlleleRow],
) -> list[Withdrawal]:
    """What the own-allele check withdraws. rows: filled in by level and stratum; one that was
    contradicted stays as it was."""
    new = []
    for row in own_allele_rows(flagged, alphas, delta):
        rows[row.level, row.stratum] = row
        if row.outcome == CONTRADICTED:
            text = (
                f"{row.errors} of {row.n} own alleles miss REF, at least {row.low:.1%} where at most "
                f"{row.alpha:.0%} is promised"
            )
            new.append(Withdrawal(row.level, row.stratum, Why.OWN_ALLELES.value, text))
    return new


def _contradicted_levels(
    flagged: OwnAlleles,
    alphas: dict[str, float],
    delta: float,
    rows: dict[str, PopulationRow],
) -> list[Withdrawal]:
    """What the population check withdraws. rows: filled in by level, as above."""
    new = []
    for row in population_rows(flagged, alphas, delta):
        if row.level in rows and rows[row.level].outcome == CONTRADICTED:
            continue
        rows[row.level] = row
        if row.outcome == CONTRADICTED:
            text = (
                f"at {row.alt_common_errors} of {row.alt_common} alleles whose ALT is common the "
                f"model prefers the rare REF, at least {row.low:.1%} where at most {row.alpha:.0%} "
                "is promised"
            )
            # where a level remembers the file, a stricter one with too few alleles to test does too
            new += [
                Withdrawal(level, "", Why.REF_BIAS.value, text)
                for level in alphas
                if level == row.level
                or Rank[level] > Rank[row.level]
                and not (level in rows and rows[level].outcome == CONTRADICTED)
            ]
    return new


def _lowered(
    calibration: RunCalibration,
    alphas: dict[str, float],
    own_rows: dict[tuple[str, str], OwnAlleleRow],
    population: dict[str, PopulationRow],
) -> RunCalibration:
    """The calibration in which alleles of HIGH that miss what MEDIUM promises too are LOW."""
    alpha = alphas[Rank.MEDIUM.name]
    withdrawals = []
    for one in calibration.withdrawals:
        row: OwnAlleleRow | PopulationRow | None = None
        if one.level == Rank.HIGH.name and one.reason == Why.OWN_ALLELES:
            row = own_rows.get((one.level, one.stratum))
        elif one.level == Rank.HIGH.name and one.reason == Why.REF_BIAS:
            row = population.get(one.level)
        if row is not None and row.outcome == CONTRADICTED and row.low > alpha and not one.is_low:
            text = f"{one.text}; MEDIUM promises at most {alpha:.0%}, so that its alleles are LOW"
            one = replace(one, is_low=True, text=text)
        withdrawals.append(one)
    return replace(calibration, withdrawals=tuple(withdrawals))


def _with(calibration: RunCalibration, new: list[Withdrawal]) -> RunCalibration:
    return replace(calibration, withdrawals=(*calibration.withdrawals, *new))
