"""The lines of an indexed file at given positions, against what htslib fetches."""

import random
from pathlib import Path

import numpy as np
import pysam
import pytest

from gfmtrust.core.errors import BadDataError, InputOutputError, MissingInputError
from gfmtrust.io.sorted_text import SortedText
from gfmtrust.io.tabix_index import index_of, read_index

pytestmark = pytest.mark.long

CONTIGS = ("1", "2", "MT", "X")
LAYOUTS = {
    "tbi": {"seq_col": 0, "start_col": 1, "end_col": 1},
    "csi": {"seq_col": 0, "start_col": 1, "end_col": 1, "csi": True},
    "bed": {"seq_col": 0, "start_col": 1, "end_col": 2, "zerobased": True},
    "swapped": {"seq_col": 2, "start_col": 1, "end_col": 1},
}


def line(kind: str, contig: str, pos: int, text: str) -> str:
    if kind == "swapped":
        return f"{text}\t{pos + 1}\t{contig}\n"
    return (
        f"{contig}\t{pos}\t{pos + 1}\t{text}\n"
        if kind == "bed"
        else f"{contig}\t{pos + 1}\t{text}\n"
    )


def written(path: Path, kind: str, seed: int) -> list[tuple[str, int]]:
    """A table with several lines per position, gaps of 20 kb and lines of 3 kb; where its lines
    are."""
    rng, rows = random.Random(seed), []
    for contig in CONTIGS:
        pos = 0
        for _ in range(rng.randrange(1, 1500)):
            pos += rng.choice([0, 1, 1, 1, 1, 1, 1, 50, 20_000])
            rows.append(
                (
                    contig,
                    pos,
                    rng.choice("acgt") * rng.choice([1, 5, 3000 if rng.random() < 0.1 else 9]),
                )
            )
    with pysam.BGZFile(str(path), "w") as file:
        file.write(b"#a comment\n")
        file.write("".join(line(kind, *row) for row in rows).encode())
    pysam.tabix_index(str(path), force=True, **LAYOUTS[kind])
    return [(contig, pos) for contig, pos, _ in rows]


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("kind", LAYOUTS)
def test_lines_are_those_that_htslib_fetches(tmp_path, kind, seed):
    path = tmp_path / "table.gz"
    places = written(path, kind, seed)
    index = index_of(path)
    foreign = pysam.TabixFile(str(path), index=str(index))
    rng = random.Random(seed)
    with SortedText(path, read_index(index)) as text:
        for contig in CONTIGS:
            positions = {pos for name, pos in places if name == contig}
            positions |= {rng.randrange(200_000) for _ in range(100)} | {0, 1 << 28}
            asked = np.array(sorted(positions))
            lines = dict(text.lines(contig, asked))
            for i, pos in enumerate(asked.tolist()):
                expected = [row.encode() for row in foreign.fetch(contig, pos, pos + 1)]
                assert lines.get(i, []) == expected


def every_line(text: SortedText, places: list[tuple[str, int]]) -> None:
    for contig in CONTIGS:
        list(text.lines(contig, np.array(sorted({at for name, at in places if name == contig}))))


def test_a_contig_that_the_file_lacks_has_no_lines(tmp_path):
    written(tmp_path / "table.gz", "tbi", 1)
    index = read_index(tmp_path / "table.gz.tbi")
    with SortedText(tmp_path / "table.gz", index) as text:
        assert list(text.lines("Y", np.array([5]))) == []


def test_the_last_line_may_lack_its_end(tmp_path):
    path = tmp_path / "table.gz"
    with pysam.BGZFile(str(path), "w") as file:
        file.write(b"1\t5\tone\n1\t6\ttwo")
    pysam.tabix_index(str(path), force=True, **LAYOUTS["tbi"])
    with SortedText(path, read_index(tmp_path / "table.gz.tbi")) as text:
        assert list(text.lines("1", np.array([4, 5]))) == [(0, [b"1\t5\tone"]), (1, [b"1\t6\ttwo"])]


@pytest.mark.parametrize("index", ["tbi", "csi"])
@pytest.mark.parametrize("longest", [9_000, 30_000])
@pytest.mark.parametrize("first", [[30], [100_000], [30, 100_000]])
def test_lines_behind_one_that_reaches_into_a_later_window_are_found(
    tmp_path, index, longest, first
):
    """The index gives the later window the offset of the long line, before the others' blocks."""
    path, rng = tmp_path / "table.gz", random.Random(3)
    rows = [
        b"1\t%d\t%d\t%s\n"
        % (pos, pos + (longest if pos == 8_000 else 1), rng.randbytes(n_letters).hex().encode())
        for pos, n_letters in enumerate([30] * 8_000 + first + [30] * 32_000)
    ]
    with pysam.BGZFile(str(path), "w") as file:
        file.write(b"".join(rows))
    layout = LAYOUTS["bed"] | {"csi": index == "csi"}
    pysam.tabix_index(str(path), force=True, **layout)
    asked = np.arange(0, len(rows), 7)
    with SortedText(path, read_index(index_of(path))) as text:
        lines_there = dict(text.lines("1", asked))
    assert [lines_there.get(i) for i in range(len(asked))] == [[rows[pos][:-1]] for pos in asked]


@pytest.mark.bad_input
def test_an_index_of_another_file_is_refused(tmp_path):
    """The first table's blocks are elsewhere in the second."""
    written(tmp_path / "one.gz", "tbi", 1)
    places = written(tmp_path / "other.gz", "tbi", 2)
    index = read_index(tmp_path / "one.gz.tbi")
    asked = np.array(sorted({pos for name, pos in places if name == "X"}))
    with (
        SortedText(tmp_path / "other.gz", index) as text,
        pytest.raises(BadDataError, match="the index does not fit the file"),
    ):
        list(text.lines("X", asked))


@pytest.mark.bad_input
def test_a_flipped_bit_is_an_error_that_names_the_block(tmp_path):
    path = tmp_path / "table.gz"
    places = written(path, "tbi", 1)
    index = read_index(tmp_path / "table.gz.tbi")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with (
        SortedText(path, index) as text,
        pytest.raises((InputOutputError, BadDataError), match="block at byte|does not fit"),
    ):
        every_line(text, places)


@pytest.mark.bad_input
@pytest.mark.parametrize("content", [b"", b"TBI\x01", b"no index", b"\x1f\x8b\x08\x04 cut"])
def test_what_is_no_index_is_refused(tmp_path, content):
    (tmp_path / "table.gz.tbi").write_bytes(content)
    with pytest.raises(BadDataError, match="make it again with tabix"):
        read_index(tmp_path / "table.gz.tbi")


@pytest.mark.bad_input
def test_a_cut_index_is_refused(tmp_path):
    written(tmp_path / "table.gz", "tbi", 1)
    index = tmp_path / "table.gz.tbi"
    index.write_bytes(index.read_bytes()[:-40])
    with pytest.raises(BadDataError, match="make it again with tabix"):
        read_index(index)


@pytest.mark.bad_input
def test_an_index_that_is_not_there_is_missing_input(tmp_path):
    assert index_of(tmp_path / "table.gz") is None
    with pytest.raises(MissingInputError):
        read_index(tmp_path / "table.gz.tbi")
