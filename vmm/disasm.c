// SPDX-License-Identifier: BSD-2-Clause
// Instruction bytes to Intel syntax, by Zydis.
// Not a second decoder: what Zydis does not know is said to be unknown.
#include "vmm/disasm.h"

#include <Zydis/Zydis.h>
#include <stdio.h>

static ZyanStatus choose(ZydisDecoder *decoder, unsigned mode)
{
	if (mode == 64)
		return ZydisDecoderInit(decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	if (mode == 32)
		return ZydisDecoderInit(decoder, ZYDIS_MACHINE_MODE_LEGACY_32,
					ZYDIS_STACK_WIDTH_32);
	if (mode == 16)
		return ZydisDecoderInit(decoder, ZYDIS_MACHINE_MODE_LEGACY_16,
					ZYDIS_STACK_WIDTH_16);
	return ZYAN_STATUS_INVALID_ARGUMENT;
}

static const char *reason(ZyanStatus status)
{
	switch (status) {
	case ZYDIS_STATUS_NO_MORE_DATA: return "(bytes end within the instruction)";
	case ZYDIS_STATUS_INSTRUCTION_TOO_LONG: return "(longer than 15 bytes)";
	case ZYAN_STATUS_INVALID_ARGUMENT: return "(no such mode)";
	case ZYAN_STATUS_INSUFFICIENT_BUFFER_SIZE: return "(text too long)";
	default: return "(no instruction)";
	}
}

bool disasm(const uint8_t *bytes, size_t length, unsigned mode, uint64_t rip, char *text,
	    size_t text_size)
{
	ZydisDecoder decoder;
	ZydisFormatter formatter;
	ZydisDecodedInstruction instruction;
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	char whole[256];
	ZyanStatus status = choose(&decoder, mode);

	if (ZYAN_SUCCESS(status))
		status = ZydisDecoderDecodeFull(&decoder, bytes, length, &instruction, operands);
	if (ZYAN_SUCCESS(status))
		status = ZydisFormatterInit(&formatter, ZYDIS_FORMATTER_STYLE_INTEL);
	if (ZYAN_SUCCESS(status))
		status = ZydisFormatterFormatInstruction(&formatter, &instruction, operands,
							 instruction.operand_count_visible, whole,
							 sizeof(whole), rip, ZYAN_NULL);
	/* Cut where the caller's room ends, always with its NUL. */
	snprintf(text, text_size, "%s", ZYAN_SUCCESS(status) ? whole : reason(status));
	return ZYAN_SUCCESS(status);
}

unsigned disasm_length(const uint8_t *bytes, size_t length, unsigned mode)
{
	ZydisDecoder decoder;
	ZydisDecodedInstruction instruction;

	if (!ZYAN_SUCCESS(choose(&decoder, mode)) ||
	    !ZYAN_SUCCESS(
		    ZydisDecoderDecodeInstruction(&decoder, NULL, bytes, length, &instruction)))
		return 0;
	return instruction.length;
}
