"""Every writer on a disk that is really full: a small tmpfs in a mount namespace of its own. The
message names the folder, and no half of a file is left."""

import errno
import json
import os
import subprocess
import sys

import pytest
from paths import ROOT

from gfmtrust.core.disk import fault_line, is_disk_fault, write_failed, writing
from gfmtrust.core.errors import InputOutputError

pytestmark = [pytest.mark.bad_input, pytest.mark.long]
ROOM_KIB = 256
CASES = """
import json, os, sys, tempfile, contextlib, io
from pathlib import Path
import numpy as np, pyarrow as pa
from gfmtrust.cli import main as cli
from gfmtrust.core import documents
from gfmtrust.core.errors import InputOutputError
from gfmtrust.core.warning_counts import WarningCounts
from gfmtrust.io import genome, tables, tabix
from gfmtrust.report import tracks
from vcf_texts import stored, vcf_text

disk, other = Path(sys.argv[1]), Path(sys.argv[2])
numbers = np.random.default_rng(1).random(100_000)

def table(folder):
    tables.write(folder / "t.parquet", {"a": numbers}, pa.schema([("a", pa.float64())]))

def table_end(folder):
    # the rows fit into the memory of the writer; the disk is full when it is closed
    with tables.TableWriter(folder / "e.parquet", pa.schema([("a", pa.float64())])) as writer:
        writer.write({"a": numbers[:60_000]})

def text(folder):
    documents.write_text(folder / "t.json", "x" * 1_000_000)

def bigwig(folder):
    bases = other / "bases.parquet"
    rows = np.arange(len(numbers), dtype=np.int64)
    columns = {"contig_index": rows * 0, "pos": rows}
    columns |= {name: numbers for name in set(tracks.TRACKS.values())}
    kinds = {"contig_index": pa.int16(), "pos": pa.int64()}
    schema = pa.schema([(name, kinds.get(name, pa.float32())) for name in columns])
    facts = {"contigs": ["c"], "contig_lengths": [10**6], "models": {}, "version": 1}
    typed = {n: v.astype(schema.field(n).type.to_pandas_dtype()) for n, v in columns.items()}
    tables.write(bases, typed, schema, facts)
    tracks.write_bigwigs(bases, folder)

def decompressed(folder):
    letters = np.random.default_rng(1).choice(list(b"ACGT"), 1_000_000).astype(np.uint8).tobytes()
    path = stored(other / "g.fa.gz", b">c\\n" + letters + b"\\n", "gzip")
    genome.Genome.open(path, folder).close()

def step_in_tmpdir(folder):
    os.environ["TMPDIR"], tempfile.tempdir = str(folder), str(folder)
    def step(_options):
        with tempfile.TemporaryFile() as file:
            file.write(b"x" * 1_000_000)
    cli.STEPS["models"] = step
    with contextlib.redirect_stderr(io.StringIO()) as log:
        code = cli.main(["models"])
    return [code, log.getvalue()]

results = {}
for case in (table, table_end, text, bigwig, decompressed, step_in_tmpdir):
    folder = disk / case.__name__
    folder.mkdir()
    fill = disk / "fill"
    free = os.statvfs(disk).f_bavail * 4096 // 1024
    fill.write_bytes(b"x" * 1024 * max(0, free - 64))
    try:
        results[case.__name__] = [0, case(folder)]
    except InputOutputError as error:
        results[case.__name__] = [error.exit_code, str(error)]
    except Exception as error:
        results[case.__name__] = [70, repr(error)]
    results[case.__name__].append(sorted(path.name for path in folder.iterdir()))
    fill.unlink()
    for path in folder.iterdir():
        path.unlink()

folder = disk / "index"
folder.mkdir()
path = stored(folder / "o.vcf.gz", vcf_text([(b"chr1", b"5", b"A", b"C", b".")]), "bgzf")
with contextlib.suppress(OSError), open(disk / "fill", "wb", buffering=0) as file:
    while True:
        file.write(b"x" * 1024)
counts = WarningCounts()
index = tabix.write_index(path, "vcf", csi=False, warning_counts=counts)
results["index"] = [index, [row.text for row in counts.rows()], os.listdir(folder)]
print(json.dumps(results))
"""


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """[exit code, message or result, files left] of each writer."""
    disk, other = tmp_path_factory.mktemp("disk"), tmp_path_factory.mktemp("other")
    (other / "cases.py").write_text(CASES)
    mount = f"mount -t tmpfs -o size={ROOM_KIB}k tmpfs '{disk}'"
    allowed = subprocess.run(
        ["unshare", "-rm", "sh", "-c", mount], capture_output=True, check=False
    )
    if allowed.returncode:
        pytest.skip("no mount in a namespace of its own is allowed here")
    helpers = os.pathsep.join([str(ROOT / "python"), str(ROOT / "tests" / "helpers")])
    command = f"{mount} && '{sys.executable}' '{other}/cases.py' '{disk}' '{other}'"
    ended = subprocess.run(
        ["unshare", "-rm", "sh", "-c", command],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": helpers},
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout) | {"disk": str(disk)}


@pytest.mark.parametrize(
    ("case", "name"),
    [
        ("table", "t.parquet"),
        ("table_end", "e.parquet"),
        ("text", "t.json"),
        ("bigwig", "entropy.bw"),
        ("decompressed", "g.fa.decompressed.fa"),
    ],
)
def test_the_file_and_its_folder_are_named(full, case, name):
    code, line, _left = full[case]
    assert code == 74, line
    assert line.startswith(f"{name}: ")
    assert f"expected room in {full['disk']}/{case};" in line


@pytest.mark.parametrize("case", ["table", "table_end", "text", "bigwig"])
def test_no_half_of_a_file_is_left(full, case):
    assert full[case][2] == []


def test_a_full_tmpdir_is_named_where_the_error_names_no_file(full):
    (code, line), left = full["step_in_tmpdir"][1:]
    assert (code, left) == (74, [])
    assert line.startswith(f"gfmtrust: {full['disk']}/step_in_tmpdir: no space left on device;")
    assert "TMPDIR" in line


def test_an_index_that_does_not_fit_is_a_warning_and_no_cut_file(full):
    index, warnings, left = full["index"]
    assert index is None
    assert len(warnings) == 1
    assert warnings[0].startswith("no index written: htslib cannot")
    assert left == ["o.vcf.gz"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG])
def test_each_fault_of_a_disk_names_file_and_folder(tmp_path, number):
    error = OSError(number, os.strerror(number))
    assert is_disk_fault(error)
    path = tmp_path / "x.parquet.part"
    assert str(write_failed(path, error)).startswith(
        f"x.parquet: {os.strerror(number).lower()}; expected room in {tmp_path};"
    )
    with pytest.raises(InputOutputError, match="x.parquet"), writing(path):
        raise error
    named = fault_line(OSError(number, "", str(path)), ["/"])
    assert named == str(write_failed(path, error))


def test_an_error_that_is_none_of_the_disk_passes(tmp_path):
    with pytest.raises(PermissionError), writing(tmp_path / "x"):
        raise PermissionError(errno.EACCES, "denied")
    assert not is_disk_fault(ValueError("x"))


def test_a_limit_on_the_size_of_files_is_reported_as_such(tmp_path):
    """A real limit of the system, which needs no mount: writing fails with EFBIG."""
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "from pathlib import Path; from gfmtrust.core import documents\n"
        "documents.write_text(Path(sys.argv[1]), 'x' * 10000)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "t.json")],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT / "python")},
    )
    assert f"t.json: file too large; expected room in {tmp_path};" in ended.stderr
    assert list(tmp_path.iterdir()) == []
