"""The root of a segment file as `docs/file-format.md` tells it, by the program that stands there."""

from __future__ import annotations

import re
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from unittest.mock import patch

_PAGE = Path(__file__).parents[2] / "docs" / "file-format.md"
_PROGRAMS = re.findall(r"```python\n(.*?)```", _PAGE.read_text(encoding="utf-8"), re.DOTALL)
[_ROOT] = [compile(program, _PAGE, "exec") for program in _PROGRAMS if "mdat" in program]


def documented_root(path: Path) -> bytes:
    """Run the page's own program on a file."""
    with patch.object(sys, "argv", ["", str(path)]), redirect_stdout(StringIO()) as printed:
        exec(_ROOT, {})  # noqa: S102 - the page's program is what is to be shown right
    return bytes.fromhex(printed.getvalue())
