"""Every file that a user gives, damaged: a step takes it, or refuses it in one line with a documented
exit code. `make fuzz` does the same with many more damages."""

import zlib

import numpy as np
import pytest
from user_files import CODES, FILES, all_damages, ended

SLOW = {"population", "population_index", "copy_index", "background", "calibration"}
"""Files that are read behind a step of a second."""
ALWAYS = ("empty", "half", "page")
DRAWN = 4
OF_A_STEP = {"sites"}
"""Tables that only our own steps write: one without rows, or not in order, breaks a promise of ours,
which is 70 in one line."""
NAMES = [
    pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else [pytest.mark.long])
    for name in FILES
]


def check(examples, name, versions):
    for damage, content in versions.items():
        code, err = ended(examples, name, content)
        assert "Traceback" not in err, (name, damage, err)
        assert code in (CODES | {70} if name in OF_A_STEP else CODES), (name, damage, code, err)
        lines = [line for line in err.splitlines() if line.strip()]
        assert code == 0 or lines[-1].startswith("gfmtrust: "), (name, damage, err)


@pytest.mark.parametrize("name", NAMES)
def test_the_undamaged_file_is_read(examples, name):
    code, err = ended(examples, name, (examples / FILES[name].path).read_bytes())
    assert code == 0, err


@pytest.mark.bad_input
@pytest.mark.parametrize("name", NAMES)
def test_a_damaged_file_is_taken_or_refused_in_one_line(examples, name):
    seed = zlib.crc32(name.encode())
    versions = all_damages(examples, name, seed, 1)
    others = sorted(set(versions) - set(ALWAYS))
    drawn = np.random.default_rng(seed).choice(others, DRAWN, replace=False)
    check(examples, name, {damage: versions[damage] for damage in (*ALWAYS, *drawn)})
