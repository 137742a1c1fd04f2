"""The figure of the README, docs/assets/bounds.svg, drawn from the stored result of `qla-jax run`.

python -m tools.figure     # writes the figure
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

from tools.results import ROOT, stored

FIGURE = ROOT / "docs" / "assets" / "bounds.svg"
WIDTH, HEIGHT, TOP, BOTTOM = 340, 230, 34, 44
LEFT, RIGHT = 52, 14
BLUE, ORANGE, GREY = "#2b4a9b", "#c8641e", "#7c8594"

Place = Callable[[float], float]


def axis(low: float, high: float, start: float, length: float, *, log: bool = False) -> Place:
    """Return the map from values to places."""
    scale = math.log10 if log else float
    return lambda value: start + length * (scale(value) - scale(low)) / (scale(high) - scale(low))


def text(x: float, y: float, content: str, anchor: str = "middle", color: str = "#444") -> str:
    """Return a text at a place."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{color}">{content}</text>'


def curve(points: Sequence[tuple[float, float]], color: str, style: str = "") -> str:
    """Return a line through points, and a dot at each of them."""
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6" fill="{color}"/>' for x, y in points)
    return f'<polyline points="{places}" fill="none" stroke="{color}" stroke-width="1.6"{style}/>{dots}'


def frame(title: str, blocks: Sequence[int], x: Place, ticks: Sequence[tuple[float, str]]) -> str:
    """Return title, axes and ticks of a panel; ticks of the y axis are places with labels."""
    end = HEIGHT - BOTTOM
    parts = [text(LEFT + (WIDTH - LEFT - RIGHT) / 2, 18, title, color="#222")]
    parts += [f'<path d="M{LEFT} {TOP}V{end}H{WIDTH - RIGHT}" fill="none" stroke="{GREY}"/>']
    parts += [text(x(block), end + 16, str(block)) for block in blocks]
    parts += [text((LEFT + WIDTH - RIGHT) / 2, end + 34, "block")]
    parts += [text(LEFT - 7, place + 4, label, "end") for place, label in ticks]
    return "".join(parts)


def norms(network: dict[str, Any]) -> str:
    """Return the left panel: mean and range of the norms, and the proven range."""
    found = network["norms"]
    blocks = [one["block"] for one in found]
    x = axis(blocks[0], blocks[-1], LEFT + 18, WIDTH - LEFT - RIGHT - 36)
    y = axis(0, 2, HEIGHT - BOTTOM, TOP + BOTTOM - HEIGHT)
    parts = [
        frame("norm N before normalization", blocks, x, [(y(value), f"{value:.1f}") for value in (0, 0.5, 1, 1.5, 2)])
    ]
    for end in (found[0]["low"], found[0]["high"]):
        parts += [f'<path d="M{LEFT} {y(end):.1f}H{WIDTH - RIGHT}" stroke="{ORANGE}" stroke-dasharray="5 4"/>']
    parts += [text(WIDTH - RIGHT - 2, y(found[0]["high"]) + 15, "proven range", "end", ORANGE)]
    for one in found:
        upright = f"M{x(one['block']):.1f} {y(one['min']):.1f}V{y(one['max']):.1f}"
        parts += [f'<path d="{upright}" stroke="{BLUE}" stroke-width="5" opacity="0.3"/>']
    parts += [curve([(x(one["block"]), y(one["mean"])) for one in found], BLUE)]
    parts += [text(x(blocks[-1]), y(found[-1]["max"]) - 8, "all test images", "end", BLUE)]
    return "".join(parts)


def errors(network: dict[str, Any]) -> str:
    """Return the right panel: largest distance from the ideal network and the tracked error, after each block."""
    found = [*network["errors"]]
    blocks = [one["block"] for one in found]
    x = axis(blocks[0], blocks[-1], LEFT + 18, WIDTH - LEFT - RIGHT - 36)
    low = 10.0 ** math.floor(math.log10(min(one["actual_max"] for one in found)))
    high = 10.0 ** math.ceil(math.log10(max(one["eps"] for one in found)))
    y = axis(low, high, HEIGHT - BOTTOM, TOP + BOTTOM - HEIGHT, log=True)
    powers = range(round(math.log10(low)), round(math.log10(high)) + 1)
    parts = [frame("distance from the ideal network", blocks, x, [(y(10.0**one), f"1e{one}") for one in powers])]
    parts += [curve([(x(one["block"]), y(one["eps"])) for one in found], ORANGE, ' stroke-dasharray="5 4"')]
    parts += [curve([(x(one["block"]), y(one["actual_max"])) for one in found], BLUE)]
    parts += [text(x(blocks[-1]) - 10, y(found[-1]["eps"]) - 4, "tracked bound", "end", ORANGE)]
    parts += [text(x(blocks[-1]), HEIGHT - BOTTOM - 10, "measured, largest of all test images", "end", BLUE)]
    return "".join(parts)


def figure() -> str:
    """Return the figure as SVG."""
    network, size = stored("run")["report"]["networks"][0], f'width="{2 * WIDTH}" height="{HEIGHT}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * WIDTH} {HEIGHT}" {size}'
        ' font-family="sans-serif" font-size="12">\n'
        "<title>Norms and errors of a trained network, block by block</title>\n"
        f'<rect width="100%" height="100%" fill="#fff"/>\n<g>{norms(network)}</g>\n'
        f'<g transform="translate({WIDTH} 0)">{errors(network)}</g>\n</svg>\n'
    )


if __name__ == "__main__":
    FIGURE.write_text(figure())
