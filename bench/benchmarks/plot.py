"""bench/run plot FOLDER - draws the figures in FOLDER/*.json as FOLDER/*.svg: the
overhead of each program, pauses and restores against the size of memory."""

import argparse
import math
import os

from . import figures
from .machine import Unusable

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 420, 70, 190, 40, 50
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")


class Axis:
    """Values to places between two ends, in proportion or by their logarithm."""

    def __init__(self, low, high, begin, end, logarithmic):
        self.scale = math.log10 if logarithmic else float
        self.low, self.high = self.scale(low), self.scale(high)
        self.begin, self.end = begin, end

    def place(self, value):
        share = (self.scale(value) - self.low) / ((self.high - self.low) or 1)
        return self.begin + share * (self.end - self.begin)


class Picture:
    def __init__(self, title, width=WIDTH, height=HEIGHT):
        self.width, self.height = width, height
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            'font-family="sans-serif" font-size="12">',
            f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        ]
        self.text(width / 2, 22, title, "middle", 15)

    def text(self, x, y, words, anchor="start", size=12):
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">{words}</text>'
        )

    def line(self, points, colour="#bbbbbb", width=1.0, dashes=""):
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"'
            + (f' stroke-dasharray="{dashes}"' if dashes else "") + "/>"
        )  # fmt: skip

    def dot(self, x, y, colour):
        self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>')

    def bar(self, x, y, width, height, colour):
        self.parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{max(height, 0.5):.1f}" fill="{colour}"/>'
        )

    def write(self, path):
        with open(path, "w") as file:
            file.write("\n".join([*self.parts, "</svg>", ""]))


def size_name(mib):
    return f"{mib // 1024} GiB" if mib >= 1024 else f"{mib} MiB"


def curves(path, title, lines):
    """Milliseconds against MiB, both logarithmic; lines: name -> {mib: ms}."""
    lines = {name: points for name, points in lines.items() if points}
    sizes = sorted({size for points in lines.values() for size in points})
    values = [value for points in lines.values() for value in points.values()]
    low, high = 10 ** math.floor(math.log10(min(values))), 10 ** math.ceil(math.log10(max(values) * 1.01))
    picture = Picture(title)
    x = Axis(sizes[0], max(sizes[-1], sizes[0] * 2), LEFT, WIDTH - RIGHT, True)
    y = Axis(low, high, HEIGHT - BOTTOM, TOP, True)
    for size in sizes:
        picture.line([(x.place(size), TOP), (x.place(size), HEIGHT - BOTTOM)])
        picture.text(x.place(size), HEIGHT - BOTTOM + 18, size_name(size), "middle")
    step = low
    while step <= high * 1.001:
        picture.line([(LEFT, y.place(step)), (WIDTH - RIGHT, y.place(step))])
        picture.text(LEFT - 6, y.place(step) + 4, f"{step:g} ms", "end")
        step *= 10
    picture.text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, "memory of the program", "middle")
    for number, (name, points) in enumerate(lines.items()):
        colour = COLOURS[number % len(COLOURS)]
        places = [(x.place(size), y.place(value)) for size, value in sorted(points.items())]
        picture.line(places, colour, 2, "6,4" if name.startswith(("none", "raw")) else "")
        for place in places:
            picture.dot(*place, colour)
        row = TOP + 10 + 20 * number
        picture.line([(WIDTH - RIGHT + 14, row), (WIDTH - RIGHT + 38, row)], colour, 2)
        picture.text(WIDTH - RIGHT + 44, row + 4, name)
    picture.write(path)


def bars(path, title, rows):
    """Percent of each (name, value, noise): bars from a line at zero."""
    height = TOP + 16 * len(rows) + BOTTOM
    picture = Picture(title, WIDTH, height)
    values = [value for _, value, noise in rows for value in (value, noise)]
    most = max(1.0, math.ceil(max(map(abs, values))))
    x = Axis(-most, most, 170, WIDTH - 30, False)
    for tick in range(-int(most), int(most) + 1):
        picture.line([(x.place(tick), TOP), (x.place(tick), height - BOTTOM + 4)],
                     "#666666" if tick == 0 else "#dddddd")  # fmt: skip
        picture.text(x.place(tick), height - BOTTOM + 18, f"{tick:+d} %" if tick else "0", "middle")
    for number, (name, value, noise) in enumerate(rows):
        row = TOP + 16 * number
        for amount, offset, colour in ((value, 2, COLOURS[0]), (noise, 9, "#bbbbbb")):
            begin, end = sorted((x.place(0), x.place(amount)))
            picture.bar(begin, row + offset, end - begin, 6 if offset == 2 else 4, colour)
        picture.text(162, row + 12, name, "end", 11)
    picture.text(WIDTH / 2, height - 10, "blue: with sites against base; grey: base against its copy", "middle")
    picture.write(path)


def by_size(rows, field, **wanted):
    return {
        row["rss_mib"]: row[field]
        for row in rows
        if row.get(field) and all(row.get(name) == value for name, value in wanted.items())
    }


def draw_overhead(told, path):
    rows = [
        (f"{row['program']} {row['level']}", row["overhead_percent"], row["noise_percent"])
        for row in told["rows"]
    ]
    bars(path, "Cost of being checkpointable, no checkpoint taken", rows)


def draw_pause(told, path):
    lines = {}
    for tool in dict.fromkeys(row["tool"] for row in told["rows"]):
        lines[f"{tool}: p50"] = by_size(told["rows"], "pause_p50_ms", tool=tool)
        lines[f"{tool}: p99"] = by_size(told["rows"], "pause_p99_ms", tool=tool)
    own = [{**row["own"], "rss_mib": row["rss_mib"]} for row in told["rows"] if "own" in row]
    lines["hwckpt, own: p50"] = by_size(own, "pause_p50_ms")
    fork = told["raw"]["fork_ms"] / told["raw"]["mib"]
    lines["raw fork, 4 KiB pages"] = {row["rss_mib"]: fork * row["rss_mib"] for row in told["rows"]}
    curves(path, "Largest gap between heartbeats at a checkpoint", lines)


def draw_restore(told, path):
    lines = {}
    for mode in dict.fromkeys(row["mode"] for row in told["rows"]):
        for cold in (False, True):
            name = f"{mode}{', cold' if cold else ''}"
            lines[f"{name}: first step"] = by_size(told["rows"], "first_step_ms", mode=mode, cold=cold)
            if not cold:
                lines[f"{name}: complete"] = by_size(told["rows"], "complete_ms", mode=mode, cold=cold)
    lines["raw read"] = by_size(told["rows"], "raw_read_ms", cold=False)
    curves(path, "From the call of hwckpt restore", lines)


DRAWINGS = {"overhead": draw_overhead, "pause": draw_pause, "restore": draw_restore}


def draw(folder):
    drawn = 0
    for name, drawing in DRAWINGS.items():
        told = figures.read_json(os.path.join(folder, f"{name}.json"))
        if told:
            drawing(told, os.path.join(folder, f"{name}.svg"))
            drawn += 1
    return drawn


def main(words):
    parser = argparse.ArgumentParser(
        prog="bench/run plot", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("folder")
    folder = parser.parse_args(words).folder
    if not draw(folder):
        raise Unusable(f"{folder} holds no figures: none of {', '.join(DRAWINGS)}.json")
    return 0
