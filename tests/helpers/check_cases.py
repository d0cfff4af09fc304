"""Cases for the pipeline's own checks: parameters, samplesheet cells, whole samplesheets. Data
alone."""

GOOD = {"input": "s.csv", "fasta": "g.fa", "outdir": "out"}

PARAMETERS = [
    GOOD,
    {},
    {"input": "s.csv"},
    *(
        {**GOOD, "input": value}
        for value in (
            "s.tsv",
            "a b.csv",
            "s.yaml",
            "s.yml",
            "s.json",
            "s.xlsx",
            "s",
            "s.csv\n",
            "",
            ".csv",
            5,
        )
    ),
    *(
        {**GOOD, "fasta": value}
        for value in ("g.fasta", "g.fna.gz", "g.fa.bgz", "g.txt", "g.fa\n", "g.fa.zip", "G.FA")
    ),
    *(
        {**GOOD, "device": value}
        for value in ("auto", "cpu", "cuda", "gpu", "CPU", "", "cuda:0", True, 1)
    ),
    *({**GOOD, "alpha_high": value} for value in (0.05, 0, 1, 0.999, -0.1, 1.5, "0.05x")),
    *({**GOOD, "seed": value} for value in (1, 0, -1, 1.5, 2147483647, 2147483648)),
    *({**GOOD, "shard_size": value} for value in (100, 99, 10_000_000, 10_000_001)),
    *(
        {**GOOD, "probes": value}
        for value in ("auto", 2000, "2000", "many", "-5", "auto\n", 1.5, True)
    ),
    *({**GOOD, "neighbours": value} for value in (True, False, "yes", 1)),
    *(
        {**GOOD, "title": value}
        for value in ("My run 3", "<b>", 'a"b', "$(id)", "x" * 100, "x" * 101, "a\n", "`id`")
    ),
    *({**GOOD, "help": value} for value in (True, "alpha_high", False)),
    {**GOOD, "modles": "x"},
    {**GOOD, "zzzzzz": 1},
    {**GOOD, "Device": "cpu"},
]

IDS = [
    "S1",
    "a",
    "1",
    "S_1.2-b",
    "x" * 64,
    "x" * 65,
    "",
    "-rf",
    ".hidden",
    "_x",
    "a b",
    "a;b",
    "a\n",
    "a\r",
    "a\nb",
    "$(id)",
    "a/b",
    "../a",
    "a\tb",
    "é",
    "a;touch${IFS}X;",
]
PATHS = [
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
    "a\n",
    "",
    "s3://bucket/a.vcf.gz",
    "a'b.vcf",
    "a[1].vcf",
    "~/a.vcf",
]
CELLS = [
    *(
        {"column": column, "value": value}
        for column in ("sample", "vcf_id", "variantcaller", "patient", "status")
        for value in IDS
    ),
    *({"column": "vcf", "value": value} for value in PATHS),
    *(
        {"column": "vcf_index", "value": value}
        for value in ("a.tbi", "a.csi", "a.idx", "../a.tbi", "a.tbi\n")
    ),
]

ROWS = [
    # one sheet of one row each; an empty cell of a column that may be empty is as if it were not
    # there
    *(
        {"sample": value, "vcf": "a.vcf"}
        for value in (*IDS, "7", "1e5", "true", "null")
        if "\n" not in value and "\r" not in value
    ),
    *(
        {"sample": "A", "vcf": value}
        for value in (
            "./a.vcf",
            "a.vcf ",
            " a.vcf",
            "~a.vcf",
            "a\\.vcf",
            "a.vcf?",
            "a,b;c",
            "$a",
            "a`id`",
        )
    ),
    *(
        {"sample": "A", "vcf": "a.vcf", column: value}
        for column in ("patient", "status")
        for value in ("", "P1", "P 1", "1", "-1", "é")
    ),
    *(
        {"sample": "A", "vcf": "a.vcf", column: value}
        for column in ("variantcaller", "vcf_id")
        for value in ("strelka", "a b", "x;y", "-")
    ),
    *(
        {"sample": "A", "vcf": "a.vcf", "vcf_index": value}
        for value in ("", "a.tbi", "b.csi", "a.idx", "../a.tbi", "a.tbi.gz", "-a.tbi")
    ),
    {"sample": "A", "bam": "a.vcf"},
    {"vcf": "a.vcf"},
    {"sample": "A", "vcf": "a.vcf", "lane": "$(id)"},
]

