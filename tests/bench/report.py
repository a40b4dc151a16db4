# SPDX-License-Identifier: BSD-2-Clause
# What was measured as a table, as JSON and as a picture of the histograms; and the bars beside it.
# Not a judge: a bar is met or missed, and neither is an error.
import json
import re
import shutil
import subprocess
from statistics import median

# kvm-unit-tests' names where vmexit measures the same; all in TSC cycles.
EXITS = ["rdtsc_rdtsc", "inl_from_qemu", "outl_to_qemu", "mov_from_cr8", "mov_to_cr8",
         "xapic_rd_tpr", "xapic_wr_tpr", "xapic_wr_eoi", "x2apic_rd_tpr", "x2apic_wr_tpr", "x2apic_wr_eoi"]
LATENCIES = [f"timer_{mode}_{wait}" for mode in ("deadline", "oneshot", "periodic") for wait in ("hlt", "cpl0", "cpl3")]
LATENCIES += ["self_ipi_sti_hlt", "self_ipi_sti_nop", "x2apic_self_ipi_sti_hlt", "x2apic_self_ipi_sti_nop",
              "ipi_to_halted", "ipi_ping_pong_halted", "ipi_to_spinning", "ipi_ping_pong_spinning"]
IDLE = ["idle_100hz", "idle_1000hz", "idle_no_tick"]
IDLE_VALUES = [("cpu_percent", "% of one core", 2), ("exits", "KVM exits a tick", 2),
               ("kvm_run", "KVM_RUN a tick", 2), ("other_syscalls", "other system calls a tick", 2), ("switches", "times asleep a tick", 2),
               ("switches_a_second", "times asleep a second", 1)]


class Table:
    def __init__(self, out):
        self.out = out

    def line(self, first, cells, width=19):
        self.out.append(f"{first:<26}" + "".join(f"{cell:>{width}}" for cell in cells))


def pair(row, scale, digits):
    if not row:
        return "-"
    return f"{row['p50'] / scale:.{digits}f} {row['p99'] / scale:9.{digits}f}"


def ratio(a, b):
    return f"{a / b:.2f}x" if a is not None and b else "-"


def beside_port(results, column, name):
    """An access against the bare port exit of its own loop, both less what the two RDTSC take."""
    rows = results["rows"]
    own, port = rows.get(name, {}).get(column), rows.get("port:" + name, {}).get(column)
    empty = rows.get("rdtsc_rdtsc", {}).get(column)
    if not (own and port and empty) or name == "rdtsc_rdtsc":
        return None
    return (own["p50"] - empty["p50"]) / (port["p50"] - empty["p50"])


def p50(results, name, column):
    row = results["rows"].get(name, {}).get(column)
    return row["p50"] if row else None


def exits_table(results, columns, table):
    table.out += ["", "exit path: TSC cycles, median and p99; then the median against `outl` in the same loop, "
                      "both less rdtsc_rdtsc"]
    table.line("", columns + [f"{c}/outl" for c in columns])
    for name in EXITS:
        row = results["rows"].get(name)
        if row:
            ratios = [beside_port(results, c, name) for c in columns]
            table.line(name, [pair(row.get(c), 1, 0) for c in columns] + [f"{r:.3f}x" if r is not None else "-"
                                                                          for r in ratios])


def latency_table(results, columns, table):
    per_us = results["header"]["tsc_khz"] / 1000
    table.out += ["", "interrupts: us from the moment it was due, or from before it was sent, to the handler's first "
                      "instruction; median and p99"]
    table.line("", columns + ["user/kernel", "samples"])
    for name in LATENCIES:
        row = results["rows"].get(name)
        if row:
            counts = sorted({r["count"] for r in row.values()})
            table.line(name, [pair(row.get(c), per_us, 1) for c in columns] +
                       [ratio(p50(results, name, "user"), p50(results, name, "kernel")),
                        "..".join(map(str, counts))])


