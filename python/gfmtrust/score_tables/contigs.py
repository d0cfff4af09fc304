"""Which contig of a table each contig of the genome is."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from gfmtrust.inputs.contig_names import MITOCHONDRIA, ContigRule, match, renames


def names_in_table(
    contigs: dict[str, int],
    in_table: Collection[str],
    contig_map: str | Path | ContigRule,
    lengths: dict[str, int] | None = None,
) -> dict[str, str]:
    """Name in the table of each contig of the genome that the table has.

    contigs: name -> length of the genome; lengths: those that the table declares. The published
    tables leave out the prefix chr, so a name with another prefix is taken for the same contig
    whatever `--contig_map` says: the rows hold the REF, and a table of another assembly is refused
    by it. The mitochondrion, of which there are two in human references, needs `--contig_map`.
    Where two names in the table mean one contig, a line of `--contig_map` comes first, and an equal
    name second.
    """
    is_rule = isinstance(contig_map, ContigRule)
    rule = contig_map if is_rule else ContigRule.of(contig_map, contigs)
    stated = rule.given if rule.mode == "file" else {}
    matched: dict[str, str] = {}
    for name in sorted(in_table, key=lambda name: (name not in stated, name not in contigs)):
        genome_name = match(name, (lengths or {}).get(name), rule, contigs)
        if genome_name is None and rule.mode != "file" and name not in MITOCHONDRIA:
            genome_name = next(iter(renames(name, contigs)), None)
        if genome_name is not None:
            matched.setdefault(genome_name, name)
    return matched