SHEETS = {
    # file name: (text, expected errors, expected ids); {row} and {column} are counted as a
    # spreadsheet shows them
    "plain.csv": ("sample,vcf\nB,b.vcf\nA,a.vcf\n", [], ["A", "B"]),
    "crlf_bom.csv": ("\ufeffsample,vcf\r\nA,a.vcf\r\n\r\nB,b.vcf\r\n", [], ["A", "B"]),
    "quoted.csv": ('"sample","vcf"\n"A","a.vcf"', [], ["A"]),
    "tabs.tsv": ("sample\tvcf\nA\ta.vcf\n", [], ["A"]),
    "list.json": ('[{"sample": "A", "vcf": "a.vcf"}]', [], ["A"]),
    "list.yaml": ("- {sample: A, vcf: a.vcf}\n- {sample: 7, vcf: b.vcf}\n", [], ["7", "A"]),
    "sarek.csv": (
        "patient,sample,variantcaller,vcf\nP,A,strelka,a.vcf\nP,A,mutect2,b.vcf\n",
        [],
        ["A.mutect2", "A.strelka"],
    ),
    "vcf_id.csv": ("sample,vcf,vcf_id\nA,a.vcf,one\nA,b.vcf,two\n", [], ["A.one", "A.two"]),
    "no_index.csv": ("sample,vcf,vcf_index\nA,a.vcf,\n", [], ["A"]),
    "empty.csv": (
        "",
        ["empty.csv: 0 rows; expected a header with sample,vcf and one row for each VCF"],
        [],
    ),
    "header.csv": (
        "sample,vcf\n",
        ["header.csv: 0 rows; expected a header with sample,vcf and one row for each VCF"],
        [],
    ),
    "shell.csv": (
        "sample,vcf\nA,a.vcf\na;b,a.vcf\n",
        [
            "shell.csv row 3, column sample: 'a;b'; expected [A-Za-z0-9][A-Za-z0-9_.-]{0,63}; rename it"
        ],
        [],
    ),
    "newline.csv": (
        'sample,vcf\n"a\nb",a.vcf\n',
        [
            "newline.csv row 2, column sample: 'a\\x0ab'; expected [A-Za-z0-9][A-Za-z0-9_.-]{0,63}; rename it"
        ],
        [],
    ),
    "option.csv": (
        "sample,vcf\n-rf,a.vcf\n",
        [
            "option.csv row 2, column sample: '-rf'; expected [A-Za-z0-9][A-Za-z0-9_.-]{0,63}; rename it"
        ],
        [],
    ),
    "up.csv": (
        "sample,vcf\nA,../a.vcf\n",
        [
            "up.csv row 2, column vcf: '../a.vcf'; expected a path of [A-Za-z0-9_./:@+=,-] without .. and without a leading -; "
            "rename or link the file"
        ],
        [],
    ),
    "twice.csv": (
        "sample,vcf\nA,a.vcf\nB,b.vcf\nC,a.vcf\nA,b.vcf\n",
        ["twice.csv rows 2 and 5: id A twice; expected unique; add a vcf_id column"],
        [],
    ),
    "thrice.csv": (
        "sample,vcf\nA,a.vcf\nA,b.vcf\nA,a.vcf\n",
        ["thrice.csv rows 2, 3, 4: id A 3 times; expected unique; add a vcf_id column"],
        [],
    ),
    "sarek_twice.csv": (
        "patient,sample,variantcaller,vcf\nP,A,s,a.vcf\nP,A,s,b.vcf\n",
        ["sarek_twice.csv rows 2 and 3: id A.s twice; expected unique; add a vcf_id column"],
        [],
    ),
    "empty_cell.csv": (
        "sample,vcf\nA,\n",
        ["empty_cell.csv row 2, column vcf: empty cell; expected a value; fill it in"],
        [],
    ),
    "no_vcf.csv": (
        "sample,bam\nA,a.vcf\n",
        ["no_vcf.csv row 2: no column vcf; expected sample and vcf; add it"],
        [],
    ),
    "ragged.csv": (
        "sample,vcf\nA,a.vcf,x\n",
        ["ragged.csv row 2: 3 cells; expected 2 as in the header"],
        [],
    ),
    "columns.csv": (
        "sample,sample,vcf\nA,A,a.vcf\n",
        ["columns.csv row 1: column sample twice; expected each column once"],
        [],
    ),
    "absent.csv": (
        "sample,vcf\nA,none.vcf\n",
        [
            "absent.csv row 2, column vcf: none.vcf does not exist; expected a file beside the sheet, in the launch "
            "directory or an absolute path"
        ],
        [],
    ),
    "object.json": (
        '{"sample": "A"}',
        ["object.json: no list of rows; expected [{sample: ..., vcf: ...}, ...]"],
        [],
    ),
    "nul.csv": (
        "sample,vcf\nA\x00,a.vcf\n",
        ["nul.csv: not UTF-8 text; expected UTF-8; convert it with iconv"],
        [],
    ),
}
