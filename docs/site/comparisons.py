"""Write the pages that compare the names of other libraries, from the tables in docs/coming."""

import re
import tomllib
from pathlib import Path

__all__ = ["write"]

TABLES = Path(__file__).resolve().parent.parent / "coming"


def page(table: dict[str, object], rows: list[dict[str, str]]) -> str:
    """Return a page: what differs everywhere, then a row for each call."""
    title = str(table["title"])
    lines = [title, "=" * len(title), "", code(str(table["about"]).strip()), ""]
    lines += [".. code-block:: python", ""]
    lines += [f"   {line}" for line in f"{table['imports']}\nimport imgconv".splitlines()]
    lines += ["", ".. list-table::", "   :class: comparison", "   :header-rows: 1", ""]
    lines += [f"   * - {title}", "     - imgconv", "     - what differs"]
    for row in rows:
        lines.append(f"   * - ``{row['theirs']}``")
        lines.append(f"     - ``{row['ours']}``" if row["ours"] else "     - no equal")
        lines.append(f"     - {code(row.get('differs', ''))}".rstrip())
    return "\n".join([*lines, ""])


def code(text: str) -> str:
    """Return text whose names in single backticks are code, as in docstrings."""
    return re.sub(r"(?<![`:])`([^`]+)`(?!`)", r"``\1``", text)


def write(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(TABLES.glob("*.toml")):
        table = tomllib.loads(path.read_text())
        made = folder / f"{path.stem}.rst"
        text = page(table, table["row"])
        if not made.exists() or made.read_text() != text:
            made.write_text(text)
