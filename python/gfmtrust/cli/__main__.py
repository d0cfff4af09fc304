"""Runs the command as `python -m gfmtrust.cli`."""

import sys

from gfmtrust.cli.main import main

sys.exit(main())
