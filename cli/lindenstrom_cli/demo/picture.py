"""One day of a community as a self-contained SVG: what was shared, what the supplier had to add, what was left over.

Only sums over at least five connections a side are drawn (I12). Colours differ in lightness as well as in hue, so that
the picture reads for colour-blind people and in print.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from lindenstrom.core.calendar import Zone, date_of
from lindenstrom.core.units import format_kwh
from lindenstrom.errors import RefusedByRules, UsageError
from lindenstrom.simulation.walltime import wall_quarters

MIN_CONNECTIONS = 5

_WIDTH, _HEIGHT = 1120, 712
_MARGIN = 56
_LEFT, _RIGHT, _TOP, _BOTTOM = 84, 1072, 232, 604
_INK, _SOFT, _GRID, _PAPER = "#1B2A33", "#56656F", "#E3E8EB", "#FFFFFF"
_SHARED, _RESIDUAL, _SURPLUS = "#00705C", "#9DB6C9", "#F2A33A"
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif"


class TooFewConnections(RefusedByRules):
    """A sum over so few connections would show what single ones did."""

    def __init__(self, side: str, connections: int) -> None:
        super().__init__(
            f"no picture is drawn: only {connections} connections {side}, and a sum over fewer than {MIN_CONNECTIONS} "
            "would show what single ones did; use a larger community"
        )


class PictureSeriesUnfit(UsageError):
    """A series does not belong to the day, or the series contradict each other."""

    def __init__(self, series: str, what: str) -> None:
        super().__init__(f"the day cannot be drawn: series {series} {what}")


@dataclass(frozen=True, slots=True, kw_only=True)
class DaySums:
    """The community's draw and feed-in, mWh per slot, and over how many connections each sum runs."""

    draw_mwh: tuple[int, ...]
    feed_mwh: tuple[int, ...]
    draw_connections: int
    feed_connections: int


