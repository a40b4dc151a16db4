# SPDX-License-Identifier: BSD-2-Clause
# Durations as the benchmark guest prints them: buckets of 1/256 of a power of two.
# Not the runs they come from, and nothing of hosts.
import math
from statistics import median

SUB = 256
COARSE = 8  # buckets of an octave, in files


def bounds(bucket):
    """First value and width of a bucket; guests/bench/samples.c numbers them."""
    if bucket < 2 * SUB:
        return bucket, 1
    power = bucket // SUB - 1
    return (bucket % SUB + SUB) << power, 1 << power


class Samples:
    """What one row of one run measured, in TSC cycles."""

    def __init__(self, fields):
        self.count, self.min, self.max = fields["count"], fields["min"], fields["max"]
        self.sum, self.merged = fields["sum"], fields["merged"]
        self.extra, self.early = fields["extra"], fields["early"]
        self.buckets = {}
        self.cpu_ns = self.ns = None    # of the whole process, from the row's beginning to its end

    def percentile(self, permille):
        """The value that so many samples do not exceed: to 1/256 of itself, and between min and max."""
        rank, seen = self.count * permille / 1000, 0
        for bucket, n in sorted(self.buckets.items()):
            if seen + n >= rank:
                first, width = bounds(bucket)
                value = first + (width - 1) * (rank - seen) / n
                return min(max(value, self.min), self.max)
            seen += n
        return self.max

    def complete(self):
        return sum(self.buckets.values()) == self.count


def coarse(runs):
    """All runs' samples in buckets of 1/8 of a power of two: {first value: count}."""
    total = {}
    for run in runs:
        for bucket, n in run.buckets.items():
            first = max(bounds(bucket)[0], 1)
            octave = first.bit_length() - 1
            at = round(2 ** octave * (1 + math.floor((first / 2 ** octave - 1) * COARSE) / COARSE), 3)
            total[at] = total.get(at, 0) + n
    return dict(sorted(total.items()))


def summary(runs, histogram):
    """The medians over the runs of what each run has, and the sums of its counts."""
    result = {"count": sum(r.count for r in runs), "runs": len(runs)}
    for name, value in (("p50", lambda r: r.percentile(500)), ("p90", lambda r: r.percentile(900)),
                        ("p99", lambda r: r.percentile(990)), ("min", lambda r: r.min), ("max", lambda r: r.max),
                        ("mean", lambda r: r.sum / r.count)):
        result[name] = round(median(value(r) for r in runs), 1)
    for name in ("extra", "early", "merged"):
        result[name] = sum(getattr(r, name) for r in runs)
    result["p50_of_runs"] = [round(r.percentile(500), 1) for r in runs]
    result["p99_of_runs"] = [round(r.percentile(990), 1) for r in runs]
    timed = [r for r in runs if r.cpu_ns is not None]
    if timed:
        result["cpu_percent"] = round(median(100 * r.cpu_ns / max(r.ns, 1) for r in timed), 1)
        result["cpu_us"] = round(median(r.cpu_ns / 1000 / r.count for r in timed), 2)
    if histogram:
        total = coarse(runs)
        result["histogram"] = {"from": list(total), "count": list(total.values())}
    return result
