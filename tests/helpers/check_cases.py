"""Cases for the pipeline's own checks: parameters and names of BEDs. Data alone."""

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

BEDS = [
    "x.bed",
    "PEAKS.BED",
    "peaks x.bed",
    "my regions[1].bed",
    "x.y.bed.bgz",
    "x.Bed.GZ",
    "x.gz",
    "x.txt",
    "x",
    ".bed",
    "_x.bed",
    "-x.bed",
    "é.bed",
    "a.bed.bed",
    "x" * 128 + ".bed",
    "x" * 129 + ".bed",
]
