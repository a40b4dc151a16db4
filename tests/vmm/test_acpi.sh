#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The ACPI tables as acpica-tools read them: disassembled, compiled again to the same bytes, loaded. Prints TAP.
# No judge of what the tables say: test_acpi_tables.c has that. Without iasl all is skipped.
set -u
. "$(dirname "$0")/cli.sh"
LC_ALL=C
export LC_ALL
if ! command -v iasl >/dev/null; then
	echo "1..0 # SKIP iasl is not here (Debian's package acpica-tools; make deps)"
	exit 0
fi
tables=${LAPICVM%/lapicvm}/tests/vmm/test_acpi_tables
"$tables" --dump "$tmp" >"$out" 2>"$err"
is $? 0 "tables of four machines are dumped"

# What either program says when it minds something; iasl also writes it into what it disassembles.
complaints='error|warning|remark|incorrect|invalid|unknown|mismatch|exception|unexpected'
is_content() { # TEXT FILE...: passes if no file complains
	text=$1
	shift
	if grep -iE "$complaints" "$@" /dev/null | grep -v ' 0 Errors, 0 Warnings, 0 Remarks' >"$err"; then
		tap "not ok" "$text" && show
	else
		tap ok "$text"
	fi
}
# The same bytes but for the checksum at 9 and the compiler's name and version at 28 to 35.
differs() { cmp -l "$1" "$2" 2>&1 | awk '$1 != 10 && ($1 < 29 || $1 > 36)'; }

for table in "$tmp"/*.dat; do
	name=$(basename "$table" .dat)
	base=$tmp/$name
	case $name in *-rsdp) continue ;; esac
	iasl -d "$table" >"$out" 2>&1
	is $? 0 "$name: iasl disassembles it"
	is_content "$name: and minds nothing" "$out" "$base.dsl"
	iasl -p "$base-again" "$base.dsl" >"$out" 2>&1
	is $? 0 "$name: iasl compiles what it disassembled"
	is_content "$name: and minds nothing" "$out"
	is "$(differs "$table" "$base-again.aml")" "" "$name: to the same bytes"
done

# iasl compiles an RSDP, though it disassembles none.
number() { od -An -v -t "x$3" -j "$2" -N "$3" "$1" | tr -d ' '; } # FILE OFFSET BYTES
rsdp=$tmp/one-rsdp.dat
cat >"$tmp/rsdp.asl" <<END
[0008] Signature : "RSD PTR "
[0001] Checksum : 00
[0006] Oem ID : "LAPIC "
[0001] Revision : 02
[0004] RSDT Address : $(number "$rsdp" 16 4)
[0004] Length : 00000024
[0008] XSDT Address : $(number "$rsdp" 24 8)
[0001] Extended Checksum : 00
[0003] Reserved : 000000
END
iasl -p "$tmp/rsdp" "$tmp/rsdp.asl" >"$out" 2>&1
is $? 0 "iasl compiles an RSDP with these addresses"
is "$(cmp "$tmp/rsdp.aml" "$rsdp" 2>&1)" "" "one-rsdp: to the same bytes, checksums too"

# ACPICA's interpreter, which is Linux's, with its own RSDP and its simulated ports.
if command -v acpiexec >/dev/null; then
	for machine in one full sparse many; do
		set -- "$tmp/$machine-facp.dat" "$tmp/$machine-dsdt.dat" "$tmp/$machine-apic.dat"
		acpiexec -l "$@" >"$out" 2>&1 </dev/null
		is $? 0 "$machine: acpiexec loads the tables"
		is_content "$machine: and minds nothing" "$out"
	done
	acpiexec -b "evaluate \\_S5" "$tmp/full-facp.dat" "$tmp/full-dsdt.dat" >"$out" 2>&1 </dev/null
	is "$(grep -c 'Integer. = 0*[05]$' "$out")" 4 "\\_S5 evaluates to four integers"
	holds "$out" "[Integer] = 0000000000000005"
	for device in PCI0 RTC KBD COM1 COM2 HPET; do
		acpiexec -b "resources \\_SB.$device" "$tmp/full-dsdt.dat" >"$out" 2>&1 </dev/null
		sed -n '/^Device: /,$p' "$out" >"$tmp/resources"
		holds "$tmp/resources" "EndTag"
		is_content "\\_SB.$device: its resources are read" "$tmp/resources"
	done
else
	skip "the tables loaded by ACPICA" "acpiexec is not here"
fi

echo "1..$count"
