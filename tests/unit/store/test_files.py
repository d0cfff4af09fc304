"""Files of a store: written whole, looked up by binary search, merged; and every way they break."""

import json
import logging
import types
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import stored_rows
from stored_rows import SCOPE, flip

from gfmtrust.cli import main as cli
from gfmtrust.core import documents
from gfmtrust.core.contracts.score_store import VARIANTS
from gfmtrust.core.errors import BadDataError, InputOutputError, MissingInputError
from gfmtrust.store import files, merge
from gfmtrust.store.lookup import StoredRows
from gfmtrust.store.rows import places, rows_of

pytestmark = pytest.mark.long


def written(store, *seeds, n=50, scope=SCOPE):
    return [files.write_rows(store, scope, [stored_rows.rows(n, seed, scope)])[0] for seed in seeds]


def looked_up(store, n=50, seed=0, scope=SCOPE):
    return StoredRows.open(store, scope).find(stored_rows.keys(n, seed))


def test_rows_come_back_by_their_keys(tmp_path):
    written(tmp_path, 0, 10, 20)
    for seed in (0, 10, 20):
        keys = stored_rows.keys(50, seed)
        answer = looked_up(tmp_path, seed=seed)
        assert answer.is_found.all()
        by_key = {(int(row["high"]), int(row["low"])): row for row in stored_rows.rows(50, seed)}
        for key, row in zip(keys.tolist(), answer.rows, strict=True):
            assert row == by_key[tuple(key)]
    assert not looked_up(tmp_path, seed=30).is_found.any()


def test_places_are_those_of_a_linear_search():
    """Keys with equal high halves, below the first and above the last among them."""
    rng = np.random.default_rng(1)
    keys = rng.integers(0, 5, (200, 2)).astype(np.uint64)
    rows = rows_of(SCOPE, keys, np.zeros((200, SCOPE.n_values), np.float32))
    assert len(rows) == len({tuple(key) for key in keys.tolist()})
    asked = rng.integers(0, 7, (100, 2)).astype(np.uint64)
    ordered = [(int(row["high"]), int(row["low"])) for row in rows]
    assert ordered == sorted(ordered)
    twin = [sum(key < tuple(one) for key in ordered) for one in asked.tolist()]
    assert places(rows, asked).tolist() == twin