def day_picture_svg(
    *, community: str, window: int, zone: Zone, sums: DaySums, shared_mwh: Sequence[int], note: str = ""
) -> str:
    """The day as SVG text, without any outside font, image or script.

    `shared_mwh` is what members took from each other per slot (Σ taken over all agreements); it is part of the draw and
    of the feed-in. `note` is one more line below the picture. Raises TooFewConnections, PictureSeriesUnfit.
    """
    _check(zone.slot_count(window), sums, shared_mwh)
    surplus = [feed - shared for feed, shared in zip(sums.feed_mwh, shared_mwh, strict=True)]
    day = date_of(window)
    date_text = f"{day:%A}, {day.day} {day:%B %Y}"
    size = f'viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}"'
    accessible = 'role="img" aria-labelledby="title description"'
    style = f'font-family="{_FONT}" font-size="15" fill="{_INK}"'
    residual_mwh = sum(sums.draw_mwh) - sum(shared_mwh)
    description = (
        f"{format_kwh(sum(shared_mwh), 1)} kWh shared between neighbours, "
        f"{format_kwh(residual_mwh, 1)} kWh from the residual supplier, "
        f"{format_kwh(sum(surplus), 1)} kWh of surplus fed into the grid."
    )
    scale = _Scale(slots=len(shared_mwh), above_mwh=max(sums.draw_mwh), below_mwh=max(surplus))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {accessible} {style}>',
        f'<title id="title">{escape(community)}, {date_text}</title>',
        f'<desc id="description">{escape(description)}</desc>',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="{_PAPER}"/>',
        _text(_MARGIN, 52, f"A day of {community}", size=27, weight=700),
        _text(_MARGIN, 80, f"{date_text} · quarter-hour by quarter-hour, local time", fill=_SOFT),
        *_legend(sums, shared_mwh),
        *_kilowatt_axis(scale),
        _area(scale, shared_mwh, [0] * len(shared_mwh), _SHARED),
        _area(scale, sums.draw_mwh, shared_mwh, _RESIDUAL),
        _area(scale, [-value for value in surplus], [0] * len(surplus), _SURPLUS),
        *_time_axis(scale, window, zone),
        *_footer(sums, note),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scale:
    """Slots and mWh per slot to pixels; feed-in hangs below the line of zero."""

    slots: int
    above_mwh: int
    below_mwh: int

    @property
    def step_kw(self) -> int:
        """Distance of the grid lines: 1, 2 or 5 × 10^k kW, at most 8 of them."""
        power_kw = (self.above_mwh + self.below_mwh) * 4 / 1e6
        steps = (int(digit + "0" * zeros) for zeros in range(12) for digit in "125")
        return next(step for step in steps if power_kw <= 8 * step)

    @property
    def lines_kw(self) -> range:
        """Grid lines from below to above, in kW; each side ends at the line after its largest value."""
        step = self.step_kw * 1_000_000
        below = -(-self.below_mwh * 4 // step)
        above = max(1, -(-self.above_mwh * 4 // step))
        return range(-below * self.step_kw, (above + 1) * self.step_kw, self.step_kw)

    def x(self, slot: int) -> str:
        """Left edge of a slot."""
        return f"{_LEFT + (_RIGHT - _LEFT) * slot / self.slots:.1f}"

    def y(self, energy_mwh: int) -> str:
        """Height of a mean power, given as mWh per quarter-hour."""
        return self.y_kw(energy_mwh * 4 / 1e6)

    def y_kw(self, power_kw: float) -> str:
        """Height of a power in kW."""
        lowest, highest = self.lines_kw[0], self.lines_kw[-1]
        return f"{_BOTTOM - (_BOTTOM - _TOP) * (power_kw - lowest) / (highest - lowest):.1f}"


def _check(slots: int, sums: DaySums, shared_mwh: Sequence[int]) -> None:
    for side, connections in (("draw", sums.draw_connections), ("feed in", sums.feed_connections)):
        if connections < MIN_CONNECTIONS:
            raise TooFewConnections(side, connections)
    for name, series in (("draw", sums.draw_mwh), ("feed-in", sums.feed_mwh), ("shared", shared_mwh)):
        if len(series) != slots:
            raise PictureSeriesUnfit(name, f"has {len(series)} values where the day has {slots} quarter-hours")
        if min(series) < 0:
            raise PictureSeriesUnfit(name, "falls below zero; draw, feed-in and shared energy are counted upwards")
    for shared, draw, feed in zip(shared_mwh, sums.draw_mwh, sums.feed_mwh, strict=True):
        if shared > draw or shared > feed:
            raise PictureSeriesUnfit("shared", "is above draw or feed-in somewhere; give the same day for all three")


def _legend(sums: DaySums, shared_mwh: Sequence[int]) -> Iterable[str]:
    draw, feed, shared = sum(sums.draw_mwh), sum(sums.feed_mwh), sum(shared_mwh)
    entries = (
        (
            _SHARED,
            "Shared between neighbours",
            shared,
            f"{_percent(shared, draw)} of the draw, {_percent(shared, feed)} of the feed-in",
        ),
        (_RESIDUAL, "From the residual supplier", draw - shared, f"{_percent(draw - shared, draw)} of the draw"),
        (_SURPLUS, "Surplus fed into the grid", feed - shared, f"{_percent(feed - shared, feed)} of the feed-in"),
    )
    for number, (colour, name, energy, share) in enumerate(entries):
        x = _MARGIN + number * 350
        yield f'<rect x="{x}" y="108" width="8" height="72" rx="3" fill="{colour}"/>'
        yield _text(x + 22, 122, name, size=15, fill=_SOFT)
        yield _text(x + 22, 154, f"{format_kwh(energy, 1)} kWh", size=27, weight=700)
        yield _text(x + 22, 178, share, size=15, fill=_SOFT)


def _kilowatt_axis(scale: _Scale) -> Iterable[str]:
    for power in scale.lines_kw:
        y = scale.y_kw(power)
        if power:
            yield f'<line x1="{_LEFT}" x2="{_RIGHT}" y1="{y}" y2="{y}" stroke="{_GRID}"/>'
        yield _text(_LEFT - 12, float(y) + 5, str(abs(power)), anchor="end", fill=_SOFT)
    zero = float(scale.y_kw(0))
    for middle, label in (((zero + _TOP) / 2, "kW drawn"), ((zero + _BOTTOM) / 2, "kW surplus")):
        if abs(middle - zero) > 45:
            place = f"translate({_LEFT - 50} {middle:.1f}) rotate(-90)"
            yield _text(0, 0, label, anchor="middle", fill=_SOFT, transform=place)


def _area(scale: _Scale, top: Sequence[int], bottom: Sequence[int], colour: str) -> str:
    """Steps along `top` and back along `bottom`: a quarter-hour's energy has no shape inside the quarter-hour."""
    path = [f"M{scale.x(0)} {scale.y(bottom[0])}"]
    path += [f"V{scale.y(value)}H{scale.x(slot + 1)}" for slot, value in enumerate(top)]
    path += [f"V{scale.y(bottom[slot])}H{scale.x(slot)}" for slot in range(len(bottom) - 1, -1, -1)]
    return f'<path d="{"".join(path)}Z" fill="{colour}"/>'


def _time_axis(scale: _Scale, window: int, zone: Zone) -> Iterable[str]:
    wall = wall_quarters(window, zone)
    zero = scale.y_kw(0)
    yield f'<line x1="{_LEFT}" x2="{_RIGHT}" y1="{zero}" y2="{zero}" stroke="{_INK}" stroke-width="1.5"/>'
    marks = [(slot, quarter) for slot, quarter in enumerate(wall) if quarter % 4 == 0] + [(len(wall), 96)]
    for slot, quarter in marks:
        labelled = quarter % 12 == 0
        x = scale.x(slot)
        yield f'<line x1="{x}" x2="{x}" y1="{_BOTTOM}" y2="{_BOTTOM + (9 if labelled else 5)}" stroke="{_SOFT}"/>'
        if labelled:
            yield _text(float(x), _BOTTOM + 27, _clock(quarter), anchor="middle", fill=_SOFT)
    for slot, (before, after) in enumerate(pairwise(wall), start=1):
        if after == before + 1:
            continue
        x = scale.x(slot)
        way = "forward" if after > before else "back"
        yield f'<line x1="{x}" x2="{x}" y1="{_TOP - 20}" y2="{_BOTTOM}" stroke="{_INK}" stroke-dasharray="4 4"/>'
        label = f"clocks go {way}, {_clock(before + 1)} → {_clock(after)}"
        yield _text(float(x) + 8, _TOP - 9, label, size=14)


def _footer(sums: DaySums, note: str) -> Iterable[str]:
    sides = f"{sums.draw_connections} connections that draw and {sums.feed_connections} that can feed in"
    line = f"Sums over {sides}; no single connection is shown. Power is the mean of the quarter-hour."
    yield _text(_MARGIN, _HEIGHT - 44, line, size=14, fill=_SOFT)
    if note:
        yield _text(_MARGIN, _HEIGHT - 22, note, size=14, fill=_SOFT)


def _clock(quarter: int) -> str:
    return f"{quarter // 4:02d}:{quarter % 4 * 15:02d}"


def _percent(part: int, whole: int) -> str:
    return f"{(200 * part + whole) // (2 * whole)} %" if whole else "0 %"


def _text(
    x: float,
    y: float,
    content: str,
    *,
    size: int = 15,
    weight: int = 400,
    fill: str = _INK,
    anchor: str = "start",
    transform: str = "",
) -> str:
    turned = f' transform="{transform}"' if transform else ""
    style = f'font-size="{size}" font-weight="{weight}" fill="{fill}" text-anchor="{anchor}"{turned}'
    return f'<text x="{x:g}" y="{y:g}" {style}>{escape(content)}</text>'
