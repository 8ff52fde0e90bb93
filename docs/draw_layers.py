"""Draw the rooms of `seqrec` and what they import: `python -m docs.draw_layers` (make layers).

A room is a folder of `src/seqrec`, or a file beside them. An arrow is an import; one is left out
where longer ways round say the same, and every box lists all its imports when it is pointed at.
"""

from __future__ import annotations

import graphlib
import re
from collections.abc import Iterable
from pathlib import Path

import grimp

PICTURE = Path(__file__).parent / "images" / "layers.svg"
Graph = dict[str, set[str]]
"""What each name imports."""

# Which column a room stands in, from the left: networks, training, data, what Kedro calls.
COLUMNS = {
    "models": 0,
    "ops": 0,
    "metrics": 0,
    "pipeline_registry": 1,
    "model_registry": 1,
    "pipelines": 1,
    "recbole_bridge": 1,
    "training": 1,
    "runs": 1,
    "ranking": 2,
    "histories": 2,
    "tables": 2,
    "errors": 2,
    "config_loader": 3,
    "datasets": 3,
    "parameters": 3,
    "sources": 3,
    "engine": 3,
    "serving": 3,
    "settings": 4,
    "hooks": 4,
    "checks": 4,
    "services": 4,
    "cli": 5,
    "project": 5,
}
WIDTH = 128
HEIGHT = 32
ACROSS = 164
DOWN = 84
MARGIN = 18
HEAD = 70
STYLE = """<style>
svg { background: #fff } text { font: 12px system-ui, sans-serif; fill: #222 }
.head { font-weight: 600 } .note { fill: #666 } .room text { text-anchor: middle }
.room rect { stroke-width: 1.5 } .import { fill: none; stroke: #8a8a8a } .tip { fill: #8a8a8a }
.neither rect { fill: #e3f0f6; stroke: #0b6e99 } .kedro rect { fill: #fbeedd; stroke: #b3660f }
.recbole rect { fill: #f7e1e6; stroke: #a82445 }
@media (prefers-color-scheme: dark) {
  svg { background: #111 } text { fill: #ddd } .note { fill: #999 }
  .neither rect { fill: #12303d } .kedro rect { fill: #3b2a13 } .recbole rect { fill: #3d1620 }
}
</style>"""


def module_graph() -> Graph:
    """Read which modules of seqrec import which, imports for type checkers included."""
    graph = grimp.build_graph("seqrec", cache_dir=None)
    return {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}


def room_graph(modules: Graph) -> Graph:
    """Read which rooms import which others; rooms that nothing ties to another are left out."""
    rooms: Graph = {}
    for name, imported in modules.items():
        for other in imported:
            if room(name) != room(other):
                rooms.setdefault(room(name), set()).add(room(other))
                rooms.setdefault(room(other), set())
    return rooms


def room(module: str) -> str:
    """Name a module's room; the package itself is ``seqrec``."""
    return [*module.split("."), module][1]


def frameworks() -> dict[str, str]:
    """Return which rooms import Kedro or RecBole themselves."""
    graph = grimp.build_graph("seqrec", include_external_packages=True, cache_dir=None)
    found: dict[str, str] = {}
    for framework in ("kedro", "kedro_datasets", "recbole"):
        if framework in graph.modules:
            for module in graph.find_modules_that_directly_import(framework):
                found[room(module)] = framework.split("_")[0]
    return found


def levels(rooms: Graph) -> dict[str, int]:
    """Put each room above all that it imports; one that imports nothing, below who imports it."""
    level: dict[str, int] = {}
    for name in graphlib.TopologicalSorter(rooms).static_order():
        level[name] = 1 + max((level[other] for other in rooms[name]), default=-1)
    for name in (name for name, imported in rooms.items() if not imported):
        level[name] = (
            min(level[other] for other, imported in rooms.items() if name in imported) - 1
        )
    return level


