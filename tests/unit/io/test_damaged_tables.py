"""A Parquet table of ours with flipped bits, cut, or without a column: it is refused by name, and no
other number is read."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gfmtrust.core.errors import BadDataError
from gfmtrust.io import tables

pytestmark = pytest.mark.bad_input
SCHEMA = pa.schema([("n", pa.int64()), ("x", pa.float32()), ("word", pa.string())])


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("tables") / "t.parquet"
    rng = np.random.default_rng(1)
    words = rng.choice(["SCORED", "TOO_LONG", "a"], 3000)
    columns = {"n": rng.integers(0, 9, 3000), "x": rng.random(3000), "word": words}
    tables.write(path, columns, SCHEMA, {"version": 1})
    return path


def test_a_flipped_bit_is_never_read_as_another_value(table, tmp_path):
    whole, content = tables.read(table), table.read_bytes()
    rng, refused = np.random.default_rng(2), 0
    path = tmp_path / "flipped.parquet"
    for at in rng.choice(len(content), 300, replace=False):
        flipped = bytearray(content)
        flipped[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(flipped)
        try:
            read = tables.read(path)
        except BadDataError as error:
            refused += "flipped.parquet" in str(error)
        else:  # the bit is in the footer, in what is not data: names of programs, statistics
            for name in set(read.schema.names) & set(SCHEMA.names):
                assert read[name].equals(whole[name]), (int(at), name)
    assert refused > 270


def test_a_cut_table_is_refused_by_name(table, tmp_path):
    content, path = table.read_bytes(), tmp_path / "cut.parquet"
    for size in (0, 1, 4, 11, len(content) // 2, len(content) - 8, len(content) - 1):
        path.write_bytes(content[:size])
        with pytest.raises(BadDataError, match="cut.parquet"):
            list(tables.batches(path, ["n"]))


def test_a_missing_column_another_type_and_a_missing_value_are_named(table, tmp_path):
    with pytest.raises(BadDataError, match=r"t\.parquet: no column y, z;"):
        tables.read(table, ["n", "y", "z"])
    with pytest.raises(BadDataError, match="no column y"):
        next(tables.batches(table, ["y"]))
    other = pa.schema([("n", pa.int32())])
    with pytest.raises(BadDataError, match="column n is int64 with 0 missing; expected int32"):
        tables.read_as(table, other)
    pq.write_table(pa.table({"n": pa.array([1, None], pa.int32())}), tmp_path / "null.parquet")
    with pytest.raises(BadDataError, match="column n is int32 with 1 missing"):
        tables.read_as(tmp_path / "null.parquet", other)
    assert tables.read_as(table, pa.schema([("n", pa.int64())])).num_rows == 3000


@pytest.mark.parametrize("text", ["[]", "null", "{", "[" * 100_000])
def test_facts_that_are_no_object_are_refused(table, tmp_path, text):
    path = tmp_path / "facts.parquet"
    pq.write_table(pq.read_table(table).replace_schema_metadata({"gfmtrust": text}), path)
    with pytest.raises(BadDataError, match="no JSON object in its metadata"):
        tables.read_metadata(path)
    (tmp_path / "facts.json").write_text("[" * 100_000)
    with pytest.raises(BadDataError, match="no JSON"):
        tables.read_json(tmp_path / "facts.json")
