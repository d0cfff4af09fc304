"""FILTER, MQ and DP by flag, against bcftools-like counting of split lines."""

from collections import Counter

import numpy as np
import pytest

from gfmtrust.annotate.call_facts import COUNT_EVERY, CallFacts, rounded
from gfmtrust.core.vocabulary import Rank
from gfmtrust.io.vcf import reader

HEADER = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
FILTERS = ("PASS", ".", "q10", "q10;s50", "LowPASS", "FAIL", "A")
INFOS = (
    "DP=7",
    "MQ=60;DP=12",
    "AC=1;MQ=59.8;X",
    "RAW_MQ=3;XDP=9;DP=30",
    "MQ=.;DP=NaN",
    ".",
    "DP=1,2;MQ=inf",
    "MQRankSum=4;DP=12345;MQ=-1",
    "DP=",
)


def records(tmp_path, lines):
    (tmp_path / "in.vcf").write_text(HEADER + "".join(line + "\n" for line in lines))
    return list(reader.read_records(tmp_path / "in.vcf"))


def by_hand(lines, ranks):
    """The same counts from split columns, in the slow and obvious way."""
    counts = {rank: [0, 0, 0, Counter(), Counter()] for rank in Rank}
    for line, of_alts in zip(lines, ranks, strict=True):
        columns = line.split("\t")
        info = dict(pair.split("=", 1) for pair in columns[7].split(";") if "=" in pair)
        for rank in of_alts:
            row = counts[Rank(rank)]
            row[0] += 1
            row[1] += columns[6] == "PASS"
            row[2] += columns[6] not in ("PASS", ".")
            for place, key in ((3, "MQ"), (4, "DP")):
                try:
                    value = float(info.get(key, "none"))
                except ValueError:
                    continue
                if 0 <= value < float("inf"):
                    text = str(int(value))
                    row[place][float(text[:2] + "0" * (len(text) - 2))] += 1
    return counts


@pytest.mark.bad_input
def test_counts_agree_with_split_lines(tmp_path):
    rng = np.random.default_rng(1)
    n = COUNT_EVERY + 50
    lines, ranks = [], []
    for i in range(n):
        alts = "C,G" if i % 5 == 0 else "C"
        name = FILTERS[rng.integers(len(FILTERS))]
        lines.append(f"c\t{i + 1}\t.\tA\t{alts}\t.\t{name}\t{INFOS[rng.integers(len(INFOS))]}")
        ranks.append([int(rank) for rank in rng.integers(0, 4, alts.count(",") + 1)])
    calls = CallFacts()
    for record, of_alts in zip(records(tmp_path, lines), ranks, strict=True):
        calls.add(record, of_alts)
    expected = by_hand(lines, ranks)
    result = calls.by_flag()
    assert list(result) == ["HIGH", "MEDIUM", "LOW"]
    for name, row in result.items():
        alleles, passed, failed, mq, dp = expected[Rank[name]]
        assert (row.alleles, row.passed, row.failed) == (alleles, passed, failed)
        assert dict(row.mq) == mq
        assert dict(row.dp) == dp


def test_samples_behind_info_are_not_read(tmp_path):
    (tmp_path / "in.vcf").write_text(
        HEADER.rstrip("\n") + "\tFORMAT\ts\nc\t1\t.\tA\tC\t.\tPASS\tAC=1\tGT:DP=5\t0/1;DP=9\n"
    )
    calls = CallFacts()
    for record in reader.read_records(tmp_path / "in.vcf"):
        calls.add(record, [3])
    assert calls.by_flag()["HIGH"].dp == ()


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"59.98", 59.0),
        (b"99", 99.0),
        (b"100", 100.0),
        (b"199.9", 190.0),
        (b"12345", 12000.0),
        (b"12" + b"9" * 300, 1.2e301),
        (b"1" * 400, None),
        (b"1" * 5000, None),
        (b"1e300", 1e300),
        (b"0", 0.0),
        (b"1e3", 1000.0),
        (b"-1", None),
        (b"nan", None),
        (b"inf", None),
        (b".", None),
        (b"", None),
        (b"3,4", None),
    ],
)
def test_rounded(text, value):
    assert rounded(text) == value
