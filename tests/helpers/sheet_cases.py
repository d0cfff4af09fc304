"""Cases for the reader of samplesheets: whole sheets, rows, and the rows of sarek's callers. Data
alone."""

import codecs

from gfmtrust.core.errors import BadDataError, UsageError

IDS_AS_CELLS = [
    "S1",
    "a",
    "1",
    "S_1.2-b",
    "x" * 64,
    "x" * 65,
    "x" * 128,
    "x" * 129,
    "",
    "-rf",
    ".hidden",
    "_x",
    "a b",
    "a;b",
    "a\nb",
    "$(id)",
    "a/b",
    "../a",
    "a\tb",
    "é",
    "a;touch${IFS}X;",
    "7",
    "1e5",
    "true",
    "null",
    "A\u00a0",
]
PATHS_AS_CELLS = [
    "a.vcf.gz",
    "/d/a.vcf",
    "d/a@b:c+d=e,f-g.vcf",
    "../a.vcf",
    "a/../b.vcf",
    "a/..",
    "..",
    "a..b.vcf",
    "-a.vcf",
    "a b.vcf",
    "$(id).vcf",
    "a;b",
    "",
    "s3://bucket/a.vcf.gz",
    "a'b.vcf",
    "a[1].vcf",
    "~/a.vcf",
    "./a.vcf",
    "a.vcf ",
    " a.vcf",
    "a\\.vcf",
    "a.vcf?",
    "a,b;c",
    "a`id`",
]
ROWS = [
    *({"sample": cell, "vcf": "a.vcf"} for cell in IDS_AS_CELLS),
    *({"sample": "A", "vcf": cell} for cell in PATHS_AS_CELLS),
    *(
        {"sample": "A", "vcf": "a.vcf", column: cell}
        for column in ("patient", "status", "variantcaller", "vcf_id")
        for cell in ("", "P1", "P 1", "1", "-1", "é", "x;y")
    ),
    *(
        {"sample": "A", "vcf": "a.vcf", "vcf_index": cell}
        for cell in ("", "a.tbi", "b.csi", "a.idx", "../a.tbi", "a.tbi.gz", "-a.tbi")
    ),
    {"sample": "A", "bam": "a.vcf"},
    {"vcf": "a.vcf"},
    {"sample": "A", "vcf": "a.vcf", "lane": "$(id)"},
]

