"""READ_LABELS: converts a labelled VCF to one label per allele, 1 = has an effect, 0 = has none, in
the normalised form that scores use.

A label is read from an INFO key: words that each have a meaning (ClinVar's CLNSIG), or a number
that is compared with a cut-off (a measured effect). Every allele without a label is counted by
reason. Other packages compare the labels with a model.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from gfmtrust.core.alphabet import encode
from gfmtrust.core.errors import BadDataError, UsageError, message
from gfmtrust.core.vocabulary import Status
from gfmtrust.core.warning_counts import shown
from gfmtrust.inputs import declared_contigs
from gfmtrust.inputs.alleles import classify
from gfmtrust.inputs.contig_names import ContigRule, match
from gfmtrust.inputs.sites import surroundings
from gfmtrust.inputs.variants import normalised
from gfmtrust.io import tables
from gfmtrust.io.genome import Genome
from gfmtrust.io.vcf import reader as vcf_reader
from gfmtrust.io.vcf.header import Header

log = logging.getLogger(__name__)

CLNSIG = "CLNSIG"
CLNSIG_VALUES = "Pathogenic|Likely_pathogenic=1,Benign|Likely_benign=0"
JOINTS = re.compile(r"[/,|&]")
"""Characters that join several words in one value: Benign/Likely_benign, Pathogenic|risk_factor."""
KEY = ["contig_index", "pos", "ref", "alt"]
"""The columns of a normalised allele: the normalised variant, or the SNV as written."""
LABELS = pa.schema(
    [
        ("contig_index", pa.int32()),
        ("pos", pa.int64()),
        ("ref", pa.string()),
        ("alt", pa.string()),
        ("label", pa.int8()),
        ("cpg", pa.bool_()),
    ]
)
WORDS_SHOWN = 8
NO_KEY, UNKNOWN, REPEATED, CONFLICTING, NO_CHANGE = (
    "no_key",
    "unknown_value",
    "repeated",
    "conflicting",
    "ref_is_alt",
)


@dataclass(frozen=True)
class Rule:
    """How a value of one INFO key becomes a label: words -> 0 or 1, or 1 where |number| is at least
    `cut`."""

    key: str
    words: dict[str, int] = field(default_factory=dict)
    cut: float | None = None

    @property
    def by_size(self) -> bool:
        """Whether the label depends on the size of an effect, in either direction."""
        return self.cut is not None

    def label(self, text: str) -> int | None:
        """The label of a value, None where it has none. Words joined by / , | or & have a label
        where all have the same one."""
        if self.cut is not None:
            try:
                size = abs(float(text))
            except ValueError:
                return None
            return int(size >= self.cut) if np.isfinite(size) else None
        if text in self.words:
            return self.words[text]
        matching_labels = {self.words.get(word) for word in JOINTS.split(text)}
        return matching_labels.pop() if len(matching_labels) == 1 else None


def rule_of(key: str, values: str | None, cut: float | None) -> Rule:
    """The rule of --label_key, --label_values and --label_cut; CLNSIG has a built-in map.

    values: 'word|word=1,word=0'. Raises UsageError (64) for both or neither of map and cut, a pair
    that is none, a word given twice, a map without both labels, or a cut that is not above 0.
    """
    if cut is not None:
        if values is not None:
            raise UsageError(
                message(
                    "--label_values", "given with --label_cut", "one of the two: words or a number"
                )
            )
        if not 0 < cut < np.inf:
            raise UsageError(message("--label_cut", f"{cut}", "a number above 0"))
        return Rule(key, cut=float(cut))
    if values is None:
        if key != CLNSIG:
            raise UsageError(
                message(
                    f"--label_key {key}",
                    "neither --label_values nor --label_cut",
                    "one of the two: words or a number",
                )
            )
        values = CLNSIG_VALUES
    words: dict[str, int] = {}
    for pair in values.split(","):
        left, _, label = pair.rpartition("=")
        for word in left.split("|"):
            if label not in ("0", "1") or not word or word in words:
                raise UsageError(
                    message(
                        "--label_values",
                        f"'{shown(pair)}'",
                        "word|word=1,word|word=0, each word once",
                    )
                )
            words[word] = int(label)
    if len(set(words.values())) < 2:
        raise UsageError(
            message(
                "--label_values", f"'{shown(values)}' has one label", "words for 1 and words for 0"
            )
        )
    return Rule(key, words)


def read_labels(path: Path, rule: Rule, genome, out: Path, contig_map: str | Path = "none") -> dict:
    """Write the labels of a VCF as a table of LABELS, sorted by KEY, one row per allele; return its
    metadata.

    Metadata: name, key, by_size, cut, labels {'0': n, '1': n}, counts {reason: alleles}, words
    {unknown value: alleles}. An allele repeated with the same label counts once, with another label
    not at all. Raises BadDataError (65) where no record has the key, or what is left has one label
    alone.
    """
    path = Path(path)
    counts, words = Counter(), Counter()
    read = stated(path, rule, genome, contig_map, counts, words)
    if not counts["alleles"] - counts[NO_KEY]:
        raise BadDataError(
            message(
                path.name, f"no record has INFO/{rule.key}", "a labelled VCF", "see --label_key"
            )
        )
    kept = _one_each(fitting(read, genome, counts), counts)
    of_each = {str(label): int((kept["label"] == label).sum()) for label in (0, 1)}
    metadata = {
        "name": path.name,
        "key": rule.key,
        "by_size": rule.by_size,
        "cut": rule.cut,
        "labels": of_each,
        "counts": dict(sorted(counts.items())),
        "words": dict(words.most_common(WORDS_SHOWN)),
    }
    for line in count_lines(metadata):
        log.info("%s", line)
    check_both(
        path.name, kept["label"].to_numpy(), "labelled alleles that fit the genome", rule.by_size
    )
    around = surroundings(
        genome, kept["contig_index"].to_numpy(np.int64), kept["pos"].to_numpy(np.int64)
    )
    c, g = encode("CG")
    kept["cpg"] = ((around.base == c) & (around.right == g)) | (
        (around.base == g) & (around.left == c)
    )
    tables.write(out, {name: kept[name].to_numpy() for name in LABELS.names}, LABELS, metadata)
    return metadata


def stated(
    path: Path, rule: Rule, genome, contig_map: str | Path, counts: Counter, words: Counter
) -> pd.DataFrame:
    """The alleles with a label, as written in the VCF: KEY and label."""
    header, records = vcf_reader.read(path)
    index = {name: place for place, name in enumerate(genome.names)}
    naming, lengths = ContigRule.of(contig_map, genome.contigs), header.contig_lengths()
    per_allele = header.has_value_per_alt(rule.key)
    places: dict[str, int] = {}
    matches: dict[str, str | None] = {}
    rows = []
    for record in records:
        counts["alleles"] += len(record.alts)
        text = info_value(record.info, rule.key)
        if text in (None, "", "."):
            counts[NO_KEY] += len(record.alts)
            continue
        if record.contig not in places:
            matches[record.contig] = match(
                record.contig, lengths.get(record.contig), naming, genome.contigs
            )
            places[record.contig] = index.get(matches[record.contig], -1)
        values = text.split(",") if per_allele else [text] * len(record.alts)
        for alt, value in zip(
            record.alts,
            values if len(values) == len(record.alts) else [text] * len(record.alts),
            strict=True,
        ):
            label = rule.label(value)
            if label is None:
                counts[UNKNOWN] += 1
                words[shown(value)] += 1
            else:
                rows.append(
                    (places[record.contig], record.pos, record.ref.upper(), alt.upper(), label)
                )
    _compare_declared(path, header, matches, genome)
    return pd.DataFrame(rows, columns=[*KEY, "label"])


def _compare_declared(
    path: Path, header: Header, matches: dict[str, str | None], genome: Genome
) -> None:
    """Warn of contigs that the header declares unlike the genome's. Raises BadDataError (65) for
    another mitochondrion."""
    declared = declared_contigs.differences(
        header, matches, genome.contigs, genome.md5s, genome.name
    )
    remedy = "use the labels of the FASTA's assembly"
    if refused := declared_contigs.other_mitochondrion(path.name, declared, remedy):
        raise refused
    for text in declared.values():
        log.info("warning: %s: %s", path.name, text)


def info_value(info: bytes, key: str) -> str | None:
    """The value of a key of column 8, '' for a flag, None where it is absent."""
    for pair in info.split(b";"):
        name, _, value = pair.partition(b"=")
        if name == key.encode():
            return value.decode("utf-8", "backslashreplace")
    return None


def fitting(read: pd.DataFrame, genome, counts: Counter) -> pd.DataFrame:
    """The alleles that match the genome, normalised; the others are counted by status."""
    status = classify(read, genome)
    counts.update(str(one) for one in status if one != Status.SCORED)
    kept = read[status == Status.SCORED].reset_index(drop=True)
    same = (kept["ref"] == kept["alt"]).to_numpy()
    counts[NO_CHANGE] += int(same.sum())
    kept = kept[~same].reset_index(drop=True)
    spelled = {name: kept[name].to_numpy(object) for name in KEY}
    for row in np.flatnonzero((kept["ref"].str.len() + kept["alt"].str.len()).to_numpy() > 2):
        index, *place = (spelled[name][row] for name in KEY)
        variant = normalised(genome, genome.names[index], *place)
        spelled["pos"][row], spelled["ref"][row], spelled["alt"][row] = (
            variant.pos,
            variant.ref,
            variant.alt,
        )
    return kept.assign(pos=spelled["pos"].astype(np.int64), ref=spelled["ref"], alt=spelled["alt"])


def _one_each(rows: pd.DataFrame, counts: Counter) -> pd.DataFrame:
    """One row per allele, sorted; alleles with two labels are dropped."""
    grouped = rows.groupby(KEY, sort=True)["label"].agg(["min", "max", "size"]).reset_index()
    agreed = (grouped["min"] == grouped["max"]).to_numpy()
    counts[CONFLICTING] += int(grouped["size"][~agreed].sum())
    counts[REPEATED] += int((grouped["size"][agreed] - 1).sum())
    return grouped[agreed].rename(columns={"min": "label"})[[*KEY, "label"]].reset_index(drop=True)


def check_both(place: str, label: np.ndarray, what: str, by_size: bool) -> None:
    """Raises BadDataError (65) where one of the two labels does not occur."""
    label_counts = [f"{int((label == one).sum())} of label {one}" for one in (1, 0)]
    if not 0 < label.sum() < len(label):
        raise BadDataError(
            message(
                place,
                f"{what}: {' and '.join(label_counts)}",
                "both labels",
                f"see --label_{'cut' if by_size else 'values'}",
            )
        )


def count_lines(metadata: dict) -> list[str]:
    """The counts of the alleles of a labelled VCF as lines of text."""
    counts, labels = metadata["counts"], metadata["labels"]
    lines = [
        f"{metadata['name']}: {counts['alleles']:,} alleles, {labels['1']:,} with an effect, {labels['0']:,} without"
    ]
    lost = [f"{name} {count:,}" for name, count in counts.items() if count and name != "alleles"]
    if lost:
        lines.append(f"no label: {', '.join(lost)}")
    if metadata["words"]:
        lines.append(
            f"unknown values of {metadata['key']}: "
            + ", ".join(f"{word} {count:,}" for word, count in metadata["words"].items())
        )
    return lines


def matched(labels: Path, alleles: Path, columns: list[str]) -> tuple[pd.DataFrame, dict[str, int]]:
    """The labelled alleles among the scored ones of a table with tables.ALLELES columns: KEY,
    label, cpg and those asked for, by KEY.

    Also the number of labelled alleles that are not in the table (`not_in_run`) or were not scored,
    by status. An allele that the table contains in several representations is one row. Raises
    BadDataError (65) where the matched alleles have only one label.
    """
    labelled = tables.read(labels).to_pandas()
    parts = []
    for batch in tables.batches(alleles, list(dict.fromkeys([*tables.ALLELES.names, *columns]))):
        frame = batch.to_pandas()
        changed = (frame["var_pos"] >= 0).to_numpy()
        for name in ("pos", "ref", "alt"):
            frame[name] = np.where(changed, frame[f"var_{name}"], frame[name])
        parts.append(labelled.merge(frame[list(dict.fromkeys([*KEY, "status", *columns]))], on=KEY))
    matched = pd.concat(parts, ignore_index=True) if parts else labelled.iloc[:0].assign(status="")
    matched = matched.drop_duplicates(KEY).sort_values(KEY, kind="stable", ignore_index=True)
    scored = (matched["status"] == Status.SCORED).to_numpy()
    counts = {"not_in_run": len(labelled) - len(matched)} | {
        str(name): int(n) for name, n in matched["status"][~scored].value_counts().items()
    }
    kept = matched[scored].drop(columns="status").reset_index(drop=True)
    metadata = tables.read_metadata(labels)
    check_both(
        metadata["name"],
        kept["label"].to_numpy(),
        "labelled alleles that the run scored",
        metadata["by_size"],
    )
    return kept, counts
