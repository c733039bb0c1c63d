"""`summary.html`: a table to sort and filter, one file without anything from elsewhere."""

from __future__ import annotations

import base64
import html
from typing import TYPE_CHECKING
from urllib.parse import quote

from UniFuseLib.batch.case import THUMBNAIL
from UniFuseLib.degradation import title
from UniFuseLib.io.json_files import write_text
from UniFuseLib.version import NOTICE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from UniFuseLib.batch.summary import SummaryRow

TRUST = {"green": "trust", "amber": "check", "red": "do not use"}
_HEADINGS = (
    "Case",
    "State",
    "Trust",
    "Remarks",
    "Reference · degraded · restored · fused",
    "Degradation",
    "Probability",
    "Displacement mean / P95, mm",
    "Similarity before → after",
    "Folds, %",
    "Seconds",
)

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --quiet: #777; }
body { font: 14px/1.4 system-ui, sans-serif; margin: 1.5rem; }
h1 { font-size: 1.3rem; margin: 0 0 .3rem; }
.quiet { color: var(--quiet); }
form { display: flex; gap: .8rem; margin: .8rem 0; flex-wrap: wrap; align-items: center; }
input, select { font: inherit; padding: .2rem .4rem; }
table { border-collapse: collapse; width: 100%; }
th { position: sticky; top: 0; background: Canvas; text-align: left; cursor: pointer; }
th, td { padding: .35rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
th[aria-sort=ascending]::after { content: " ▲"; }
th[aria-sort=descending]::after { content: " ▼"; }
td.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
td.remarks { min-width: 15rem; max-width: 40rem; overflow-wrap: break-word; }
td img { display: block; width: 312px; background: #000; }
.mark { padding: .1rem .5rem; border-radius: 1rem; white-space: nowrap; color: #fff; }
.done, .none { background: #5a6472; } .open { background: #8a8f98; }
.failed, .red { background: #b3261e; } .amber { background: #9a5b00; }
.green { background: #1b7a3d; }
tr[hidden] { display: none; }
"""

_SCRIPT = """
const body = document.querySelector("tbody");
const rows = Array.from(body.rows);
const text = document.querySelector("#text");
const kind = document.querySelector("#kind");
const shown = document.querySelector("#shown");
function filter() {
  const wanted = text.value.toLowerCase();
  let count = 0;
  for (const row of rows) {
    const fits = row.textContent.toLowerCase().includes(wanted)
      && (!kind.value || row.dataset.kinds.split(" ").includes(kind.value));
    row.hidden = !fits;
    count += fits;
  }
  shown.textContent = count + " of " + rows.length + " cases";
}
function compare(a, b) {
  if (a === "" || b === "") return (a === "") - (b === "");
  return isNaN(a) || isNaN(b) ? a.localeCompare(b) : a - b;
}
document.querySelectorAll("th").forEach((heading, column) => {
  const sort = () => {
    const down = heading.getAttribute("aria-sort") === "ascending";
    document.querySelectorAll("th").forEach(one => one.removeAttribute("aria-sort"));
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
    const key = row => row.cells[column].dataset.key;
    rows.sort((a, b) => {
      const order = compare(key(a), key(b));
      return down && key(a) !== "" && key(b) !== "" ? -order : order;
    });
    body.append(...rows);
  };
  heading.addEventListener("click", sort);
  heading.addEventListener("keydown", event => { if (event.key === "Enter") sort(); });
});
text.addEventListener("input", filter);
kind.addEventListener("input", filter);
document.querySelector("form").addEventListener("submit", event => event.preventDefault());
filter();
"""
# the browser itself refuses whatever a file name might smuggle in
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def write_page(rows: Sequence[SummaryRow], output: Path) -> None:
    """Write `summary.html` into the folder of the batch.

    Args:
        rows: one per case.
        output: folder of the batch, with the cases' thumbnails.
    """
    write_text(page(rows, output), output / "summary.html")


def page(rows: Sequence[SummaryRow], output: Path) -> str:
    """The whole document."""
    headings = "".join(f'<th scope="col" tabindex="0">{_safe(name)}</th>' for name in _HEADINGS)
    lines = "\n".join(_row(row, output) for row in rows)
    states = ("done", "failed", "open")
    counts = ", ".join(f"{sum(r.state == state for r in rows)} {state}" for state in states)
    options = "".join(
        f'<option value="{value}">{label}</option>'
        for value, label in (("", "all cases"), *((s, s) for s in states), *TRUST.items())
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<title>UniFuse batch: {_safe(output.name)}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>UniFuse batch: {_safe(output.name)}</h1>
<div>{len(rows)} cases: {counts}. <span class="quiet">{_safe(NOTICE)}</span></div>
<form>
<input id="text" type="search" placeholder="Filter" aria-label="Filter">
<select id="kind" aria-label="Kind">{options}</select>
<span id="shown" class="quiet"></span>
</form>
<table>
<thead><tr>{headings}</tr></thead>
<tbody>
{lines}
</tbody>
</table>
<script>{_SCRIPT}</script>
</body>
</html>
"""


def _row(row: SummaryRow, output: Path) -> str:
    trust = row.trust if row.trust in TRUST else ""
    cells = [
        _cell(row.name, _link(row, output)),
        _cell(row.state, _mark(row.state, row.state)),
        _cell(_trust_key(row), _trust(row, trust)),
        _cell(row.sentence or row.warnings, _safe(row.sentence or row.warnings), "remarks"),
        _cell("", _picture(row, output)),
        _cell(row.degradation, _safe(title(row.degradation)) if row.degradation else ""),
        _number(row.probability, "{:.0%}"),
        _pair(row.mean_displacement_mm, row.p95_displacement_mm, "{:.1f} / {:.1f}"),
        _pair(row.similarity_after, row.similarity_before, "{1:.2f} → {0:.2f}"),
        _number(row.folds_percent, "{:.2f}"),
        _number(row.seconds, "{:.0f}"),
    ]
    kinds = f"{row.state} {trust}".strip()
    return f'<tr data-kinds="{kinds}">{"".join(cells)}</tr>'


def _trust_key(row: SummaryRow) -> str:
    if row.probability_off_by_3_mm is not None:
        return f"{row.probability_off_by_3_mm:g}"
    order = list(TRUST)
    return str(order.index(row.trust)) if row.trust in order else ""


def _trust(row: SummaryRow, trust: str) -> str:
    if not trust:
        return _safe(row.trust)
    error = row.expected_error_mm
    words = "" if error is None else f'<div class="quiet">about {error:.1f} mm off</div>'
    return _mark(trust, TRUST[trust]) + words


def _link(row: SummaryRow, output: Path) -> str:
    if row.state != "done":
        return _safe(row.name)
    files = ("overview.png", "report.json")
    file = next((name for name in files if (output / row.name / name).exists()), "")
    return f'<a href="./{_safe(quote(f"{row.name}/{file}"))}">{_safe(row.name)}</a>'


def _picture(row: SummaryRow, output: Path) -> str:
    path = output / row.name / THUMBNAIL
    if row.state != "done" or not path.is_file():
        return ""
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    return f'<img loading="lazy" alt="Axial plane" src="data:image/png;base64,{data}">'


def _mark(kind: str, words: str) -> str:
    return f'<span class="mark {_safe(kind)}">{_safe(words)}</span>'


def _pair(first: float | None, second: float | None, pattern: str) -> str:
    if first is None or second is None:
        return _cell("", "", "number")
    return _cell(f"{first:g}", _safe(pattern.format(first, second)), "number")


def _number(value: float | None, pattern: str) -> str:
    if value is None:
        return _cell("", "", "number")
    return _cell(f"{value:g}", _safe(pattern.format(value)), "number")


def _cell(key: str, content: str, kind: str = "") -> str:
    """`content` is HTML already; `key` is what the column is sorted by."""
    return f'<td class="{kind}" data-key="{_safe(key)}">{content}</td>'


def _safe(text: str) -> str:
    return html.escape(text, quote=True)
