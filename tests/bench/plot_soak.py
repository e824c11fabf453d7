#!/usr/bin/env python3
"""Draws the intervals of plexus-bench soak: latency, rate and the server's private memory over time.

    plot_soak.py soak.csv soak.svg
"""

import csv
import sys

WIDTH, LEFT, RIGHT, PANEL, GAP, TOP = 860, 70, 20, 150, 46, 34


def nice(most):
    """A round number a little above."""
    step = 1
    while step * 10 <= most:
        step *= 10
    while step > most and step > 1e-6:
        step /= 10
    for factor in (1, 1.5, 2, 3, 4, 5, 6, 8, 10):
        if step * factor >= most:
            return step * factor
    return step * 10


def text(x, y, words, anchor="start", colour="#333"):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{words}</text>'


def panel(top, seconds, title, lines):
    """One diagram; `lines` are (name, colour, values)."""
    bottom, right = top + PANEL, WIDTH - RIGHT
    most = nice(max(max(values) for _, _, values in lines) or 1)
    last = seconds[-1] or 1
    out = [text(LEFT, top - 8, title)]
    for part in range(5):
        y = bottom - PANEL * part / 4
        out.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}" stroke="#ddd"/>')
        out.append(text(LEFT - 6, y + 4, f"{most * part / 4:g}", "end"))
    for part in range(7):
        x = LEFT + (right - LEFT) * part / 6
        out.append(text(x, bottom + 16, f"{last * part / 6 / 60:.0f} min", "middle", "#777"))
    x = right
    for name, colour, values in reversed(lines):
        out.append(text(x, top - 8, name, "end", colour))
        x -= 9 * len(name) + 16
        points = " ".join(f"{LEFT + (right - LEFT) * at / last:.1f},{bottom - PANEL * value / most:.1f}"
                          for at, value in zip(seconds, values))
        out.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.3"/>')
    return "\n".join(out)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1], newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if not rows:
        sys.exit(f"{sys.argv[1]} has no intervals")

    def column(name, scale=1.0):
        return [float(row[name]) * scale for row in rows]

    seconds = column("seconds")
    panels = (
        ("SEND to MSG, ms", [("median", "#1f77b4", column("median_ms")), ("99th percentile", "#d62728", column("p99_ms"))]),
        ("messages a second", [("rate", "#2ca02c", column("messages_per_second"))]),
        ("private memory of the server (RssAnon), MB", [("memory", "#9467bd", column("server_anonymous_bytes", 1e-6))]),
    )
    height = TOP + len(panels) * (PANEL + GAP)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
             'font-family="sans-serif" font-size="12">', f'<rect width="{WIDTH}" height="{height}" fill="white"/>']
    for number, (title, lines) in enumerate(panels):
        parts.append(panel(TOP + number * (PANEL + GAP), seconds, title, lines))
    parts.append("</svg>\n")
    with open(sys.argv[2], "w", encoding="utf-8") as out:
        out.write("\n".join(parts))


if __name__ == "__main__":
    main()