def reduce(rooms: Graph) -> Graph:
    """Leave out what follows from the other arrows."""
    reached: Graph = {}
    for name in graphlib.TopologicalSorter(rooms).static_order():
        reached[name] = rooms[name].union(*(reached[other] for other in rooms[name]))
    return {
        name: imported - set().union(*(reached[other] for other in imported))
        for name, imported in rooms.items()
    }


def places(rooms: Graph) -> dict[str, tuple[int, int]]:
    """Find each room's column and level; a room without a column takes the first free one."""
    level = levels(rooms)
    taken: dict[tuple[int, int], str] = {}
    for name in sorted(rooms, key=lambda name: (COLUMNS.get(name, 99), name)):
        column = COLUMNS.get(name, 0)
        while (column, level[name]) in taken:
            column += 1
        taken[column, level[name]] = name
    return {name: place for place, name in taken.items()}


def draw(rooms: Graph, framework: dict[str, str]) -> str:
    """Draw the rooms as SVG, those that import nothing at the bottom."""
    place = places(rooms)
    top = max(level for _, level in place.values())
    corner = {
        name: (MARGIN + ACROSS * column, HEAD + DOWN * (top - level))
        for name, (column, level) in place.items()
    }
    width = max(x for x, _ in corner.values()) + WIDTH + MARGIN
    height = HEAD + DOWN * top + HEIGHT + MARGIN
    arrows = [
        _arrow(corner[name], corner[other], f"{name} imports {other}")
        for name, imported in sorted(reduce(rooms).items())
        for other in sorted(imported)
    ]
    boxes = [
        _box(name, corner[name], rooms[name], framework.get(name, "neither"))
        for name in sorted(rooms)
    ]
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    start = f'<svg xmlns="http://www.w3.org/2000/svg" {size}>'
    return "\n".join([start, STYLE, _TIP, *_legend(), *arrows, *boxes, "</svg>\n"])


_TIP = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
    'orient="auto"><path class="tip" d="M0 0 L8 4 L0 8 z"/></marker></defs>'
)


def _legend() -> Iterable[str]:
    yield f'<text class="head" x="{MARGIN}" y="24">What imports what in src/seqrec</text>'
    note = "An arrow is left out where others lead the same way. make layers draws this."
    yield f'<text class="note" x="{MARGIN}" y="44">{note}</text>'
    names = {"neither": "imports neither", "kedro": "imports Kedro", "recbole": "imports RecBole"}
    for number, (kind, text) in enumerate(names.items()):
        x = 560 + 130 * number
        yield f'<g class="{kind}"><rect x="{x}" y="14" width="14" height="14" rx="3"/></g>'
        yield f'<text x="{x + 20}" y="25">{text}</text>'


def _box(name: str, corner: tuple[int, int], imported: set[str], framework: str) -> str:
    x, y = corner
    title = f"<title>{name}: {', '.join(sorted(imported))}</title>"
    frame = f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="6"/>'
    text = f'<text x="{x + WIDTH // 2}" y="{y + 20}">{name}</text>'
    return f'<g class="room {framework}">{title}{frame}{text}</g>'


def _arrow(start: tuple[int, int], end: tuple[int, int], title: str) -> str:
    """Lead from the bottom of a box to the top of another below it."""
    from_x = start[0] + WIDTH // 2
    from_y = start[1] + HEIGHT
    to_x = end[0] + WIDTH // 2
    to_y = end[1] - 2
    bend = (to_y - from_y) // 2
    curve = f"C{from_x} {from_y + bend} {to_x} {to_y - bend} {to_x} {to_y}"
    path = f'd="M{from_x} {from_y} {curve}" marker-end="url(#tip)"'
    return f'<path class="import" {path}><title>{title}</title></path>'


def drawn_graph(svg: str) -> Graph:
    """Read the rooms and all their imports out of a picture."""
    titles = re.findall(r'<g class="room \w+"><title>(\w+):([^<]*)</title>', svg)
    return {name: set(re.findall(r"\w+", imported)) for name, imported in titles}


if __name__ == "__main__":
    PICTURE.write_text(draw(room_graph(module_graph()), frameworks()), encoding="utf-8")
