"""`gfmtrust audit replicate`: small language models of the user's genome and of English, trained and
compared as in arXiv 2604.04287, each statistic as published, as corrected, and under its null.

The statistics that are called published are computed as the authors' public code computes them
(github lbcb-sci/GFMs at 277899c); `tests/data/golden/gfm_statistics.json` has the numbers of that
code on the same arrays. Only this package of the audit loads PyTorch: no other part of it trains.
"""
