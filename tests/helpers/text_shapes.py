"""Hypothesis strategies for the texts that users give: each draws a text that is nearly well formed,
so that a parser is reached behind its first check."""

from __future__ import annotations

import json

from hypothesis import strategies as st

ODD = st.sampled_from(
    [
        b"",
        b".",
        b"-1",
        b"0",
        b"1e9",
        b"9" * 25,
        b"NaN",
        b"inf",
        b"\xff",
        b"\x00",
        b"\r",
        b" ",
        b"=",
        b";",
    ]
    + [b"<DEL>", b"*", b"#", b">", b'"', b"'", b",", b"\xef\xbb\xbf", b"$(x)", b"../x", b"-rf"]
)
ENDS = st.sampled_from([b"\n", b"\n", b"\n", b"\r\n", b"\r", b"\n\n", b""])


def mostly(*usual: bytes):
    """One of the usual values, or now and then an odd one or any bytes."""
    common = st.sampled_from(usual)
    return st.one_of(common, common, common, common, common, ODD, st.binary(max_size=6))


def joined(*fields, by: bytes = b"\t"):
    """A line of these fields; now and then one is missing or twice."""

    def line(values):
        *cells, cut, end = values
        cells = list(cells)
        if cut == 1:
            cells = cells[:-1]
        if cut == 2:
            cells.append(cells[0])
        return by.join(cells) + end

    cut = st.sampled_from([0, 0, 0, 0, 0, 0, 1, 2])
    return st.tuples(*fields, cut, ENDS).map(line)


def several(line, most: int = 8):
    return st.lists(line, max_size=most).map(b"".join)


def text_of(*parts):
    return st.tuples(*parts).map(b"".join)


BASES = mostly(b"A", b"C", b"G", b"T", b"N", b"AT", b"a", b"ACGTACGT")
CONTIGS = mostly(b"c", b"chr1", b"1", b"chrM", b"d")
PLACES = mostly(b"1", b"2", b"10", b"99", b"0", b"12000")
VCF_HEAD = st.sampled_from(
    [
        b"##fileformat=VCFv4.2\n",
        b"##fileformat=VCFv4.4\r\n",
        b"##fileformat=VCFv4.2\n##contig=<ID=c,length=12000>\n",
        b'##fileformat=VCFv4.2\n##INFO=<ID=GFM_RANK,Number=A,Type=Integer,Description="x",Source="gfmtrust",Version="0">\n',
        b'##fileformat=VCFv4.2\n##INFO=<ID=GFM_X,Number=A,Type=Integer,Description="x">\n',
        b"##fileformat=VCFv4.2\n##contig=<ID=c,length=99999999999999999999>\n##INFO=<ID=\n",
        b"##contig=<ID=c>\n",
    ]
)
INFO = mostly(
    b".", b"AC=1", b"AC=1;AN=2", b"DB", b"GFM_RANK=1", b"GFM_X=1;", b"CLNSIG=Benign", b"AF=0.5,0.5"
)
VCF = text_of(
    VCF_HEAD,
    mostly(
        b"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n",
        b"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS\n",
    ),
    several(
        joined(
            CONTIGS,
            PLACES,
            mostly(b"."),
            BASES,
            mostly(b"A", b"C,G", b".", b"<DEL>", b"]c:1]A"),
            mostly(b"."),
            mostly(b"PASS", b"."),
            INFO,
        )
    ),
)
BED = text_of(
    several(mostly(b"track name=x\n", b"#c\n", b"browser position c:1-2\n", b"\n"), 2),
    several(
        joined(CONTIGS, PLACES, mostly(b"5", b"20", b"12000", b"99999999999"), mostly(b"name"))
    ),
)
FASTA = several(
    st.one_of(
        text_of(st.just(b">"), CONTIGS, mostly(b"", b" text"), ENDS),
        text_of(st.lists(BASES, max_size=6).map(b"".join), ENDS),
    ),
    10,
)
TABLE = text_of(
    mostly(
        b"chrom\tpos\tref\talt\tscore\n",
        b"chrom\tpos\tA\tC\tG\tT\n",
        b"#chrom\tpos\tref\talt\tscore\n",
    ),
    several(joined(CONTIGS, PLACES, BASES, BASES, mostly(b"0.5", b"-1", b"1e400", b"")), 8),
)
BENCHMARK = text_of(
    mostly(b"chrom\tpos\tlabel\tone\n", b"chrom,pos,label,one\n", b'"chrom","pos"\n'),
    several(joined(CONTIGS, PLACES, mostly(b"0", b"1"), mostly(b"0.1", b"2", b"NA"))),
)
CELLS = mostly(
    b"a", b"b", b"S1", b"a.vcf", b"x/y.vcf.gz", b"s3://b/a.vcf", b"strelka", b"1", b"001"
)
SHEET = st.one_of(
    text_of(
        mostly(
            b"sample,vcf\n",
            b"sample;vcf\n",
            b"sample\tvcf\tvcf_id\n",
            b"patient,sample,vcf,variantcaller\n",
            b"\xff\xfes\x00",
        ),
        several(st.one_of(*(joined(CELLS, CELLS, CELLS, by=by) for by in (b",", b";", b"\t")))),
    ),
    several(
        joined(
            mostly(
                b"- sample: a",
                b"  vcf: x",
                b"- {sample: a, vcf: b}",
                b"? x",
                b"- &a [*a]",
                b"!!python/x y",
            ),
            by=b"",
        )
    ),
)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**20), 10**20), st.floats(), st.text(max_size=5)
)
JSON_VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


def changed_documents(document: dict):
    """A JSON document with up to three values or keys changed, at any depth."""
    paths = list(_paths(document))

    def changed(changes):
        copy = json.loads(json.dumps(document))
        for place, value, is_removed in changes:
            node = copy
            try:
                for key in paths[place % len(paths)][:-1]:
                    node = node[key]
                if is_removed:
                    del node[paths[place % len(paths)][-1]]
                else:
                    node[paths[place % len(paths)][-1]] = value
            except (KeyError, IndexError, TypeError):
                continue  # an earlier change took the place away
        return copy

    change = st.tuples(st.integers(0, len(paths) - 1), JSON_VALUES, st.booleans())
    return st.lists(change, min_size=1, max_size=3).map(changed)


def _paths(node, above=()):
    entries = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in entries:
        yield (*above, key)
        if isinstance(value, (dict, list)):
            yield from _paths(value, (*above, key))
