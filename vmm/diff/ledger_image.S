// SPDX-License-Identifier: BSD-2-Clause
// The ledger and the rule catalogue as texts inside lapicvm.
// No code: both are read from the source tree when lapicvm is built.
	.section .rodata
	.globl ledger_text
	.globl ledger_rules
	.hidden ledger_text
	.hidden ledger_rules
ledger_text:
	.incbin "vmm/diff/ledger.txt"
	.byte 0
ledger_rules:
	.incbin "lapic/RULES.md"
	.byte 0
	.section .note.GNU-stack, "", @progbits