PLAIN = "sample,vcf\nB,b.vcf\nA,a.vcf\n"
SHEETS = {
    # file name: (content, expected ids, words of the one warning, None where there is none)
    "plain.csv": (PLAIN, ["A", "B"], None),
    "crlf_bom.csv": ("\ufeffsample,vcf\r\nA,a.vcf\r\n\r\nB,b.vcf\r\n", ["A", "B"], None),
    "quoted.csv": ('"sample","vcf"\n"A","a.vcf"', ["A"], None),
    "tabs.tsv": ("sample\tvcf\nA\ta.vcf\n", ["A"], None),
    "UPPER.CSV": (PLAIN, ["A", "B"], None),
    "list.json": ('[{"sample": "A", "vcf": "a.vcf"}]', ["A"], None),
    "list.yaml": ("- {sample: A, vcf: a.vcf}\n- {sample: 007, vcf: b.vcf}\n", ["007", "A"], None),
    "sarek.csv": (
        "patient,sample,variantcaller,vcf\nP,A,freebayes,a.vcf\nP,A,mutect2,b.vcf\n",
        ["A.freebayes", "A.mutect2"],
        None,
    ),
    "vcf_id.csv": ("sample,vcf,vcf_id\nA,a.vcf,one\nA,b.vcf,two\n", ["A.one", "A.two"], None),
    "no_index.csv": ("sample,vcf,vcf_index\nA,a.vcf,\n", ["A"], None),
    "part_of_vcf_ids.csv": ("sample,vcf,vcf_id\nA,a.vcf,\nB,b.vcf,x\n", ["A", "B.x"], None),
    "utf16_le.csv": (codecs.BOM_UTF16_LE + PLAIN.encode("utf-16-le"), ["A", "B"], "UTF-16"),
    "utf16_be.csv": (codecs.BOM_UTF16_BE + PLAIN.encode("utf-16-be"), ["A", "B"], "UTF-16"),
    "semicolons.csv": ("sample;vcf\nA;a.vcf\n", ["A"], "separated by semicolons, not commas"),
    "tabs.csv": ("sample\tvcf\nA\ta,b.vcf\n", ["A"], "separated by tabs, not commas"),
    "commas.tsv": ("sample,vcf\nA,a.vcf\n", ["A"], "separated by commas, not tabs"),
    "declared.csv": ("sep=;\nsample;vcf\nA;a.vcf\n", ["A"], "separated by semicolons"),
    "mac.csv": ("sample,vcf\rA,a.vcf\rB,b.vcf", ["A", "B"], None),
    "one_trailing.csv": ("sample,vcf,\nS1,base.vcf,\n", ["S1"], "left out: 1"),
    "two_trailing.csv": ("sample,vcf,,\nS1,base.vcf,,\n,,,\n", ["S1"], "left out: 2"),
    "ragged_trailing.csv": (
        "sample,vcf,,\nS1,base.vcf\nS2,b.vcf,,,,\n",
        ["S1", "S2"],
        "left out: 2",
    ),
    "spaces.csv": ("sample , vcf\n A ,a.vcf\u00a0\n", ["A"], "row 2, column sample: outer spaces"),
    "unknown.csv": ("sample,vcf,lane\nA,a.vcf,$(id)\n", ["A"], "column lane is not used"),
    "twice.csv": (
        "sample,vcf\nA,a.vcf\nB,b.vcf\nC,a.vcf\nA,b.vcf\n",
        ["A.a", "A.b", "B", "C"],
        "rows 2 and 5: id A twice; by the file names row 2 is A.a and row 5 is A.b",
    ),
}

IDS = [
    # rows of sample,vcf,vcf_id, and their ids, sorted
    (["A,A.x.vcf,", "A,A.y.vcf.gz,"], ["A.x", "A.y"]),
    (["A,d/A.vcf,", "A,A.filtered.vcf.gz,"], ["A", "A.filtered"]),
    (["A,x/A_1.vcf,", "A,x/A-2.g.vcf.bgz,"], ["A.1", "A.2.g"]),
    (["A,b@c.vcf,", "A,b+d.VCF.GZ,"], ["A.b_c", "A.b_d"]),
    (["A,AB.vcf,", "A,AC.vcf,"], ["A.AB", "A.AC"]),
    (["A.b,base.vcf,", "A,base.vcf,b"], ["A.b", "A.b.base"]),
    (["A,s3://x/a.vcf,", "A,s3://x/b.vcf,"], ["A.a", "A.b"]),
]

