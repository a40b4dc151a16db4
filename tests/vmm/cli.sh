# SPDX-License-Identifier: BSD-2-Clause
# What the tests of the command line share: running lapicvm, and saying how it went as TAP.
# No test itself: it is read by tests/vmm/test_*.sh, which end with `echo "1..$count"`.
LAPICVM=${LAPICVM:-build/lapicvm}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
out=$tmp/out err=$tmp/err
count=0

tap() { # RESULT TEXT
	count=$((count + 1))
	echo "$1 $count - $2"
}
show() { sed 's/^/# /' "$out" "$err" 2>/dev/null | head -20; }
# Runs lapicvm; passes if the exit status is CODE and stderr ends in the matching last line.
ends() { # CODE WORD ARGUMENTS...
	code=$1 word=$2
	shift 2
	"$LAPICVM" "$@" >"$out" 2>"$err" </dev/null
	got=$?
	last=$(tail -n 1 "$err")
	case $last in
	"result: $word "*"code=$code" | "result: $word code=$code") good=ok ;;
	*) good="not ok" ;;
	esac
	[ $got -eq "$code" ] || good="not ok"
	tap "$good" "'$*' ends with $word, $code"
	[ "$good" = ok ] || { echo "# status $got, last line: $last" && show; }
}
# Passes if FILE holds the text.
holds() { # FILE TEXT
	if grep -qF -- "$2" "$1"; then tap ok "... and says: $2"; else tap "not ok" "... and says: $2" && show; fi
}
is() { # GOT WANTED TEXT
	if [ "$1" = "$2" ]; then tap ok "$3"; else tap "not ok" "$3: $1 instead of $2" && show; fi
}
skip() { tap ok "$1 # SKIP $2"; }
