"""Every published layout, with random weights: it opens, exports, scores and reads its tokens as
published, or is refused by name."""

import json

import layouts
import pytest
from paths import ROOT

SHARED = ROOT.parent / "shared" / "checkpoint_layouts"
LAYOUTS = layouts.all_of()


@pytest.mark.parametrize("name", [name for name in LAYOUTS])
def test_the_small_files_are_the_published_ones(name):
    """The generated config.json has exactly the published keys and values, where the rebuilt files
    are at hand."""
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip(f"{folder} is not at hand")
    layout = LAYOUTS[name]
    assert layout.config == json.loads((folder / "config.json").read_text(encoding="utf-8"))
    small = {
        path.name: path.read_text(encoding="utf-8")
        for path in folder.iterdir()
        if not path.name.endswith("index.json")
    }
    for file_name, content in layout.files.items():
        if file_name.endswith(".json"):
            assert json.loads(content) == json.loads(small[file_name]), file_name
        else:
            assert content.split() == small[file_name].split(), file_name
    assert set(small) == {*layout.files, "config.json"}