PAIR = "T1_vs_N1"
CALLERS = [
    # caller, sample, file, id: as nf-core/sarek 3 names them
    ("bcftools", "N1", "N1.bcftools.vcf.gz", "N1.bcftools"),
    ("deepvariant", "N1", "N1.deepvariant.vcf.gz", "N1.deepvariant"),
    ("freebayes", "N1", "N1.freebayes.vcf.gz", "N1.freebayes"),
    ("freebayes", PAIR, f"{PAIR}.freebayes.vcf.gz", f"{PAIR}.freebayes"),
    ("haplotypecaller", "N1", "N1.haplotypecaller.filtered.vcf.gz", "N1.haplotypecaller"),
    ("lofreq", "T1", "T1.lofreq.vcf.gz", "T1.lofreq"),
    ("manta", "N1", "N1.manta.diploid_sv.vcf.gz", "N1.manta"),
    ("manta", PAIR, f"{PAIR}.manta.diploid_sv.vcf.gz", f"{PAIR}.manta.diploid_sv"),
    ("manta", PAIR, f"{PAIR}.manta.somatic_sv.vcf.gz", f"{PAIR}.manta.somatic_sv"),
    ("muse", PAIR, f"{PAIR}.muse.vcf.gz", f"{PAIR}.muse"),
    ("mutect2", PAIR, f"{PAIR}.mutect2.filtered.vcf.gz", f"{PAIR}.mutect2"),
    ("sentieon_dnascope", "N1", "N1.dnascope.filtered.vcf.gz", "N1.sentieon_dnascope"),
    ("sentieon_haplotyper", "N1", "N1.haplotyper.filtered.vcf.gz", "N1.sentieon_haplotyper"),
    ("sentieon_tnscope", PAIR, f"{PAIR}.tnscope.vcf.gz", f"{PAIR}.sentieon_tnscope"),
    ("strelka", "N1", "N1.strelka.variants.vcf.gz", "N1.strelka.variants"),
    ("strelka", "N1", "N1.strelka.genome.vcf.gz", "N1.strelka.genome"),
    ("strelka", PAIR, f"{PAIR}.strelka.somatic_indels.vcf.gz", f"{PAIR}.strelka.somatic_indels"),
    ("strelka", PAIR, f"{PAIR}.strelka.somatic_snvs.vcf.gz", f"{PAIR}.strelka.somatic_snvs"),
    ("tiddit", "N1", "N1.tiddit.vcf.gz", "N1.tiddit"),
    ("tiddit", PAIR, f"{PAIR}.tiddit_sv_merge.vcf.gz", f"{PAIR}.tiddit"),
]

NAME = "expected [A-Za-z0-9][A-Za-z0-9_.-]{0,127}; rename it"
FAULTS = {
    # file name: (content, expected lines)
    "shell.csv": (
        "sample,vcf\nA,a.vcf\na;b,a.vcf\n",
        [f"shell.csv, row 3, column sample: 'a;b'; {NAME}"],
    ),
    "newline.csv": (
        'sample,vcf\n"a\nb",a.vcf\n-rf,a.vcf\n',
        [
            f"newline.csv, row 2, column sample: 'a\\x0ab'; {NAME}",
            f"newline.csv, row 3, column sample: '-rf'; {NAME}",
        ],
    ),
    "up.csv": (
        "sample,vcf\nA,../a.vcf\n",
        [
            "up.csv, row 2, column vcf: '../a.vcf'; expected a path of [A-Za-z0-9_./:@+=,-] "
            "without .. and without a leading -; rename or link the file"
        ],
    ),
    "many.csv": (
        "vcf,sample,patient\n,a b,P\n\nx.vcf,,p q\n",
        [
            f"many.csv, row 2, column sample: 'a b'; {NAME}",
            "many.csv, row 2, column vcf: empty cell; expected a value; fill it in",
            "many.csv, row 4, column sample: empty cell; expected a value; fill it in",
            f"many.csv, row 4, column patient: 'p q'; {NAME}",
        ],
    ),
    "thrice.csv": (
        "sample,vcf\nA,a.vcf\nA,b.vcf\nA,a.vcf\n",
        ["thrice.csv, rows 2, 3, 4: id A 3 times; expected unique ids; add a vcf_id column"],
    ),
    "vcf_ids.csv": (
        "sample,vcf,vcf_id\nA,a.vcf,x\nA,b.vcf,x\n",
        ["vcf_ids.csv, rows 2 and 3: id A.x twice; expected unique ids; change a vcf_id"],
    ),
    "collision.csv": (
        "sample,vcf\nA,x.vcf\nA,y.vcf\nA.x,z.vcf\n",
        ["collision.csv, rows 2 and 4: id A.x twice; expected unique ids; add a vcf_id column"],
    ),
    "no_vcf.csv": (
        "sample,bam\nA,a.vcf\nB,b.vcf\n",
        ["no_vcf.csv, row 1: no column vcf; expected sample and vcf; add it"],
    ),
    "upper.csv": (
        "Sample,vcf\nA,a.vcf\n",
        ["upper.csv, row 1: no column sample; expected sample and vcf; rename Sample?"],
    ),
    "ragged.csv": (
        "sample,vcf\nA,a.vcf,x\nB\n",
        [
            "ragged.csv, row 2: 3 cells; expected 2 as in the header; is a separator missing or not quoted?",
            "ragged.csv, row 3: 1 cells; expected 2 as in the header; is a separator missing or not quoted?",
        ],
    ),
    "rows.yaml": (
        "- {sample: 1:30, vcf: a.vcf}\n- {sample: A}\n",
        [
            f"rows.yaml, row 1, column sample: '1:30'; {NAME}",
            "rows.yaml, row 2: no vcf; expected sample and vcf; add it",
        ],
    ),
    "nested.json": (
        '[{"sample": ["A"], "vcf": {"a": 1}, "vcf": "b"}]',
        [
            "nested.json, row 1, column sample: a list or an object; expected one text; write it as text",
            "nested.json, row 1, column vcf: a list or an object; expected one text; write it as text",
            "nested.json, row 1: column vcf twice; expected it once; remove one",
        ],
    ),
}

