"""The background of a run, which GFM_PCT ranks its SNVs among: its probes, or the SNVs of a VCF that
the run scored too; and the file that keeps it."""

from __future__ import annotations

import logging
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa

from gfmtrust.calibration.background_classes import COPY_CLASS, background_class_keys
from gfmtrust.calibration.ensemble import SiteBlock
from gfmtrust.calibration.percentile import (
    MIN_ALLELES,
    Alleles,
    Background,
    ClassCounts,
    Uniformity,
    among,
    fit_background,
    percent,
    uniformity,
)
from gfmtrust.core.alphabet import encode
from gfmtrust.core.contracts.base import Contract, entry
from gfmtrust.core.contracts.plan import Plan
from gfmtrust.core.errors import BadDataError, ConfigurationError, GfmtrustError, message
from gfmtrust.core.measures import llr, view_llr
from gfmtrust.inputs import snvs
from gfmtrust.inputs.sites import place_key
from gfmtrust.io import tables
from gfmtrust.io.vcf import reader as vcf_reader

log = logging.getLogger(__name__)

FILE = "background.parquet"
PROBES = "probes"
LETTERS = ("left", "right")
"""The columns of a shard with the letters beside the site."""
FEW_ALLELES = 4_000
"""Alleles of a background VCF below which the log warns: as few as the probes of a run. Many
classes then merge or have no percentile."""
SCHEMA = pa.schema(
    [
        ("class", pa.int32()),
        ("llr", pa.float64()),
        ("place", pa.int64()),
        ("substitution", pa.int8()),
    ]
)


@dataclass(frozen=True)
class BackgroundFacts(Contract):
    """What background.parquet says of itself; its rows are the LLRs of each class, ascending."""

    NAME: ClassVar[str] = f"{FILE} (table metadata)"
    WRITER: ClassVar[str] = "CALIBRATE"
    ERROR: ClassVar[type[GfmtrustError]] = ConfigurationError

    source: str = entry(f"'{PROBES}', or the name of the background VCF")
    given: int = entry("distinct SNVs of that source")
    edges: tuple[float, float] = entry("GC shares that cut the background into thirds")
    copies: tuple[str, ...] = entry("the copy classes that it has")
    classes: tuple[ClassCounts, ...] = entry("its classes")
    left_out: int = entry("SNVs without an LLR")
    unclassed: int = entry("SNVs in no class that has enough of them")
    uniformity: tuple[Uniformity, ...] = entry(
        "percentiles of half of the blocks in a background of the other half, by class; empty with "
        "too few blocks or alleles"
    )

    @property
    def text(self) -> str:
        """The background in words, for logs and headers."""
        n_alleles = sum(one.alleles for one in self.classes)
        words = [
            f"{n_alleles:,} SNVs of {self.source} in {len(self.classes)} classes",
            f"{self.unclassed:,} in classes of fewer than {MIN_ALLELES}",
        ]
        if self.uniformity:
            worst = min(self.uniformity, key=lambda one: one.p)
            words.append(
                f"uniform on other blocks: smallest p of {len(self.uniformity)} classes "
                f"{worst.p:.2g} (KS distance {worst.distance:.3f})"
            )
        else:
            words.append("uniform on other blocks: not tested")
        return "; ".join(words)


