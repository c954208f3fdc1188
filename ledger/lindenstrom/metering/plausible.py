"""Which readings of a meter can stand beside each other: values for one instant, swaps, excursions of a register."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from lindenstrom.core.packs import Registers, Status
from lindenstrom.metering import rules
from lindenstrom.metering.intervals import DeclaredBreak, Sample, most_mwh

Values = tuple[int | None, int | None]
"""Import and export register, mWh; None where not said."""


class TimedValues:
    """Readings that have a time of their own, in any order of arrival."""

    def __init__(self) -> None:
        self._measured: dict[int, set[Values]] = {}
        self._substitute: dict[int, set[Values]] = {}

    def add(self, time_ms: int, values: Values, *, substitute: bool) -> None:
        """Take a reading; the same again changes nothing."""
        kind = self._substitute if substitute else self._measured
        kind.setdefault(time_ms, set()).add(values)

    def samples(self, unused: Counter[str]) -> tuple[list[Sample], list[DeclaredBreak]]:
        """Return samples in order of time, and the swaps that two readings at one instant show.

        A measured value counts before a substitute. Two different values for one instant are a meter's swap if one of
        them goes on from the reading before, the other to the one after, and neither does both; else neither is taken.
        """
        chosen: dict[int, tuple[list[set[int]], Status]] = {}
        for time_ms in sorted({*self._measured, *self._substitute}):
            measured = [_said(self._measured.get(time_ms, ()), side) for side in (0, 1)]
            spare = [_said(self._substitute.get(time_ms, ()), side) for side in (0, 1)]
            sides = [m or s for m, s in zip(measured, spare, strict=True)]
            used_spare = any(s and not m for m, s in zip(measured, spare, strict=True))
            chosen[time_ms] = (sides, Status.ESTIMATED if used_spare else Status.MEASURED)
        samples = [
            _sample(time_ms, [next(iter(side)) if side else None for side in sides], status)
            for time_ms, (sides, status) in chosen.items()
            if all(len(side) <= 1 for side in sides)
        ]
        swaps = []
        for time_ms, (sides, _) in chosen.items():
            if any(len(side) > 1 for side in sides):
                swap = _swap_at(time_ms, sides, samples)
                if swap:
                    swaps.append(swap)
                else:
                    unused[rules.CONFLICT] += 1
        return samples, swaps


def _said(values: Iterable[Values], side: int) -> set[int]:
    return {mwh for one in values if (mwh := one[side]) is not None}


def _sample(time_ms: int, mwh: Sequence[int | None], status: Status) -> Sample:
    return Sample(
        time_ms=time_ms,
        registers=Registers(import_mwh=mwh[0] or 0, export_mwh=mwh[1] or 0),
        import_known=mwh[0] is not None,
        export_known=mwh[1] is not None,
        status=status,
    )


def _swap_at(time_ms: int, sides: Sequence[set[int]], samples: Sequence[Sample]) -> DeclaredBreak | None:
    after = bisect_right(samples, time_ms, key=_time)
    old_end: list[int] = []
    new_start: list[int] = []
    for index, side in enumerate(sides):
        before = next((mwh for s in reversed(samples[:after]) if (mwh := _value(s, index)) is not None), None)
        later = next((mwh for s in samples[after:] if (mwh := _value(s, index)) is not None), None)
        if len(side) == 1:
            old_end.append(*side)
            new_start.append(*side)
        elif len(side) != 2 or before is None or later is None:
            return None
        else:
            low, high = sorted(side)
            if not low < before <= high or not low <= later < high:
                return None
            old_end.append(high)
            new_start.append(low)
    return DeclaredBreak(
        time_ms=time_ms,
        old_end=Registers(import_mwh=old_end[0], export_mwh=old_end[1]),
        new_start=Registers(import_mwh=new_start[0], export_mwh=new_start[1]),
    )


def without_excursions(
    samples: Sequence[Sample],
    breaks: Sequence[DeclaredBreak],
    *,
    modulus_mwh: int,
    limit_w: int,
    unused: Counter[str],
) -> list[Sample]:
    """Leave out samples that a register does not go on to, and from which it comes back to where it was.

    So does a device that sends 0 for a while after a restart, or a spike. What does not come back stays, and is refused
    when a window is built of it.
    """
    times = sorted(declared.time_ms for declared in breaks)
    bad: set[int] = set()
    for side in (0, 1):
        known = [sample for sample in samples if _value(sample, side) is not None]
        bad |= _excursions(known, lambda a, b, side=side: _goes_on(a, b, side, times, modulus_mwh, limit_w))  # type: ignore[misc]
    unused[rules.EXCURSION] += len(bad)
    return [sample for sample in samples if sample.time_ms not in bad]


def _excursions(samples: Sequence[Sample], goes_on: Callable[[Sample, Sample], bool]) -> set[int]:
    """Return the times of the samples between two that go on to each other, while neither goes on to them."""
    runs: list[list[Sample]] = []
    for sample in samples:
        if runs and goes_on(runs[-1][-1], sample):
            runs[-1].append(sample)
        else:
            runs.append([sample])
    bad: set[int] = set()
    at = 0
    while at < len(runs):
        back = next((k for k in range(at + 2, len(runs)) if goes_on(runs[at][-1], runs[k][0])), at + 1)
        bad |= {sample.time_ms for run in runs[at + 1 : back] for sample in run}
        at = back
    return bad


def _goes_on(a: Sample, b: Sample, side: int, breaks: Sequence[int], modulus_mwh: int, limit_w: int) -> bool:
    if bisect_right(breaks, a.time_ms) < bisect_right(breaks, b.time_ms):
        return True
    if a.meter and b.meter and a.meter != b.meter:
        return True  # which of two meters is meant, nobody can tell here: a window of both is refused
    rise = (_value(b, side) or 0) - (_value(a, side) or 0)
    if rise < 0 and modulus_mwh:
        rise %= modulus_mwh
        if rise * 2 >= modulus_mwh:
            return False
    return rise >= 0 and (not limit_w or rise <= most_mwh(limit_w, b.time_ms - a.time_ms))


def one_way(samples: Sequence[Sample], settled: Mapping[int, Registers]) -> list[Sample]:
    """Return the samples with a register that none of them says as 0, unless packs have it above 0."""
    imports = not any(sample.import_known for sample in samples) and not any(r.import_mwh for r in settled.values())
    exports = not any(sample.export_known for sample in samples) and not any(r.export_mwh for r in settled.values())
    if not (imports or exports):
        return list(samples)
    return [
        replace(sample, import_known=sample.import_known or imports, export_known=sample.export_known or exports)
        for sample in samples
    ]


def reaches(samples: Sequence[Sample], start_ms: int, end_ms: int) -> tuple[bool, bool]:
    """Whether each register that the samples say at all is there at or before a start, and at or after an end."""
    first: list[int] = []
    last: list[int] = []
    for side in (0, 1):
        known = [sample.time_ms for sample in samples if _value(sample, side) is not None]
        first += known[:1]
        last += known[-1:]
    return (bool(first) and max(first) <= start_ms, bool(last) and min(last) >= end_ms)


def _time(sample: Sample) -> int:
    return sample.time_ms


def _value(sample: Sample, side: int) -> int | None:
    if side == 0:
        return sample.registers.import_mwh if sample.import_known else None
    return sample.registers.export_mwh if sample.export_known else None
