"""`gfmtrust audit duel`: simple supervised models beside the probes of a model and of its permuted twin, on the labels of the user."""
