"""Texts that a user, a file or a model may bring and that no output may take for its own markup: one
table for every sink."""

HOSTILE = {
    "element": "<script>alert(1)</script>",
    "attribute": '" onload="alert(1)',
    "apostrophe": "' onload='alert(1)",
    "closing": "</style></svg></table><script>alert(1)</script>",
    "comment": "--><b>x</b><!--",
    "character data": "]]><b>x</b>",
    "entity": "&lt;b&gt;&x;&#60;b&#62;",
    "template": "{{ 7*7 }}{% raw %}${7*7}",
    "formula": "=cmd|' /C calc'!A0",
    "tab": "a\tb",
    "line": "a\nb",
    "return": "a\rb",
    "separator": "a\u2028b\u0085c",
    "zero": "a\0b",
    "terminal": "\x1b]0;x\x07\x1b[31m",
    "override": "a\u202eb",
    "shell": "$(touch x);`id`|&",
    "scheme": "javascript:alert(1)",
    "folder": "../../x",
    "lone surrogate": "a\ud800b",
}
CONTROLS = {chr(code) for code in (*range(32), 127, *range(128, 160), 0x2028, 0x2029)}
"""Characters that end a line or command a terminal."""