REFUSED = {
    # file name: (content, class of the error, words)
    "latin1.csv": (
        "sample,vcf\r\nS\xe9,base.vcf\n".encode("cp1252"),
        BadDataError,
        "not UTF-8 text (byte 0xE9 in line 2); expected UTF-8; if it is Windows-1252, convert it "
        "with iconv -f WINDOWS-1252",
    ),
    "neither.csv": (
        b"sample,vcf\nS\x81\xff,b.vcf\n",
        BadDataError,
        "convert it with iconv -t UTF-8",
    ),
    "utf16_without_bom.csv": (PLAIN.encode("utf-16-le"), BadDataError, "not UTF-8 text"),
    "odd_utf16.csv": (codecs.BOM_UTF16_LE + b"a", BadDataError, "damaged UTF-16 text"),
    "utf32.csv": (codecs.BOM_UTF32_LE + PLAIN.encode("utf-32-le"), BadDataError, "not UTF-8 text"),
    "nul.csv": ("sample,vcf\nA\x00,a.vcf\n", BadDataError, "not UTF-8 text"),
    "book.csv": (b"PK\x03\x04\x14\x00", BadDataError, "an Excel workbook"),
    "old_book.csv": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", BadDataError, "an Excel workbook"),
    "packed.csv": (b"\x1f\x8b\x08\x00", BadDataError, "a compressed file"),
    "quotes.csv": ('sample,vcf\n"A,a.vcf\n', BadDataError, "no table"),
    "empty.csv": ("", UsageError, "0 rows; expected a header with sample,vcf"),
    "header.csv": ("sample,vcf\n", UsageError, "a header without rows"),
    "columns.csv": ("sample,sample,vcf\nA,A,a.vcf\n", UsageError, "row 1: column sample twice"),
    "unnamed.csv": (
        "sample,vcf,\nA,a.vcf,\nB,b.vcf,x\n",
        UsageError,
        "row 1: column 3 has no name, but row 3 has a value in it",
    ),
    "object.json": ('{"sample": "A"}', BadDataError, "no list of rows"),
    "texts.json": ('["A"]', BadDataError, "no list of rows"),
    "cut.json": ('[{"sample": "A"', BadDataError, "expected a list of rows"),
    "deep.json": ("[" * 100_000, BadDataError, "expected a list of rows"),
    "none.json": ("[]", UsageError, "0 rows"),
    "object.yaml": ("sample: A\n", BadDataError, "no list of rows"),
    "tab.yaml": ("- sample: A\n\tvcf: a\n", BadDataError, "line 2"),
    "two.yaml": ("- {sample: A}\n---\n- {sample: B}\n", BadDataError, "expected a list of rows"),
    "deep.yaml": ("[" * 3_000, BadDataError, "expected a list of rows"),
    "empty.yaml": ("", BadDataError, "no list of rows"),
}