def idle_table(results, columns, table):
    table.out += ["", "idle guest: a TSC deadline (qemu-off: a one-shot count) a tick, all threads of the process"]
    table.line("", columns)
    for name in IDLE:
        for key, unit, digits in IDLE_VALUES:
            cells = [results["idle"].get(name, {}).get(c, {}).get(key) for c in columns]
            if any(cell is not None for cell in cells):
                table.line(f"{name[5:]}: {unit}"[:40].ljust(40), [f"{x:.{digits}f}" if x is not None else "-"
                                                                  for x in cells], 14)
    for why in results["not_counted"]:
        table.out.append(f"not counted: {why}")


def many_table(results, columns, table):
    table.out += ["", "more CPUs than cores: all spin in CPL0, each with a tick; ticks that each took of those due, "
                      "and rounds of its loop"]
    table.line("", ["ticks least", "median", "most", "of", "loop most/least", "late max ms", "console late ms"], 16)
    for name, row in results["many"].items():
        for column in columns:
            if column in row:
                m = row[column]
                table.line(f"{name} {column}", [m["ticks_least"], m["ticks_median"], m["ticks_most"], m["ticks_due"],
                                                f"{m['spread']:.2f}", f"{m['late_max_ms']:.0f}",
                                                f"{m['console_late_ms']:.0f}"], 16)


def bars(results):
    """[what, measured, bar, unit, applies]"""
    def against(name):
        a, b = p50(results, name, "user"), p50(results, name, "kernel")
        return a / b if a is not None and b else None

    idle = results["idle"]
    tick = idle.get("idle_1000hz", {}).get("user", {})
    pvm = results["header"]["backend"] == "kvm_pvm"
    x2 = [beside_port(results, "user", name) for name in ("x2apic_rd_tpr",)][0]
    return [
        ("x2APIC RDMSR exit against a bare port exit", x2, 1.03, "x", True),
        ("timer to handler, halted, user/kernel", against("timer_deadline_hlt"), 1.0, "x", True),
        ("timer to handler, spinning in CPL0, user/kernel", against("timer_deadline_cpl0"), 0.5, "x", pvm),
        ("timer to handler, spinning in CPL3, user/kernel", against("timer_deadline_cpl3"), 2.0, "x", pvm),
        ("IPI ping-pong, both halted, user/kernel", against("ipi_ping_pong_halted"), 1.0, "x", True),
        ("IPI to a CPU spinning in CPL0, user/kernel", against("ipi_to_spinning"), 0.2, "x", pvm),
        ("system calls a TSC-deadline tick beside KVM_RUN", tick.get("other_syscalls"), 3, "", True),
        ("idle guest, 100 Hz", idle.get("idle_100hz", {}).get("user", {}).get("cpu_percent"), 2, " %", True),
    ]


def bars_table(results, table):
    table.out += ["", f"{'bar':<50}{'measured':>12}{'at most':>10}"]
    results["bars"] = []
    for what, measured, bar, unit, applies in bars(results):
        verdict = "of kvm_pvm only" if not applies else "not measured" if measured is None else \
            "met" if measured <= bar else "MISSED"
        shown = "-" if measured is None else f"{measured:.2f}{unit}"
        table.out.append(f"{what:<50}{shown:>12}{bar:>8g}{unit:<2}  {verdict}")
        results["bars"].append({"what": what, "measured": measured, "at_most": bar, "verdict": verdict})


def wrong(results):
    """Interrupts that were lost, early or too many; [text], by column."""
    found = {}
    for name, row in results["rows"].items():
        for column, r in row.items():
            if r["early"] or r["extra"]:
                found.setdefault(column, []).append(f"{name}: {r['early']} early, {r['extra']} too many")
    for column, text in results["failed"]:
        found.setdefault(column, []).append(text)
    return found


