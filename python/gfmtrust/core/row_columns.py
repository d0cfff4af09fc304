"""Columns that identify the row of a table, columns of verdicts, and columns of facts about a
region.

They are not measures of an allele or a site. Measures are in `columns`, which joins all columns.
"""

from __future__ import annotations

from gfmtrust.core.column import At, Column, Shown

ROW_COLUMNS: tuple[Column, ...] = (
    Column("contig", "Contig, as the input spells it", "site", dtype="string"),
    Column(
        "contig_index", "Number of the contig in the FASTA, -1 where absent", "site", dtype="int32"
    ),
    Column("pos", "0-based position", "site", dtype="int64"),
    Column("ref", "REF; letters in upper case", "allele", dtype="string"),
    Column(
        "alt",
        "ALT; letters in upper case, a symbolic allele or a breakend as it is written",
        "allele",
        dtype="string",
    ),
    Column("alts", "ALTs of the record, joined by commas", "allele", dtype="string"),
    Column(
        "var_pos",
        "0-based position of the allele trimmed and shifted left; -1 for a plain SNV or where nothing was scored",
        "allele",
        dtype="int64",
    ),
    Column("var_ref", "REF of the trimmed allele, may be empty", "allele", dtype="string"),
    Column("var_alt", "ALT of the trimmed allele, may be empty", "allele", dtype="string"),
    Column(
        "regions",
        "Names of the BED files of --regions that contain a base of REF, joined by commas; scored or not",
        "allele",
        dtype="string",
    ),
    Column("left", "Code of the base left of the site", "site", dtype="uint8"),
    Column("right", "Code of the base right of the site", "site", dtype="uint8"),
    Column(
        "copy_bases",
        "Letters at the homologous places of the near copies: sum of 1 A, 2 C, 4 G, 8 T",
        "site",
        dtype="uint8",
        over_sites="first",
    ),
    Column(
        "diverged_base",
        "Code of the letter of the nearest near copy that differs from the base, -1 where none does",
        "site",
        dtype="int8",
        over_sites="first",
    ),
    Column(
        "af",
        "Frequency of ALT: of --population_vcf, else of the INFO key --af_key, else AC / AN, else counted from the genotypes; NaN where unknown",
        "allele",
        bounds=(0.0, 1.0),
    ),
    Column(
        "an",
        "Called alleles that af was counted over; 0 where af is stated or unknown",
        "allele",
        dtype="int32",
    ),
    Column("base", "The base of the genome", "base", dtype="string"),
    Column(
        "use",
        "Sum of 1 variant, 2 probe, 4 region base, 8 further probe of a held-out contig",
        "site",
        dtype="uint8",
    ),
    Column(
        "block",
        "Block of the genome, which decides on the half of the probes",
        "site",
        dtype="int32",
    ),
    Column("kind", "Class of the variant", "allele", dtype="string"),
    Column(
        "variant", "Number of the variant: its row in variants.parquet", "allele", dtype="int64"
    ),
    Column("start", "0-based first base of the variant", "allele", dtype="int64"),
    Column(
        "run_oriented",
        "Whether the real base is on the REF side of the run's alleles",
        "allele",
        dtype="bool",
    ),
    Column("real", "Code of the base of the genome", "allele", dtype="int8"),
    Column("decoy", "Code of the other base", "allele", dtype="int8"),
    Column("pad_share", "Share of the window beyond the end of the contig", "site"),
    Column("off_alphabet", "Probability outside A C G T", "site"),
    Column(
        "variant_status",
        "Why the haplotypes of the variant could not be scored, or empty",
        "allele",
        dtype="string",
    ),
)

