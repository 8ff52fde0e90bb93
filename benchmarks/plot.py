"""Draw growth curves from the CSVs in `results/`: `python plot.py ../docs/images/growth.svg`."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import pandas as pd
from timing import ROOT

WIDTH, HEIGHT, LEFT, TOP = 330, 250, 60, 40
STYLE = """<style>
svg { background: #fff } text { font: 11px system-ui, sans-serif; fill: #222 }
.t { font-weight: 600 } .g { stroke: #ddd } .r { stroke: #999; stroke-dasharray: 3 3 }
path { fill: none; stroke: #0b6e99; stroke-width: 2 } circle { fill: #0b6e99 }
@media (prefers-color-scheme: dark) {
  svg { background: #111 } text { fill: #ddd } .g { stroke: #333 }
}
</style>"""


def panel(column: int, title: str, x: pd.Series, y: pd.Series) -> str:
    """Draw seconds against interactions, both logarithmic, with a dashed line of slope one."""
    left, top, width, height = LEFT + column * WIDTH, TOP, WIDTH - 90, HEIGHT - 90
    x_low, x_high = math.log10(x.min()), math.log10(x.max())
    decades = range(math.floor(math.log10(y.min())), math.ceil(math.log10(y.max())) + 1)
    y_low, y_high = decades[0], decades[-1]

    def place(at: float, seconds: float) -> tuple[float, float]:
        across = (math.log10(at) - x_low) / (x_high - x_low)
        up = (math.log10(seconds) - y_low) / (y_high - y_low)
        return round(left + across * width, 1), round(top + (1 - up) * height, 1)

    drawn = [f'<text class="t" x="{left}" y="{top - 18}">{title}</text>']
    for decade in decades:
        _, level = place(x.min(), 10.0**decade)
        ends = f'x1="{left}" x2="{left + width}" y1="{level}" y2="{level}"'
        drawn.append(f'<line class="g" {ends}/>')
        drawn.append(f'<text x="{left - 44}" y="{level + 4}">{10.0**decade:g} s</text>')
    for value in x:
        at, _ = place(value, y.min())
        drawn.append(f'<text x="{at - 6}" y="{top + height + 16}">{value / 1e6:.0f}</text>')
    middle = left + width / 2 - 60
    drawn.append(f'<text x="{middle}" y="{top + height + 34}">million interactions</text>')
    first, last = place(x.max(), y.max()), place(x.min(), y.max() * x.min() / x.max())
    drawn.append(
        f'<line class="r" x1="{first[0]}" y1="{first[1]}" x2="{last[0]}" y2="{last[1]}"/>'
    )
    points = [place(*pair) for pair in zip(x, y, strict=True)]
    drawn.append('<path d="M' + " L".join(f"{a} {b}" for a, b in points) + '"/>')
    drawn += [f'<circle cx="{a}" cy="{b}" r="3"/>' for a, b in points]
    return "\n".join(drawn)


def main() -> None:
    """Draw an epoch, full ranking and data processing."""
    results = ROOT / "benchmarks/results"
    scale = pd.read_csv(results / "scale.csv").dropna(subset=["rank_seconds"])
    data = pd.read_csv(results / "data.csv")
    data = data[data["engine"] == "duckdb"].drop_duplicates("ratings").sort_values("ratings")
    curves = [
        ("An epoch of SS4Rec, H100", scale["interactions"], scale["epoch_seconds"]),
        ("Full ranking, 4 protocols, H100", scale["interactions"], scale["rank_seconds"]),
        ("csv to atomic files, 2 cores", data["ratings"], data["seconds"]),
    ]
    panels = "\n".join(panel(n, *curve) for n, curve in enumerate(curves))
    box = f'viewBox="0 0 {len(curves) * WIDTH} {HEIGHT}"'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" {box}>\n{STYLE}\n{panels}\n</svg>\n'
    Path(sys.argv[1]).write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
