# SPDX-License-Identifier: BSD-2-Clause
# What was measured as a table and as JSON, and which interrupts were wrong.
# Not a judge of figures: bars.py has what they are held against.
import json

import bars

# kvm-unit-tests' names where vmexit measures the same; all in TSC cycles.
EXITS = ["rdtsc_rdtsc", "inl_from_qemu", "outl_to_qemu", "mov_from_cr8", "mov_to_cr8",
         "xapic_rd_tpr", "xapic_wr_tpr", "xapic_wr_eoi", "x2apic_rd_tpr", "x2apic_wr_tpr", "x2apic_wr_eoi",
         "pv_eoi"]
SELF_IPIS = ["self_ipi_sti_hlt", "self_ipi_sti_nop", "x2apic_self_ipi_sti_hlt", "x2apic_self_ipi_sti_nop"]
TIMERS = [f"timer_{mode}_{wait}" for mode in ("deadline", "oneshot", "periodic") for wait in ("hlt", "cpl0", "cpl3")]
IPIS = ["ipi_to_halted", "ipi_ping_pong_halted", "ipi_to_spinning", "ipi_ping_pong_spinning"]
LATENCIES = TIMERS + SELF_IPIS + IPIS
# Of one pair of rows that are the same time on the host, the first stands for both.
CPU_TIMES = TIMERS + SELF_IPIS + ["ipi_ping_pong_halted", "ipi_ping_pong_spinning"]
IDLE = ["idle_100hz", "idle_1000hz", "idle_no_tick"]
IDLE_VALUES = [("cpu_percent", "% of one core", 2), ("exits", "KVM exits a tick", 2),
               ("kvm_run", "KVM_RUN a tick", 2), ("other_syscalls", "other system calls a tick", 2),
               ("switches", "times asleep a tick", 2), ("switches_a_second", "times asleep a second", 1)]
MANY = [("ticks_least", "ticks: least", 0), ("ticks_median", "median", 0), ("ticks_most", "most", 0),
        ("ticks_due", "due", 0), ("spread", "loop most/least", 2), ("gap_max_ms", "longest gap ms", 0),
        ("late_max_ms", "late max ms", 0), ("loop_median_ms", "loop's delay ms", 1), ("loop_max_ms", "at most", 1)]


class Table:
    def __init__(self, out, width):
        self.out, self.width = out, width

    def title(self, text):
        self.out += ["", text]

    def line(self, first, cells, width=0, name=26):
        self.out.append(f"{first:<{name}}" + "".join(f"{cell:>{width or self.width}}" for cell in cells))


def pair(row, scale, digits):
    if not row:
        return "-"
    return f"{row['p50'] / scale:.{digits}f} {row['p99'] / scale:9.{digits}f}"


def shown(value, digits, unit=""):
    return "-" if value is None else f"{value:.{digits}f}{unit}"


def ours(results):
    """The columns of this Local APIC: "user", and what was given beside it."""
    return [name for name, column in results["header"]["columns"].items() if column["ours"]]


def model_table(results, table):
    if results["model"]:
        table.title("the model alone, no guest and no exit: ns an operation")
        for name, m in results["model"].items():
            table.line(name, [shown(m["ns"], 2), f"bar {m['bar']:g}" if "bar" in m else ""], 10, 30)


def exits_table(results, columns, table):
    names = [name for name in EXITS if name in results["rows"]]
    if not names:
        return
    table.title("exit path: TSC cycles, median and p99; then the median against `outl` in the same loop, "
                "both less rdtsc_rdtsc")
    table.line("", columns + [f"{c}/outl" for c in columns] + ["samples"])
    for name in names:
        row = results["rows"][name]
        ratios = [shown(bars.beside_port(results, c, name), 3, "x") for c in columns]
        table.line(name, [pair(row.get(c), 1, 0) for c in columns] + ratios + [counts(row)])
    for column, (allowed, of) in results["pv_eoi_by_word"].items():
        table.out.append(f"pv_eoi: {column} allowed {allowed} of {of} without an access to the register")


def counts(row):
    found = sorted({r["count"] for r in row.values()})
    return f"{found[0]}..{found[-1]}" if len(found) > 1 else str(found[0])


def latency_table(results, names, title, scale, digits, columns, table):
    names = [name for name in names if name in results["rows"]]
    if not names:
        return
    table.title(title)
    table.line("", columns + [f"{c}/kernel" for c in ours(results)] + ["samples"])
    for name in names:
        row = results["rows"][name]
        ratios = [shown(bars.beside_kernel(name)(results, c), 2, "x") for c in ours(results)]
        table.line(name, [pair(row.get(c), scale, digits) for c in columns] + ratios + [counts(row)])


def cpu_table(results, columns, table):
    names = [name for name in CPU_TIMES if name in results["rows"]]
    if not names:
        return
    table.title("their CPU time, polling included, all threads of the process: % of one core, and us a sample; for the "
                "timers a sample is each 0.5 ms")
    table.line("", columns)
    for name in names:
        row = results["rows"][name]
        cells = [row.get(c, {}) for c in columns]
        table.line(name, [f"{c['cpu_percent']:.0f} {c['cpu_us']:9.1f}" if "cpu_us" in c else "-" for c in cells])