class RunBackground:
    """Gathers the LLRs of the background from the run's shards as they are read.

    vcf: a VCF whose SNVs are the background; None for the probes. Raises BadDataError (65) where
    the run scored none of its SNVs.
    """

    def __init__(self, plan_dir: Path, vcf: Path | None = None):
        self._block_bp = Plan.read(plan_dir / Plan.NAME).block_bp
        self._source = PROBES if vcf is None else vcf.name
        place, code = (
            _probes(plan_dir) if vcf is None else _run_alleles(plan_dir / "alleles.parquet", vcf)
        )
        self._place, self._ref, self._alt = place, code // 4, code % 4
        self._parts: list[Alleles] = []

    def add(self, block: SiteBlock) -> None:
        """Take the background alleles that stand at the sites of a shard."""
        site = place_key(block.site["contig_index"], block.site["pos"])
        if not len(site):
            return
        # both are sorted: only the alleles between the first and the last site may be among them
        first, last = np.searchsorted(self._place, [site[0], site[-1] + 1])
        rows = np.searchsorted(site, self._place[first:last])
        is_here = site[rows] == self._place[first:last]
        here, rows = first + np.flatnonzero(is_here), rows[is_here]
        ref, alt = self._ref[here], self._alt[here]
        values = llr(view_llr(block.probs[rows], ref, alt), block.weights[rows])
        self._parts.append(alleles_at(block, rows, ref, alt, values))

    def write(self, out_dir: Path, seed: int) -> BackgroundFacts:
        """Fit the background and write background.parquet below `out_dir`."""
        alleles = joined(self._parts)
        background = fit_background(alleles, seed)
        # one block number a block of the plan, the same for probes and alleles
        block = np.unique(
            place_key(alleles.place >> 40, (alleles.place & (1 << 40) - 1) // self._block_bp),
            return_inverse=True,
        )[1]
        facts = BackgroundFacts(
            self._source,
            len(self._place),
            background.edges,
            background.copies,
            background.classes,
            background.left_out,
            background.unclassed,
            uniformity(alleles, block, seed),
        )
        write_background(out_dir / FILE, background, facts)
        log.info("GFM_PCT: %s", facts.text)
        return facts


def alleles_at(
    block: SiteBlock, rows: np.ndarray, ref: np.ndarray, alt: np.ndarray, values: np.ndarray
) -> Alleles:
    """SNVs at rows (n,) of a block. ref, alt: codes (n,); values: their LLRs, nats (n,)."""
    site = block.site.iloc[rows]
    left, right = (site[name].to_numpy(np.int64) for name in LETTERS)
    return Alleles(
        background_class_keys(site[["gc", COPY_CLASS]], ref, alt, left, right),
        place_key(site["contig_index"], site["pos"]),
        ref,
        alt,
        np.asarray(values, dtype=np.float64),
    )


def percent_at(
    background: Background | None,
    block: SiteBlock,
    rows: np.ndarray,
    codes: tuple[np.ndarray, np.ndarray],
    values: np.ndarray,
) -> np.ndarray:
    """GFM_PCT of SNVs at rows (n,) of a block, float32 (n,); NaN without a background. codes: of REF
    and ALT; values: their LLRs, nats (n,)."""
    if background is None or not background.classes:
        return np.full(len(rows), np.nan, np.float32)
    return percent(background, alleles_at(block, rows, *codes, values))


def joined(parts: list[Alleles]) -> Alleles:
    """The alleles of all parts in one; none where there is no part."""
    if not parts:
        nothing = np.empty(0, np.int64)
        frame = tables.SHARD.empty_table().to_pandas()
        keys = background_class_keys(frame[["gc", COPY_CLASS]], nothing, nothing, nothing, nothing)
        return Alleles(keys, nothing, nothing, nothing, np.empty(0))
    names = parts[0].parts.__dataclass_fields__
    keys = type(parts[0].parts)(
        *(np.concatenate([getattr(one.parts, name) for one in parts]) for name in names)
    )
    return Alleles(
        keys,
        *(
            np.concatenate([getattr(one, name) for one in parts])
            for name in ("place", "ref", "alt", "llr")
        ),
    )


def write_background(path: Path, background: Background, facts: BackgroundFacts) -> None:
    """Write the values of a background with its facts; the same background gives the same bytes."""
    number = np.repeat(np.arange(len(background.classes)), np.diff(background.first))
    columns = {
        "class": number.astype(np.int32),
        "llr": background.llr,
        "place": background.place,
        "substitution": background.substitution_code.astype(np.int8),
    }
    tables.write(path, columns, SCHEMA, facts.to_dict())


def read_background(path: Path) -> Background:
    """The background that `write_background` wrote.

    Raises MissingInputError (66) where there is no such file, ConfigurationError (78) where it is of
    another version or its rows do not fit its facts.
    """
    facts = BackgroundFacts.read(path)
    table = tables.read(path)
    sizes = [one.values for one in facts.classes]
    if table.schema.names != SCHEMA.names or table.num_rows != sum(sizes):
        raise ConfigurationError(
            message(
                path.name,
                f"{table.num_rows} rows",
                f"{sum(sizes)} rows of {', '.join(SCHEMA.names)}",
                f"run {BackgroundFacts.WRITER} again",
            )
        )
    rows = {name: table[name].to_numpy() for name in SCHEMA.names}
    first = np.cumsum([0, *sizes])
    return Background(
        facts.edges,
        facts.copies,
        facts.classes,
        first,
        rows["llr"],
        rows["place"],
        rows["substitution"].astype(np.int64),
        facts.left_out,
        facts.unclassed,
    )


def _probes(plan_dir: Path) -> tuple[np.ndarray, np.ndarray]:
    """Place and substitution code of the distinct probes: REF is the real base, ALT the decoy."""
    probes = tables.read(plan_dir / "probes.parquet").to_pandas()
    code = probes["real"].to_numpy(np.int64) * 4 + probes["decoy"].to_numpy(np.int64)
    return _distinct(place_key(probes["contig_index"], probes["pos"]), code)


def _run_alleles(alleles: Path, vcf: Path) -> tuple[np.ndarray, np.ndarray]:
    """Place in the genome and substitution code of the SNVs of a VCF that are scored alleles of the
    run, as the input files spell them."""
    contigs, place, code = _snvs(vcf)
    parts = [(np.empty(0, np.int64), np.empty(0, np.int64))]
    for batch in tables.batches(alleles, ["contig", "contig_index", *snvs.COLUMNS]):
        for written in (snvs.plain_snvs(batch), snvs.padded_snvs(batch)):
            frame = written.to_pandas()
            number = frame["contig"].map(contigs).fillna(-1).to_numpy(np.int64)
            ref, alt = (encode("".join(frame[name])).astype(np.int64) for name in ("ref", "alt"))
            snv_code, snv_place = ref * 4 + alt, place_key(number, frame["pos"])
            rows = (number >= 0) & among(snv_place, snv_code, place, code)
            parts.append((place_key(frame["contig_index"], frame["pos"])[rows], snv_code[rows]))
    matched = _distinct(*(np.concatenate(some) for some in zip(*parts, strict=True)))
    if not len(matched[0]):
        raise BadDataError(
            message(
                vcf.name,
                f"none of its {len(place):,} SNVs is among the run's scored alleles",
                "alleles of the run",
                "list it in the samplesheet too",
            )
        )
    speak = log.warning if len(matched[0]) < min(len(place), FEW_ALLELES) else log.info
    speak(
        "%s: %s of its %s SNVs are among the run's scored alleles; the others are no background",
        vcf.name,
        f"{len(matched[0]):,}",
        f"{len(place):,}",
    )
    return matched


def _snvs(vcf: Path) -> tuple[dict[str, int], np.ndarray, np.ndarray]:
    """The distinct SNVs of a VCF: number of each contig name, and `place_key` by it and substitution
    code, sorted, int64 (n,)."""
    contigs: dict[str, int] = {}
    letters = {letter: number for number, letter in enumerate("ACGT")}
    places, codes = array("q"), array("b")
    for record in vcf_reader.read_records(vcf):
        number = contigs.setdefault(record.contig, len(contigs))
        for text in record.alts:
            place = snvs.place_within(record.ref, text)
            if place is None or record.pos < 0:
                continue
            ref, alt = (letters.get(allele[place].upper(), -1) for allele in (record.ref, text))
            if min(ref, alt) >= 0:
                places.append(number << 40 | (record.pos + place))
                codes.append(ref * 4 + alt)
    return contigs, *_distinct(np.array(places, np.int64), np.array(codes, np.int64))


def _distinct(place: np.ndarray, code: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each (place, code) once, sorted."""
    order = np.lexsort((code, place))
    place, code = place[order], code[order]
    first = np.ones(len(order), dtype=bool)
    first[1:] = (np.diff(place) != 0) | (np.diff(code) != 0)
    return place[first], code[first]
