"""One small run for the tests of finished runs and of damaged files."""

import pytest
import user_files


@pytest.fixture(scope="session")
def examples(tmp_path_factory):
    """The folder of `user_files.examples`."""
    return user_files.examples(tmp_path_factory.mktemp("examples"))
