"""What people read and look at: the HTML report, MultiQC, tracks, the manifest."""
