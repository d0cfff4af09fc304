"""Merging the inputs' spellings: equal to a dictionary, whatever the order of the files, the size of
the buffer and the number of tables open at a time, in time linear in the number of files."""

import time
from itertools import permutations

import numpy as np
import pyarrow as pa
import pytest
from spelled_rows import spelled

from gfmtrust.core.errors import BadDataError
from gfmtrust.inputs import spelling_merge
from gfmtrust.inputs.allele_counts import FIELDS
from gfmtrust.inputs.record_keys import SpellingSorter, write
from gfmtrust.inputs.spelling_merge import COLUMNS, merged_spellings

pytestmark = pytest.mark.long

CONTIGS = [(-1, "odd"), (-1, "zebra"), (0, "chr1"), (1, "chr10"), (2, "chr2")]
ALTS = ["A", "C,G", "G", "TTA", "<DEL>,C,*"]


def random_rows(rng, n, span=60):
    """Sorted distinct rows of several contigs, in the order of COLUMNS, counts as whole numbers."""
    keys = {
        (*CONTIGS[rng.integers(5)], int(rng.integers(span)), "ACGT"[rng.integers(4)], alts)
        for alts in rng.choice(ALTS, n).tolist()
    }
    return [
        (*key, tuple(rng.integers(0, 9, FIELDS * (key[4].count(",") + 1)).astype(float).tolist()))
        for key in sorted(keys)
    ]


def stored(path, rows):
    write(path, rows)
    return path


def merged(paths, folder):
    return [
        (*row[:5], tuple(row[5]))
        for frame in merged_spellings(paths, folder)
        for row in frame[COLUMNS].itertuples(index=False)
    ]


def by_dictionary(inputs):
    """The slow obvious twin."""
    summed = {}
    for rows in inputs:
        for *key, counts in rows:
            before = summed.get(tuple(key), (0.0,) * len(counts))
            summed[tuple(key)] = tuple(a + b for a, b in zip(before, counts, strict=True))
    return [(*key, summed[key]) for key in sorted(summed)]


@pytest.mark.parametrize("at_once", [2, 3, 128])
@pytest.mark.parametrize("buffer", [1, 40, 10**6])
def test_merge_equals_a_dictionary(tmp_path, monkeypatch, buffer, at_once):
    monkeypatch.setattr(spelling_merge, "BUFFER_ROWS", buffer)
    monkeypatch.setattr(spelling_merge, "MIN_BUFFER_ROWS", 1)
    monkeypatch.setattr(spelling_merge, "MERGED_AT_ONCE", at_once)
    monkeypatch.setattr(spelling_merge, "FRAME_ROWS", 7)
    rng = np.random.default_rng(18)
    inputs = [random_rows(rng, n) for n in (40, 0, 2, 60, 20, 1, 30)]
    paths = [stored(tmp_path / f"{i}.parquet", rows) for i, rows in enumerate(inputs)]
    assert merged(paths, tmp_path) == by_dictionary(inputs)
    assert sorted(tmp_path.iterdir()) == sorted(paths)  # no temporary table stays


def test_the_order_of_the_files_changes_nothing(tmp_path):
    rng = np.random.default_rng(3)
    inputs = [random_rows(rng, n) for n in (50, 20, 0, 90)]
    paths = [stored(tmp_path / f"{i}.parquet", rows) for i, rows in enumerate(inputs)]
    expected = by_dictionary(inputs)
    for order in permutations(paths):
        assert merged(list(order), tmp_path) == expected


def test_stated_frequencies_are_added_in_the_order_of_the_files(tmp_path):
    """The sum of fractions depends on the order; that of the files is the documented one."""
    key = (0, "chr1", 5, "A", "C")
    stated = [0.1, 0.7, 1e-17, 0.2, 0.3, 1e-9]
    inputs = [[(*key, (0.0, 0.0, value, 1.0, 0.0))] for value in stated]
    paths = [stored(tmp_path / f"{i}.parquet", rows) for i, rows in enumerate(inputs)]
    total = 0.0
    for value in stated:
        total += value
    assert merged(paths, tmp_path) == [(*key, (0.0, 0.0, total, 6.0, 0.0))]


def test_a_file_that_repeats_another_doubles_its_counts_alone(tmp_path):
    rng = np.random.default_rng(4)
    whole = random_rows(rng, 200)
    part = whole[::3]
    paths = [stored(tmp_path / "whole.parquet", whole), stored(tmp_path / "part.parquet", part)]
    twice = {row[:5] for row in part}
    expected = [
        (*row[:5], tuple(2 * value for value in row[5])) if row[:5] in twice else row
        for row in whole
    ]
    assert merged(paths, tmp_path) == expected


