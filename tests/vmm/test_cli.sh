#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# lapicvm as a shell sees it: exit status, last line, what happens when outputs fail. Prints TAP.
# What options mean is in test_options.c; what guests do is in tests/guests.
set -u
. "$(dirname "$0")/cli.sh"

# --- words -----------------------------------------------------------------------------------------
"$LAPICVM" --help >"$out" 2>"$err"
is $? 0 "--help succeeds"
holds "$out" "lapicvm doctor"
is "$(wc -c <"$err")" 0 "--help leaves stderr alone"
"$LAPICVM" --version >"$out" 2>"$err"
is $? 0 "--version succeeds"
is "$(sed 's/[0-9][0-9]*\.[0-9][0-9]*\.[0-9][0-9]*/N/' "$out")" "lapicvm N" "--version prints one version"

ends 64 usage
ends 64 usage bogus
ends 64 usage run --timout 5
holds "$err" "lapicvm: unknown option '--timout'; did you mean --timeout?"
ends 64 usage run -smp 0
ends 64 usage run -smp 100000
ends 64 usage run -m 1
holds "$err" "a guest needs at least 2M"
ends 64 usage run -m 99999999999999G
ends 64 usage run a b
ends 64 usage run --lapic=moon
ends 64 usage doctor --report
is "$(wc -l <"$err")" 2 "a usage error is two lines"
printf 'lapicvm: no command '\''a?b'\''' >"$tmp/wanted"
"$LAPICVM" "$(printf 'a\033b')" >"$out" 2>"$err"
holds "$err" "$(cat "$tmp/wanted")"

# --- outputs that fail -----------------------------------------------------------------------------
for verb in --help --version doctor run; do
	"$LAPICVM" $verb >&- 2>"$err" </dev/null
	is $? 74 "'$verb' with stdout closed ends with 74"
	holds "$err" "result: output-failed code=74"
done
for verb in --help --version doctor; do
	"$LAPICVM" $verb >/dev/full 2>"$err" </dev/null
	is $? 74 "'$verb' to a full device ends with 74"
	holds "$err" "No space left on device"
done
"$LAPICVM" --help >"$out" 2>&- <&-
is $? 0 "--help with stdin and stderr closed succeeds"
"$LAPICVM" run -smp 0 2>&- >"$out"
is $? 64 "the status is right with stderr closed"
ends 74 output-failed run --result-json "$tmp/none/r.json" image
holds "$err" "cannot write $tmp/none/r.json: No such file or directory"
ends 74 output-failed run --result-json "$tmp" image
holds "$err" "Is a directory"
ends 74 output-failed run --dump-screen "$tmp/none/screen" image
holds "$err" "cannot write $tmp/none/screen: No such file or directory"
ends 64 usage run -bios "$0" image

# --- with KVM --------------------------------------------------------------------------------------
if [ -r /dev/kvm ] && [ -w /dev/kvm ]; then
	"$LAPICVM" doctor >"$out" 2>"$err"
	is $? 0 "doctor succeeds"
	holds "$out" "IA32_APIC_BASE (MSR 1Bh) comes to lapicvm"
	is "$(wc -c <"$err")" 0 "doctor leaves stderr alone"
	"$LAPICVM" doctor --json --report "$tmp/report" >"$tmp/first" 2>"$err"
	is $? 0 "doctor --json --report succeeds"
	same=yes
	for _ in 1 2 3 4 5 6 7 8; do
		"$LAPICVM" doctor --json >"$tmp/next" 2>>"$err" && cmp -s "$tmp/first" "$tmp/next" || same=no
	done
	is $same yes "doctor answers the same nine times"
	holds "$tmp/report" "capabilities (KVM_CHECK_EXTENSION)"
	is "$(ls -A "$tmp" | grep -c '^\.lapicvm')" 0 "no temporary file is left"
	ends 66 unreadable run "$tmp/no-such-image"
	ends 65 bad-image run -bios "$0"
	ends 66 unreadable run --result-json "$tmp/r.json" "$tmp/no-such-image"
	holds "$tmp/r.json" '"result": "unreadable"'
	holds "$tmp/r.json" '"code": 66'
	ends 65 bad-image run "$tmp/first"
	guest=$(dirname "$LAPICVM")/guests/self_ipi.elf
	if [ -r "$guest" ]; then
		ends 0 guest-exit run "$guest" --result-json "$tmp/r.json" --stats --timeout 60
		holds "$tmp/r.json" '"value": 0'
		holds "$err" "exits by kind"
		ln -s /dev/full "$tmp/full"
		ends 74 output-failed run "$guest" --result-json "$tmp/full" --timeout 60
		holds "$err" "the run itself ended with guest-exit code=0"
		"$LAPICVM" run "$guest" --timeout 60 >/dev/full 2>"$err" </dev/null
		is $? 74 "a guest whose output fails ends with 74"
	else
		skip "a guest's result" "$guest is not built"
	fi
else
	ends 69 no-kvm doctor
	ends 69 no-kvm run
	skip "doctor and run" "/dev/kvm cannot be opened"
fi

# --- without permission ----------------------------------------------------------------------------
# Root is asked nothing by modes: somebody else has to try, who can reach the program.
as_nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
if [ "$(id -u)" = 0 ] && [ -e /dev/kvm ] && as_nobody "$LAPICVM" --version >/dev/null 2>&1 &&
	! as_nobody test -w /dev/kvm 2>/dev/null; then
	as_nobody "$LAPICVM" doctor >"$out" 2>"$err"
	is $? 69 "doctor without permission ends with 69"
	holds "$err" "/dev/kvm: permission denied; it belongs to $(stat -c %U:%G /dev/kvm) with mode $(stat -c %a /dev/kvm)"
	holds "$err" "sudo "
	as_nobody "$LAPICVM" run >"$out" 2>"$err"
	is $? 69 "run without permission ends with 69"
else
	skip "doctor without permission" "needs root, setpriv and a closed /dev/kvm"
fi

echo "1..$count"
