"""Machine code is read from the folder of the package, where set-up leaves it, and is compiled anew
where it does not fit."""

from dataclasses import replace

import pytest
from numba.core import caching

from gfmtrust.core.machine_code import MachineCode


def _doubled(number):
    return 2 * number


@pytest.fixture
def code(tmp_path):
    """The compiler of a package of one module."""
    package = tmp_path / "package"
    (package / "__pycache__").mkdir(parents=True)
    (package / "doubled.py").write_text("# source\n")
    return MachineCode.of(package)


@pytest.fixture
def installed(code, tmp_path, monkeypatch):
    """The same with machine code in its folder, as set-up leaves it, and an empty folder of the
    task."""
    monkeypatch.setattr(caching.config, "CACHE_DIR", str(tmp_path / "set-up"))
    code.compiled(_doubled)(21)
    for path in (tmp_path / "set-up").glob("*/*doubled*"):
        path.rename(code.folder / "__pycache__" / path.name)
    monkeypatch.setattr(caching.config, "CACHE_DIR", str(tmp_path / "task"))
    return code


def test_code_compiled_at_set_up_is_read(installed, tmp_path):
    function = installed.compiled(_doubled)
    assert function(21) == 42
    assert sum(function.stats.cache_hits.values()) == 1
    assert not list((tmp_path / "task").rglob("*.nb?"))


@pytest.mark.bad_input
def test_code_of_other_sources_is_compiled_anew(installed, tmp_path):
    (installed.folder / "doubled.py").write_text("# another source\n")
    later = MachineCode.of(installed.folder)
    assert later == replace(installed, sources=later.sources)
    assert later != installed
    function = later.compiled(_doubled)
    assert function(21) == 42
    assert sum(function.stats.cache_misses.values()) == 1
    assert len(list((tmp_path / "task").rglob("*.nb?"))) == 2


@pytest.mark.bad_input
def test_compiled_code_without_a_folder_to_keep_it(code, monkeypatch):
    """A read-only package folder and no home: compiled in the process."""

    def refused(_):
        raise OSError("read-only")

    monkeypatch.setattr(caching._CacheLocator, "ensure_cache_path", refused)
    assert code.compiled(_doubled)(21) == 42