def header(results, table):
    h = results["header"]
    table.out += [f"lapicvm {h['lapicvm']}, backend {h['backend']}, {h['kernel']}, {h['processor']}, {h['cores']} "
                  f"CPUs, TSC {h['tsc_khz']} kHz, {h['date']}",
                  f"host before: load {h['load_before']}, {100 * h['busy_before']:.0f} % busy; after: load "
                  f"{h['load_after']}, {100 * h['busy_after']:.0f} % busy; {h['runs']} runs, of each row {h['samples']} "
                  f"samples in all, took {h['seconds']:.0f} s"]
    if h["busy_before"] > 0.2 or h["busy_after"] > 0.2:
        table.out.append("THE HOST WAS BUSY WITH SOMETHING ELSE: these figures are of that, too")
    table.out += [f"  {name}: {says}" for name, says in h["columns"].items()]
    table.out += h["left_out"]


def text(results):
    table = Table([])
    columns = list(results["header"]["columns"])
    header(results, table)
    exits_table(results, columns, table)
    latency_table(results, columns, table)
    idle_table(results, columns, table)
    many_table(results, columns, table)
    bars_table(results, table)
    table.out.append("")
    for column, texts in wrong(results).items():
        table.out += [f"{'FAILED' if column == 'user' else 'note'}: {column}: {one}" for one in texts]
    for name, row in results["rows"].items():
        merged = {c: r["merged"] for c, r in row.items() if r["merged"]}
        if merged:
            table.out.append(f"note: {name}: ticks merged, a period late: " +
                             ", ".join(f"{c} {n}" for c, n in merged.items()))
    return "\n".join(table.out) + "\n"


def histograms(results, folder):
    """A file of columns for each latency row, and the gnuplot script that draws them. Answers a line about it."""
    columns, per_us = list(results["header"]["columns"]), results["header"]["tsc_khz"] / 1000
    names = [n for n in LATENCIES if n in results["rows"]]
    plots = []
    for name in names:
        row = results["rows"][name]
        lines = []
        for index, column in enumerate(columns):
            # One block a column: gnuplot's index.
            lines.append(f"# {name} {column}: us, share of the samples in %")
            if column in row:
                histogram = row[column]["histogram"]
                lines += [f"{at / per_us:.4f} {100 * n / row[column]['count']:.4f}" for at, n in
                          zip(histogram["from"], histogram["count"])]
            else:
                lines.append("nan nan")
            lines += ["", ""]
        (folder / f"{name}.dat").write_text("\n".join(lines))
        curves = [f"'{name}.dat' index {i} using 1:2 with steps lw 1.5 lc {i + 1} title '{c}'"
                  for i, c in enumerate(columns) if c in row]
        plots.append(f"set title '{name}' noenhanced\nplot {', '.join(curves)}")
    rows = (len(names) + 2) // 3
    h = results["header"]
    script = [f"set terminal svg size 1350,{260 * rows + 60} font 'sans,11' background '#ffffff'",
              "set output 'latency.svg'", "set logscale x", "set xrange [1:100000]", "set yrange [0:*]",
              "set xlabel 'us'", "set ylabel '% of samples'", "set grid", "set key noenhanced",
              f"set multiplot layout {rows},3 title \"lapicvm {h['lapicvm']}, {h['backend']}, {h['processor']}\" "
              "noenhanced", *plots, "unset multiplot"]
    (folder / "latency.gnuplot").write_text("\n".join(script) + "\n")
    if not shutil.which("gnuplot"):
        return f"gnuplot is not installed: no picture; later: cd {folder} && gnuplot latency.gnuplot"
    drawn = subprocess.run(["gnuplot", "latency.gnuplot"], cwd=folder, capture_output=True, text=True, check=False)
    if drawn.returncode:
        return f"gnuplot failed: {drawn.stderr.strip()}"
    return f"{folder}/latency.svg"


def write_json(results, path):
    lists = re.compile(r"\[\s+([^][{}]*?)\s+\]")
    path.write_text(lists.sub(lambda m: "[" + re.sub(r"\s+", " ", m[1]) + "]", json.dumps(results, indent=1)) + "\n")


def middle(values):
    values = [v for v in values if v is not None]
    return median(values) if values else None
