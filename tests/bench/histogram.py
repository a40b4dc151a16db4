# SPDX-License-Identifier: BSD-2-Clause
# The picture of the latencies: columns of figures and a gnuplot script, drawn where gnuplot is installed.
# Not the percentiles: those are of finer buckets.
import shutil
import subprocess

NO_GNUPLOT = "gnuplot is not installed (Debian: gnuplot-nox): no picture; later: cd {0} && gnuplot latency.gnuplot"


def columns_of(name, row, columns, per_us):
    """One block a column of the table: gnuplot's index. Share of the samples in % by us."""
    lines = []
    for column in columns:
        lines.append(f"# {name} {column}: us, share of the samples in %")
        if column in row:
            histogram = row[column]["histogram"]
            lines += [f"{at / per_us:.4f} {100 * n / row[column]['count']:.4f}" for at, n in
                      zip(histogram["from"], histogram["count"])]
        else:
            lines.append("nan nan")
        lines += ["", ""]
    return "\n".join(lines)


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def plot(name, row, columns):
    curves = [f"'{name}.dat' index {i} using 1:2 with steps lw 1.5 lc {i + 1} title {quoted(c)}"
              for i, c in enumerate(columns) if c in row]
    return f"set title '{name}' noenhanced\nplot {', '.join(curves)}"


def script(header, plots):
    rows = (len(plots) + 2) // 3
    title = quoted(f"lapicvm {header['lapicvm']}, {header['backend']}, {header['processor']}")
    return "\n".join([f"set terminal svg size 1350,{260 * rows + 60} font 'sans,11' background '#ffffff'",
                      "set output 'latency.svg'", "set logscale x", "set xrange [1:100000]", "set yrange [0:*]",
                      "set xlabel 'us'", "set ylabel '% of samples'", "set grid", "set key noenhanced",
                      f"set multiplot layout {rows},3 title {title} noenhanced", *plots, "unset multiplot"]) + "\n"


def draw(results, names, folder):
    """Of the rows with these names. Answers a line about it."""
    columns, per_us = list(results["header"]["columns"]), results["header"]["tsc_khz"] / 1000
    names = [name for name in names if name in results["rows"]]
    if not names:
        return "no latencies, no picture"
    for name in names:
        (folder / f"{name}.dat").write_text(columns_of(name, results["rows"][name], columns, per_us))
    plots = [plot(name, results["rows"][name], columns) for name in names]
    (folder / "latency.gnuplot").write_text(script(results["header"], plots))
    if not shutil.which("gnuplot"):
        return NO_GNUPLOT.format(folder)
    drawn = subprocess.run(["gnuplot", "latency.gnuplot"], cwd=folder, capture_output=True, text=True, check=False)
    if drawn.returncode:
        return f"gnuplot failed: {drawn.stderr.strip()}"
    return f"{folder}/latency.svg"
