"""Rows of a table of checkpoints."""

HEAD = (
    "id,family,repository,revision,config_sha256,vocabulary_sha256,weights_sha256,weights_bytes,licence,licence_url,pin_source,"
    "window_bp,citation,organisms,layout_source\n"
)


PINNED = f"m,gpn,lab/m,{'a' * 40},{'b' * 64},{'c' * 64},{'d' * 64} {'e' * 64},10 20,MIT,place,page,512,who,,\n"
