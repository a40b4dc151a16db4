// SPDX-License-Identifier: BSD-2-Clause
// The init of the small Linux of `make kernels`: a user program that loops.
// Not a program that asks the kernel for anything: SYSCALL does not leave user mode on every host.
	.globl _start
_start:
	pause
	jmp _start
	.section .note.GNU-stack, "", @progbits
