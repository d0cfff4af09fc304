"""Which contig of the genome an input's contig name means: the same name, a given map, or a chr
prefix added or taken.

Pure functions of names and lengths; chrM of hg19 (16,571 bases) is not the rCRS (16,569), so
lengths decide where a file gives them.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from gfmtrust.core.errors import BadDataError, message
from gfmtrust.core.warning_counts import shown
from gfmtrust.io import text_lines

MITOCHONDRIA = ("M", "MT", "chrM", "chrMT")
NAMES_SHOWN = 5


@dataclass(frozen=True)
class ContigRule:
    """How names are matched. mode: 'none' (equal names only), 'auto' (chr prefix and MT too) or
    'file' (`given`, input to genome, and equal names that it does not list). With 'auto', `given`
    has the names that the VCFs of the run settled by the lengths in their headers; a BED declares
    none, and an equal name comes first."""

    mode: str = "none"
    given: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, option: str | Path, contigs: dict[str, int]) -> ContigRule:
        """The rule of `--contig_map`: none, auto, or a file with a line 'input name TAB genome
        name' per contig.

        Raises BadDataError (65) for a line that is not so, a name given twice, and a genome name
        that is not in `contigs`.
        """
        if str(option) in ("none", "auto"):
            return cls(str(option))
        path = Path(option)
        given: dict[str, str] = {}
        for line_no, line in enumerate(text_lines.read_lines(path, 1 << 16), start=1):
            names = line.decode("utf-8", "backslashreplace").rstrip("\r\n").split("\t")
            if len(names) != 2 or not all(names) or names[0] in given:
                observed = f"line {line_no} is '{shown(line.strip())}'"
                raise BadDataError(
                    message(path.name, observed, "input name, tab, genome name, each once")
                )
            if names[1] not in contigs:
                raise BadDataError(
                    message(
                        path.name,
                        f"line {line_no}: {shown(names[1])} is not in the FASTA",
                        listed(contigs),
                    )
                )
            given[names[0]] = names[1]
        return cls("file", given)


def match(name: str, length: int | None, rule: ContigRule, contigs: dict[str, int]) -> str | None:
    """The genome's name of an input's contig, None where it has none.

    length: bases as the input's header declares them, None where it does not; then 'auto' renames
    by the chr prefix alone and leaves mitochondria, of which there are two, unmatched. contigs:
    name -> length of the genome.
    """
    is_stated = rule.mode == "file" and name in rule.given
    if name in contigs and not is_stated:
        return name
    if name in rule.given:
        return rule.given[name]
    if rule.mode == "auto":
        fitting = [
            other for other in renames(name, contigs) if _same_length(name, length, contigs[other])
        ]
        return fitting[0] if fitting else None
    return None


def renames(name: str, contigs: dict[str, int]) -> list[str]:
    """Names of the genome that differ from `name` by a chr prefix or by the ways to write the
    mitochondrion."""
    others = [name.removeprefix("chr") if name.startswith("chr") else f"chr{name}"]
    if name in MITOCHONDRIA:
        others += [other for other in MITOCHONDRIA if other not in (name, others[0])]
    return [other for other in others if other in contigs]


def _same_length(name: str, length: int | None, genome_length: int) -> bool:
    if length is None:
        return name not in MITOCHONDRIA
    return length == genome_length


def refusal(
    place: str, used: dict[str, str | None], rule: ContigRule, contigs: dict[str, int], fasta: str
) -> BadDataError | None:
    """The error where no contig of a file matches, or where a rename that was not asked for would
    match more; else None.

    used: contig of the file -> its match. A file without records has no contigs and nothing against
    it.
    """
    absent = [name for name, match in used.items() if match is None]
    matchable = [name for name in absent if renames(name, contigs)]
    if not absent or (len(absent) < len(used) and (rule.mode == "auto" or not matchable)):
        return None
    blamed = matchable or absent
    if rule.mode == "auto":
        remedy = (
            "lengths differ or are not declared; give --contig_map FILE"
            if matchable
            else "is this the right FASTA?"
        )
    else:
        remedy = "give --contig_map auto" if matchable else "is this the right FASTA?"
    observed = f"contigs {listed(blamed)} are not in {fasta}"
    return BadDataError(
        message(
            place, observed, f"the FASTA's {listed(contigs)}", f"{remedy} (or --allow_mismatch)"
        )
    )


def listed(names: Collection[str]) -> str:
    """The first names, with an ellipsis where there are more."""
    some = [shown(name) for name, _ in zip(names, range(NAMES_SHOWN), strict=False)]
    return ", ".join(some) + (", ..." if len(names) > NAMES_SHOWN else "")