def idle_table(results, columns, table):
    if results["idle"]:
        table.title("idle guest: a TSC deadline (qemu-off: a one-shot count) a tick, all threads of the process")
        table.line("", columns, 0, 40)
    for name in IDLE:
        for key, unit, digits in IDLE_VALUES:
            cells = [results["idle"].get(name, {}).get(c, {}).get(key) for c in columns]
            if any(cell is not None for cell in cells):
                table.line(f"{name[5:]}: {unit}", [shown(cell, digits) for cell in cells], 0, 40)
    table.out += [f"not counted: {why}" for why in results["not_counted"]]


def many_table(results, columns, table):
    if not results["many"]:
        return
    table.title("more CPUs than cores: all spin in CPL0, each with a tick; ticks that each took of those due, rounds of "
                "its loop, and how long lapicvm's own loop took to answer")
    table.line("", [title for _, title, _ in MANY], 16, 24)
    for name, row in results["many"].items():
        for column in columns:
            if column in row:
                table.line(f"{name} {column}", [shown(row[column].get(key), digits) for key, _, digits in MANY], 16, 24)


def bars_table(results, table):
    columns = [c for c in ours(results)]
    results["bars"] = bars.held(results, columns)
    table.title("bars: met or missed, and no failure either way")
    table.line("", ["at most"] + columns, max(table.width, 20), 56)
    for bar in results["bars"]:
        cells = [f"{bar['at_most']:g}{bar['unit']}"]
        for column in columns:
            m = bar["measured"][column]
            value = f"{shown(m['value'], 2)}{bar['unit']} " if m["value"] is not None else ""
            cells.append(value + m["verdict"])
        table.line(bar["what"], cells, max(table.width, 20), 56)


def wrong(results):
    """Interrupts that were lost, early or too many, and who was starved; {column: [sentence]}."""
    found = {}
    for name, row in results["rows"].items():
        for column, r in row.items():
            for key, what in (("early", "came early, before they were due or sent"), ("extra", "came twice")):
                if r[key]:
                    found.setdefault(column, []).append(f"{name}: of {r['count']} interrupts {r[key]} {what}")
    for name, row in results["many"].items():
        for column, m in row.items():
            # Where most got next to none it was the host that had no time.
            if not m["ticks_least"] and m["ticks_median"] >= bars.FEW_TICKS:
                found.setdefault(column, []).append(f"{name}: a CPU took no tick, where the median took {m['ticks_median']:g} of {m['ticks_due']}: starved")
    for column, text in results["failed"]:
        found.setdefault(column, []).append(text)
    return found


def header(results, table):
    h = results["header"]
    table.out += [f"lapicvm {h['lapicvm']}, backend {h['backend']}, {h['kernel']}, {h['processor']}, {h['cores']} "
                  f"CPUs, TSC {h['tsc_khz']} kHz, {h['date']}",
                  f"host before: load {h['load_before']}, {100 * h['busy_before']:.0f} % busy; after: load "
                  f"{h['load_after']}, {100 * h['busy_after']:.0f} % busy; {h['runs']} runs, of each row {h['samples']} "
                  f"samples in all or what {h['row_ms']} ms a run allow, took {h['seconds']:.0f} s"]
    if h["busy_before"] > 0.2 or h["busy_after"] > 0.2:
        table.out.append("THE HOST WAS BUSY WITH SOMETHING ELSE: these figures are of that, too")
    table.out += [f"  {name}: {c['says']}; {c['options']}" for name, c in h["columns"].items()]
    table.out += h["left_out"]


def notes(results, table):
    table.out.append("")
    for column, texts in wrong(results).items():
        table.out += [f"{'FAILED' if column in ours(results) else 'note'}: {column}: {one}" for one in texts]
    for name, row in results["rows"].items():
        merged = {c: r["merged"] for c, r in row.items() if r["merged"]}
        if merged:
            table.out.append(f"note: {name}: ticks merged, a period late: " +
                             ", ".join(f"{c} {n}" for c, n in merged.items()))


def text(results):
    columns = list(results["header"]["columns"])
    table = Table([], max(19, 9 + max(len(c) for c in columns)))
    per_us = results["header"]["tsc_khz"] / 1000
    header(results, table)
    model_table(results, table)
    exits_table(results, columns, table)
    latency_table(results, TIMERS + IPIS, "interrupts: us from the moment it was due, or from before it was sent, to the "
                  "handler's first instruction; median and p99", per_us, 1, columns, table)
    latency_table(results, SELF_IPIS, "self-IPI: TSC cycles from before it was sent to the handler's first instruction; "
                  "median and p99", 1, 0, columns, table)
    cpu_table(results, columns, table)
    idle_table(results, columns, table)
    many_table(results, columns, table)
    bars_table(results, table)
    notes(results, table)
    return "\n".join(table.out) + "\n"


def json_lines(value, depth):
    """As JSON: down to this depth an entry a line, below it all in one."""
    if not depth or not isinstance(value, dict) or not value:
        return json.dumps(value, separators=(",", ":"))
    entries = [f"{json.dumps(key)}: {json_lines(one, depth - 1)}" for key, one in value.items()]
    return "{\n" + ",\n".join(entries) + "\n}"


def write_json(results, path):
    deep = {"rows": 2, "idle": 2, "many": 2}
    entries = [f"{json.dumps(key)}: {json_lines(value, deep.get(key, 1))}" for key, value in results.items()
               if key != "bars"]
    lines = ",\n".join(json.dumps(bar) for bar in results["bars"])
    path.write_text("{\n" + ",\n".join(entries) + ",\n\"bars\": [\n" + lines + "\n]\n}\n")
