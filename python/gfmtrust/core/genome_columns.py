"""Columns that say what the genome and the window hold at a site, whatever the models answer there:
letters, masks, copies and classes."""

from __future__ import annotations

from gfmtrust.core.column import At, Column

GENOME_COLUMNS: tuple[Column, ...] = (
    Column(
        "gc",
        "Share of G and C in the 201 bp round the site",
        "site",
        bounds=(0.0, 1.0),
        sites=True,
        predictor=At(10),
    ),
    Column(
        "n_share",
        "Share of the window's letters that are N",
        "site",
        bounds=(0.0, 1.0),
        sites=True,
        predictor=At(12),
    ),
    Column(
        "soft_masked",
        "Whether the FASTA has the base in lower case",
        "site",
        dtype="bool",
        over_sites="first",
        sites=True,
        predictor=At(11),
    ),
    Column(
        "near_edge",
        "Whether the window runs over an end of the contig",
        "site",
        dtype="bool",
        over_sites="any",
        sites=True,
        predictor=At(13),
    ),
    Column(
        "copies",
        "Other places of the genome with the same flanks (20 + 20 letters, at most 2 mismatches), up to 100; missing where unknown",
        "site",
        dtype="int16",
        bounds=(-1, 100),
        over_sites="first",
        vcf="GFM_COPIES",
        sites=True,
    ),
    Column(
        "copy_class",
        "single_copy, near_copy (copies is 1 or more) or repeat_family (soft-masked, or alike over 101 bp, without a near copy)",
        "site",
        dtype="string",
        over_sites="first",
        sites=True,
        decides=True,
    ),
    Column(
        "mutation_class",
        "cpg (either allele makes a CpG with its neighbours), transition or transversion; missing unless the allele is an SNV",
        "allele",
        dtype="string",
        over_sites="",
        sites=True,
        decides=True,
    ),
    Column(
        "paralog",
        "Whether ALT is the letter at the homologous place of a near copy",
        "allele",
        dtype="bool",
        over_sites="",
        decides=True,
    ),
    Column(
        "region_class",
        "First BED file that contains the site and enough of the run's SNVs to be a class, otherwise the copy class",
        "site",
        dtype="string",
        over_sites="first",
        sites=True,
        decides=True,
    ),
)
