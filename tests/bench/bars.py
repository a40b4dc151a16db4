# SPDX-License-Identifier: BSD-2-Clause
# The bars: what a Local APIC in user space may cost, as ratios to KVM's own of the same run where there is one.
# Not a judge: a bar is met or missed, and neither fails a run.
from dataclasses import dataclass


@dataclass
class Bar:
    name: str
    what: str
    at_most: float
    unit: str
    measured: object            # (results, column) -> number or None
    backend: str = None         # it holds on this one alone


# Below these there is no figure to hold against anything: a bar would be met by what hardly ran.
FEW_SAMPLES = 100
FEW_TICKS = 5       # that the median took


def row(results, name, column):
    """The median of a row, or None."""
    found = results["rows"].get(name, {}).get(column, {})
    return found.get("p50") if found.get("count", 0) >= FEW_SAMPLES else None


def beside_port(results, column, name):
    """An access against the bare port exit of its own loop, both less what the two RDTSC take."""
    own, port = row(results, name, column), row(results, "port:" + name, column)
    empty = row(results, "rdtsc_rdtsc", column)
    if None in (own, port, empty) or name == "rdtsc_rdtsc":
        return None
    return (own - empty) / (port - empty)


def beside_kernel(name):
    def measured(results, column):
        own, other = row(results, name, column), row(results, name, "kernel")
        return own / other if own is not None and other else None
    return measured


def idle(names, key):
    """The worst of these, all of which were measured."""
    def measured(results, column):
        found = [results["idle"].get(name, {}).get(column, {}).get(key) for name in names]
        return None if None in found else max(found)
    return measured


def many(name, measure):
    def measured(results, column):
        found = results["many"].get(name, {}).get(column)
        return measure(found) if found else None
    return measured


def unfair(m):
    return m["ticks_median"] / (m["ticks_least"] or 0.5) if m["ticks_median"] >= FEW_TICKS else None


BARS = [
    Bar("rdmsr", "x2APIC RDMSR exit against a bare port exit", 1.03, "x",
        lambda results, column: beside_port(results, column, "x2apic_rd_tpr")),
    Bar("timer_hlt", "TSC deadline to handler, halted, against kernel", 1.0, "x", beside_kernel("timer_deadline_hlt")),
    Bar("timer_cpl0", "TSC deadline to handler, spinning in CPL0, against kernel", 0.5, "x",
        beside_kernel("timer_deadline_cpl0"), "kvm_pvm"),
    Bar("timer_cpl3", "TSC deadline to handler, spinning in CPL3, against kernel", 2.0, "x",
        beside_kernel("timer_deadline_cpl3"), "kvm_pvm"),
    Bar("ipi_halted", "IPI ping-pong, both halted, against kernel", 1.0, "x", beside_kernel("ipi_ping_pong_halted")),
    Bar("ipi_cpl0", "IPI to a CPU spinning in CPL0, against kernel", 0.2, "x", beside_kernel("ipi_to_spinning"),
        "kvm_pvm"),
    Bar("tick_syscalls", "system calls a TSC-deadline tick beside KVM_RUN", 3, "",
        idle(("idle_100hz", "idle_1000hz"), "other_syscalls")),
    Bar("idle_cpu", "idle guest, 100 Hz: CPU time", 2, " %", idle(("idle_100hz",), "cpu_percent")),
    Bar("idle_wakes", "idle guest, 100 Hz: times asleep a tick", 1.1, "", idle(("idle_100hz",), "switches")),
    Bar("idle_silence", "idle guest, no tick: times asleep a second", 1, "",
        idle(("idle_no_tick",), "switches_a_second")),
    Bar("many_16", "16 busy CPUs: median of their ticks against the fewest", 2, "x", many("many_16", unfair)),
    Bar("many_64", "64 busy CPUs: median of their ticks against the fewest", 2, "x", many("many_64", unfair)),
    Bar("loop_64", "64 busy CPUs: longest that the loop took to answer", 100, " ms",
        many("many_64", lambda m: m.get("loop_max_ms"))),
]


def verdict(bar, value, backend):
    if bar.backend not in (None, backend):
        return f"of {bar.backend} only"
    if value is None:
        return "not measured"
    return "met" if value <= bar.at_most else "MISSED"


def held(results, columns):
    """Each bar beside what these columns measured."""
    backend, found = results["header"]["backend"], []
    for bar in BARS:
        values = {column: bar.measured(results, column) for column in columns}
        found.append({"name": bar.name, "what": bar.what, "at_most": bar.at_most, "unit": bar.unit,
                      "measured": {c: {"value": v, "verdict": verdict(bar, v, backend)} for c, v in values.items()}})
    return found