VERDICTS: tuple[Column, ...] = (
    Column(
        "status",
        "SCORED or the reason why the allele was not scored",
        "allele",
        dtype="string",
        over_bases="",
        vcf="GFM_STATUS",
        bases=At(1),
        bed=At(205),
    ),
    Column(
        "rank",
        "Confidence flag as a number: 3 HIGH, 2 MEDIUM, 1 LOW, 0 not scored",
        "allele",
        dtype="uint8",
        over_bases="",
        vcf="GFM_RANK",
        sites=True,
        bases=At(200),
        bed=At(203),
    ),
    Column(
        "conf",
        "Confidence flag HIGH, MEDIUM or LOW: the model recognises this sequence; not effect, not pathogenicity; research use only",
        "allele",
        dtype="string",
        over_bases="",
        vcf="GFM_CONF",
        sites=True,
        bed=At(204, "flag"),
    ),
    Column(
        "why",
        "Reasons that kept the flag down, worst first, joined by &; ALT_PREFERRED is a remark",
        "allele",
        dtype="string",
        over_bases="",
        vcf="GFM_WHY",
        sites=True,
        bed=At(206),
    ),
    Column(
        "basis",
        "What the level was certified on: DECOY, that the model recognises the sequence; "
        "LABELS or LABELS(locus), that its calls agree with labels",
        "allele",
        dtype="string",
        over_bases="",
        vcf="GFM_BASIS",
        sites=True,
    ),
    Column(
        "wrong", "Whether the decoy was preferred, or neither", "base", dtype="bool", bases=At(201)
    ),
)
"""The verdicts on an allele, a base or a region."""

REGION_COLUMNS: tuple[Column, ...] = (
    Column(
        "length_bp", "End minus start", "region", dtype="int64", unit="bp", over_bases="", bed=At(1)
    ),
    Column(
        "scored_bases",
        "Bases with an answer of the models",
        "region",
        dtype="int64",
        unit="bp",
        over_bases="",
        bed=At(2),
    ),
    Column("scored_share", "scored_bases / length_bp", "region", over_bases="", bed=At(3)),
    Column(
        "entropy_p25",
        "Lower quartile of the entropy, bits",
        "region",
        unit="bits",
        bounds=(0.0, 2.0),
        over_bases="function",
        bed=At(11),
    ),
    Column(
        "entropy_p50",
        "Median of the entropy, bits",
        "region",
        unit="bits",
        bounds=(0.0, 2.0),
        over_bases="function",
        bed=At(12),
    ),
    Column(
        "entropy_p75",
        "Upper quartile of the entropy, bits",
        "region",
        unit="bits",
        bounds=(0.0, 2.0),
        over_bases="function",
        bed=At(13),
    ),
    Column(
        "near_uniform_share",
        "Share of the scored bases with an entropy of at least 1.95 bits",
        "region",
        bounds=(0.0, 1.0),
        over_bases="function",
        bed=At(14),
        report=Shown("near-uniform bases", ".1%"),
    ),
    Column(
        "nll",
        "Sum of -ln p over the bases of the genome, nats; no code length, because both sides of a base are read",
        "region",
        unit="nats",
        bounds=(0.0, None),
        over_bases="function",
        bed=At(19),
    ),
    Column(
        "certified_share",
        "Share of the scored bases that are MEDIUM or HIGH themselves",
        "region",
        bounds=(0.0, 1.0),
        over_bases="function",
        bed=At(21),
    ),
    Column(
        "high_share",
        "Share of the scored bases that are HIGH themselves",
        "region",
        bounds=(0.0, 1.0),
        over_bases="function",
        bed=At(22),
    ),
    Column(
        "decoy_errors",
        "Scored bases at which the model preferred a decoy (one decoy per base, drawn from the place and the seed);"
        " missing where the scores are on a scale of their own",
        "region",
        dtype="int64",
        over_bases="",
        bed=At(201),
    ),
    Column(
        "decoy_error_bound",
        "One-sided upper bound of the region's own decoy error, confidence 1 - delta, one base in ten counted as independent",
        "region",
        bounds=(0.0, 1.0),
        over_bases="",
        bed=At(202),
    ),
)
