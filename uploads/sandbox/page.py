"""The sandbox's one page: what it holds, and what it was asked last. No script; it reloads itself."""

import time
from collections.abc import Sequence
from html import escape
from http import HTTPStatus

from uploads.sandbox.state import Sandbox

REQUESTS_SHOWN = 50
SERIES_SHOWN = 200
REFRESH = 3  # seconds

STYLE = """
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid #8886; }
td.uid { font-family: ui-monospace, monospace; font-size: .85rem; overflow-wrap: anywhere; }
.number { text-align: right; white-space: nowrap; }
"""


def render(sandbox: Sandbox, is_still: bool) -> bytes:
    """Draw the page; ``is_still`` leaves out the reload, for whoever wants to read in peace."""
    series = sandbox.ledger.series()
    requests = sandbox.ledger.requests(last=REQUESTS_SHOWN)
    reload = "" if is_still else f'<meta http-equiv="refresh" content="{REFRESH}">'
    link = '<a href="./">Keep it up to date</a>' if is_still else '<a href="./?still">Stop reloading</a>'
    total = sum(int(str(row["instances"])) for row in series)
    faults = len(sandbox.faults.waiting())
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
{reload}
<title>Sandbox: {total} instances held</title>
<link rel="stylesheet" href="page.css">
</head>
<body>
<main>
<h1>Stand-in Qure server</h1>
<p>Holds <strong>{total}</strong> instances in {len(series)} series.
Scripted faults that wait: {faults}. {link}</p>
<h2>Series</h2>
{_series_table(series)}
<h2>Last requests</h2>
{_requests_table(requests)}
</main>
</body>
</html>
""".encode()


def _series_table(rows: Sequence[dict[str, object]]) -> str:
    if not rows:
        return "<p>Nothing was sent yet.</p>"
    body = [
        [
            _cell(row["study_uid"], "uid"),
            _cell(row["series_uid"], "uid"),
            _cell(row["instances"], "number"),
            _cell(row["received"], "number"),
            _cell(f"{int(str(row['bytes'])) / 1e6:,.1f} MB", "number"),
        ]
        for row in rows[:SERIES_SHOWN]
    ]
    more = f"<p>{len(rows) - SERIES_SHOWN} more are not shown.</p>" if len(rows) > SERIES_SHOWN else ""
    return _table(["Study", "Series", "Instances", "Times received", "Size"], body) + more


def _requests_table(rows: Sequence[dict[str, object]]) -> str:
    if not rows:
        return "<p>No request yet.</p>"
    body = [
        [
            _cell(time.strftime("%H:%M:%S", time.localtime(float(str(row["started_at"]))))),
            _cell(_status_text(int(str(row["status"])))),
            _cell(row["outcome"]),
            _cell(row["fault"]),
            _cell(row["part_count"], "number"),
            _cell(f"{int(str(row['bytes'])) / 1e6:,.1f} MB", "number"),
            _cell(f"{_milliseconds(row):,.0f} ms", "number"),
        ]
        for row in reversed(rows)
    ]
    return _table(["Time", "Answer", "Outcome", "Fault", "Parts", "Size", "Took"], body)


def _status_text(status: int) -> str:
    return f"{status} {HTTPStatus(status).phrase}" if status else "none"


def _milliseconds(row: dict[str, object]) -> float:
    return (float(str(row["ended_at"])) - float(str(row["started_at"]))) * 1000


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in heads)
    body = "\n".join(f"<tr>{''.join(cells)}</tr>" for cells in rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div>'


def _cell(value: object, kind: str = "") -> str:
    return f'<td class="{kind}">{escape(str(value))}</td>'