@pytest.mark.bad_input
def test_records_in_any_order_merge_as_sorted_ones(tmp_path):
    """Unsorted files pass through the sorter of the check, whose runs lie on disk."""
    rng = np.random.default_rng(5)
    inputs = [random_rows(rng, n) for n in (120, 80)]
    paths = []
    for number, rows in enumerate(inputs):
        folder = tmp_path / f"runs{number}"
        folder.mkdir()
        sorter = SpellingSorter(folder, chunk_rows=11)
        for at in rng.permutation(len(rows)):
            sorter.add(rows[at][:5], rows[at][5])
        paths.append(stored(tmp_path / f"{number}.parquet", sorter.sorted()))
    assert merged(paths, tmp_path) == by_dictionary(inputs)


@pytest.mark.bad_input
@pytest.mark.parametrize("n", [0, 1, 3])
def test_files_without_records_give_no_frame(tmp_path, n):
    paths = [spelled(tmp_path / f"{i}.parquet", []) for i in range(n)]
    assert list(merged_spellings(paths, tmp_path)) == []


@pytest.mark.bad_input
def test_a_broken_table_is_refused_and_leaves_no_temporary_folder(tmp_path):
    good = stored(tmp_path / "good.parquet", [(0, "chr1", 5, "A", "C", (0.0,) * 4)])
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(good.read_bytes()[:40])
    with pytest.raises(BadDataError):
        merged([good, broken], tmp_path)
    assert sorted(tmp_path.iterdir()) == [broken, good]


def test_one_dense_file_among_sparse_ones(tmp_path, monkeypatch):
    monkeypatch.setattr(spelling_merge, "BUFFER_ROWS", 200)
    monkeypatch.setattr(spelling_merge, "MIN_BUFFER_ROWS", 4)
    dense = [(0, "chr1", pos, "A", "C", (1.0, 2.0, 0.0, 0.0, 2.0)) for pos in range(400)]
    sparse = [[dense[40 * number]] for number in range(10)]
    paths = [
        stored(tmp_path / f"{i}.parquet", rows) for i, rows in enumerate([*sparse[:5], dense])
    ] + [stored(tmp_path / f"{i + 6}.parquet", rows) for i, rows in enumerate(sparse[5:])]
    assert merged(paths, tmp_path) == by_dictionary([*sparse, dense])


def distinct_files(folder, n_files, n_rows):
    """Tables of places that no two of them share, all over the contig."""
    return [
        stored(
            folder / f"{number}.parquet",
            [(0, "chr1", pos * n_files + number, "A", "C", (1.0,) * 4) for pos in range(n_rows)],
        )
        for number in range(n_files)
    ]


def slices_of(paths, monkeypatch):
    """Numbers of slices, of looks at a table and of rows while the tables are merged."""
    numbers = {"slices": 0, "looks": 0, "rows": 0}
    take, sort = spelling_merge._Batch.take_before, spelling_merge._sorted

    def counted_take(batch, horizon):
        numbers["looks"] += 1
        return take(batch, horizon)

    def counted_sort(table: pa.Table):
        numbers["slices"] += 1
        numbers["rows"] += table.num_rows
        return sort(table)

    with monkeypatch.context() as patch:
        patch.setattr(spelling_merge._Batch, "take_before", counted_take)
        patch.setattr(spelling_merge, "_sorted", counted_sort)
        for _ in merged_spellings(paths, paths[0].parent):
            pass
    return numbers


@pytest.mark.parametrize("buffer", [800, 10**6])
def test_operations_grow_with_the_rows_and_not_with_their_square(tmp_path, monkeypatch, buffer):
    """Eight times the files: eight times the rows, and as many looks at a table per row."""
    monkeypatch.setattr(spelling_merge, "MIN_BUFFER_ROWS", 20)
    per_row = {}
    for n_files in (5, 40):
        # the share of each file stays the same, as in two large cohorts
        monkeypatch.setattr(spelling_merge, "BUFFER_ROWS", buffer * n_files // 40)
        folder = tmp_path / str(n_files)
        folder.mkdir()
        numbers = slices_of(distinct_files(folder, n_files, 200), monkeypatch)
        assert numbers["rows"] == 200 * n_files
        assert numbers["slices"] <= 2 + 200 // 10  # half a share of 20 rows at least
        per_row[n_files] = numbers["looks"] / numbers["rows"]
    assert per_row[40] <= 1.1 * per_row[5]


def cpu_of(paths, folder):
    before = time.process_time()
    for _ in merged_spellings(paths, folder):
        pass
    return time.process_time() - before


def test_cpu_per_record_does_not_grow_with_the_files(tmp_path):
    """At most 1.6 times between 5 and 40 files; of interleaved runs the least disturbed counts."""
    groups = {}
    for n_files in (5, 40):
        folder = tmp_path / str(n_files)
        folder.mkdir()
        groups[n_files] = distinct_files(folder, n_files, 400)
    seconds = {n_files: [] for n_files in groups}
    for _ in range(5):
        for n_files, paths in groups.items():
            seconds[n_files].append(cpu_of(paths, tmp_path))
    per_file = {n_files: min(runs) / n_files for n_files, runs in seconds.items()}
    assert per_file[40] <= 1.6 * per_file[5]