def test_a_file_is_a_numpy_array_whatever_its_number_of_rows(tmp_path):
    for n in (0, 1, 12, 1000):
        rows = stored_rows.rows(n, 3)
        path, n_rows = files.write_rows(tmp_path, SCOPE, [rows[: n // 2], rows[n // 2 :]])
        assert n_rows == n
        assert np.load(path).tobytes() == rows.tobytes()


def test_the_same_rows_give_one_file(tmp_path):
    assert written(tmp_path, 0) == written(tmp_path, 0)
    assert len(files.row_files(tmp_path, SCOPE)) == 1


def test_writers_at_one_time_lose_nothing(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda seed: written(tmp_path, seed * 10), range(16)))
    assert all(looked_up(tmp_path, seed=seed * 10).is_found.all() for seed in range(16))
    assert not list(tmp_path.rglob("*.part"))
    counts = merge.merge_stores([tmp_path], tmp_path)
    assert (counts.rows, counts.repeated, counts.conflicting) == (16 * 50, 0, 0)
    assert len(files.row_files(tmp_path, SCOPE)) == 1
    assert all(looked_up(tmp_path, seed=seed * 10).is_found.all() for seed in range(16))


@pytest.mark.parametrize("part_bytes", [1, 3_000, 1 << 28])
def test_a_merge_is_the_union_in_order(tmp_path, monkeypatch, part_bytes):
    """Against a dict, in parts of one row and of all rows."""
    monkeypatch.setattr(merge, "PART_BYTES", part_bytes)
    one, other = tmp_path / "one", tmp_path / "other"
    written(one, 0, 10)
    written(other, 10, 20)
    written(other, 5, scope=replace(SCOPE, kind=VARIANTS))
    counts = merge.merge_stores([one, other], tmp_path / "merged")
    rows = np.load(files.row_files(tmp_path / "merged", SCOPE)[0])
    union = {row.tobytes() for seed in (0, 10, 20) for row in stored_rows.rows(50, seed)}
    assert {row.tobytes() for row in rows} == union
    keys = [(int(row["high"]), int(row["low"])) for row in rows]
    assert keys == sorted(keys)
    assert (counts.rows, counts.repeated, counts.conflicting) == (200, 50, 0)
    assert looked_up(
        tmp_path / "merged", seed=5, scope=replace(SCOPE, kind=VARIANTS)
    ).is_found.all()
    assert len(files.row_files(one, SCOPE)) == 2, "an input is left as it is"


@pytest.mark.bad_input
def test_two_different_rows_of_a_key_are_both_dropped(tmp_path):
    written(tmp_path, 0)
    keys = stored_rows.keys(50, 0)[:7]
    values = np.full((7, SCOPE.n_values), 0.5, np.float32)
    files.write_rows(tmp_path, SCOPE, [rows_of(SCOPE, keys, values)])
    answer = looked_up(tmp_path)
    assert (answer.conflicting, int(answer.is_found.sum())) == (7, 43)
    counts = merge.merge_stores([tmp_path], tmp_path)
    assert (counts.rows, counts.conflicting) == (43, 7)
    answer = looked_up(tmp_path)
    assert (answer.conflicting, answer.is_found.tolist()) == (0, [False] * 7 + [True] * 43)


@pytest.mark.bad_input
@pytest.mark.parametrize("bit", range(0, 8, 3))
def test_a_flipped_bit_costs_one_row(tmp_path, bit):
    """In the key, the values or the checksum of the middle row."""
    size = stored_rows.rows(1).dtype.itemsize
    for place in range(0, size, 11):
        path = written(tmp_path / f"{place}", 0)[0]
        flip(path, -25 * size + place, bit)
        answer = looked_up(tmp_path / f"{place}")
        # a key that is out of order can hide others from the search, and never shows a wrong row
        lost = 50 - int(answer.is_found.sum())
        assert lost == 1 if place >= 16 else 1 <= lost < 50
        good = {row.tobytes() for row in stored_rows.rows(50)}
        assert all(row.tobytes() in good for row in answer.rows[answer.is_found])
        counts = merge.merge_stores([tmp_path / f"{place}"], tmp_path / f"{place}")
        assert (counts.rows, counts.damaged) == (49, 1)
        assert int(looked_up(tmp_path / f"{place}").is_found.sum()) == 49


@pytest.mark.bad_input
@pytest.mark.parametrize("length", [0, 1, 60, 500, -1])
def test_a_truncated_file_is_left_out_by_name(tmp_path, caplog, length):
    path, whole = written(tmp_path, 0, 10)
    path.write_bytes(path.read_bytes()[:length])
    with caplog.at_level(logging.WARNING):
        answer = looked_up(tmp_path)
    assert not answer.is_found.any()
    assert looked_up(tmp_path, seed=10).is_found.all()
    assert path.name in caplog.text
    assert merge.merge_stores([tmp_path], tmp_path / "merged").unreadable == 1


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "change",
    [
        {"bundle_sha256": "1" * 64, "model": "another"},
        {"device": "cuda"},
        {"precision": "fp16"},
        {"views": "fast"},
        {"n_views": 1},
        {"reading": 7},
    ],
    ids=lambda change: next(iter(change)),
)
def test_rows_of_another_scope_are_not_used_and_are_counted(tmp_path, caplog, change):
    written(tmp_path, 0, scope=replace(SCOPE, **change))
    with caplog.at_level(logging.INFO):
        assert not looked_up(tmp_path).is_found.any()
    assert "0 rows of sites for toy in 0 files; sets of rows not used: another" in caplog.text


@pytest.mark.bad_input
def test_a_row_moved_to_another_scope_does_not_fit_its_checksum(tmp_path):
    other = replace(SCOPE, precision="fp16")
    path = written(tmp_path, 0, scope=other)[0]
    folder = files.scope_folder(tmp_path, SCOPE)
    folder.mkdir()
    path.rename(folder / path.name)
    answer = looked_up(tmp_path)
    assert (answer.damaged, int(answer.is_found.sum())) == (50, 0)


def restate(store, change):
    path = files.scope_folder(store, SCOPE) / files.FACTS_FILE
    path.write_text(json.dumps(change(documents.read_json(path))))


@pytest.mark.bad_input
def test_a_store_of_a_newer_version_is_refused_in_one_line(tmp_path, capsys):
    written(tmp_path / "store", 0)
    restate(tmp_path / "store", lambda facts: {"version": 2, "anything": "new"})
    with pytest.raises(BadDataError, match="scope.json: version 2; expected version 1 or older"):
        looked_up(tmp_path / "store", scope=replace(SCOPE, views="fast"))
    code = cli.main(
        ["merge_stores", "--stores", str(tmp_path / "store"), "--out_dir", str(tmp_path / "out")]
    )
    assert code == 65
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"version": 0}', '{"version": 1}'], ids=lambda text: text or "empty"
)
def test_facts_that_cannot_be_read_are_counted(tmp_path, caplog, text):
    """The folder is named after its facts, and the keys depend on them: its own scope goes on."""
    written(tmp_path, 0)
    (files.scope_folder(tmp_path, SCOPE) / files.FACTS_FILE).write_text(text)
    with caplog.at_level(logging.INFO):
        assert not looked_up(tmp_path, scope=replace(SCOPE, views="fast")).is_found.any()
    assert "older or unreadable 1" in caplog.text
    assert looked_up(tmp_path).is_found.all()


@pytest.mark.bad_input
def test_a_store_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "store").write_text("")
    with pytest.raises(MissingInputError, match="no folder"):
        looked_up(tmp_path / "store")
    with pytest.raises(MissingInputError, match="absent: no folder"):
        merge.merge_stores([tmp_path / "absent"], tmp_path / "merged")


@pytest.mark.bad_input
@pytest.mark.parametrize("n", [3, 30_000])
def test_a_full_disk_leaves_nothing_half_written(tmp_path, monkeypatch, n):
    """The part is a link to a device that is always full."""
    written(tmp_path, 0)
    before = sorted(path for path in tmp_path.rglob("*"))
    monkeypatch.setattr(files.uuid, "uuid4", lambda: types.SimpleNamespace(hex="next"))
    (files.scope_folder(tmp_path, SCOPE) / "next.part").symlink_to("/dev/full")
    with pytest.raises(InputOutputError, match="score store .*: no space left on device"):
        written(tmp_path, 10, n=n)
    assert sorted(path for path in tmp_path.rglob("*")) == before
    assert looked_up(tmp_path).is_found.all()
