"""Where the checkout is: tests name files by this, so that a test can move."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
