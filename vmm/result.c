// SPDX-License-Identifier: BSD-2-Clause
// How a run ended, for the shell, for people and for programs.
// Not where it is decided how a run ended.
#include "vmm/result.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "vmm/output_file.h"

#define GUEST_STATUS_MAX 63u

static const struct kind {
	const char *name;
	int code;
} kinds[] = {
	[RESULT_GUEST_EXIT] = {"guest-exit", 0},
	[RESULT_USER_QUIT] = {"user-quit", 0},
	[RESULT_USAGE] = {"usage", 64},
	[RESULT_BAD_IMAGE] = {"bad-image", 65},
	[RESULT_UNREADABLE] = {"unreadable", 66},
	[RESULT_NO_KVM] = {"no-kvm", 69},
	[RESULT_INTERNAL] = {"internal-error", 70},
	[RESULT_OUTPUT_FAILED] = {"output-failed", 74},
	[RESULT_HOST_LACKS] = {"host-lacks", 77},
	[RESULT_TRIPLE_FAULT] = {"triple-fault", 96},
	[RESULT_EMULATION] = {"emulation-failed", 96},
	[RESULT_HALTED_FOREVER] = {"halted-forever", 97},
	[RESULT_DIVERGED] = {"diverged", 99},
	[RESULT_RESET] = {"guest-reset", 0},
	[RESULT_POWER_OFF] = {"power-off", 0},
	[RESULT_TIMEOUT] = {"timeout", 124},
	[RESULT_SIGINT] = {"sigint", 130},
	[RESULT_SIGTERM] = {"sigterm", 143},
};

int result_code(const struct result *result)
{
	if (result->kind == RESULT_GUEST_EXIT)
		return (int)(result->value > GUEST_STATUS_MAX ? GUEST_STATUS_MAX : result->value);
	return kinds[result->kind].code;
}

const char *result_name(enum result_kind kind)
{
	return kinds[kind].name;
}

/* File names and guests' words may hold what a terminal would act on. */
static void print_clean(const char *text, bool one_line, FILE *to)
{
	for (const char *c = text; *c; c++) {
		bool shown =
			!iscntrl((unsigned char)*c) || (!one_line && (*c == '\n' || *c == '\t'));

		fputc(shown ? *c : '?', to);
	}
}

void result_print(const struct result *result, FILE *to)
{
	if (result->detail[0]) {
		print_clean(result->detail, false, to);
		if (result->detail[strlen(result->detail) - 1] != '\n')
			fputc('\n', to);
	}
	if (result->text[0]) {
		fputs("lapicvm: ", to);
		print_clean(result->text, true, to);
		fputc('\n', to);
	}
	fprintf(to, "result: %s", result_name(result->kind));
	if (result->kind == RESULT_GUEST_EXIT)
		fprintf(to, " value=%" PRIu64, result->value);
	if (result->cpu >= 0)
		fprintf(to, " cpu=%d rip=0x%" PRIx64, result->cpu, result->rip);
	fprintf(to, " code=%d\n", result_code(result));
}

/* The length of the UTF-8 sequence at s, or 0 where it is none (RFC 3629: no overlong forms, no
 * surrogates). */
static size_t utf8_length(const char *s)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t length = u[0] < 0x80   ? 1
			: u[0] < 0xC2 ? 0
			: u[0] < 0xE0 ? 2
			: u[0] < 0xF0 ? 3
			: u[0] < 0xF5 ? 4
				      : 0;

	for (size_t i = 1; i < length; i++)
		if ((u[i] & 0xC0) != 0x80)
			return 0;
	if ((u[0] == 0xE0 && u[1] < 0xA0) || (u[0] == 0xED && u[1] > 0x9F) ||
	    (u[0] == 0xF0 && u[1] < 0x90) || (u[0] == 0xF4 && u[1] > 0x8F))
		return 0;
	return length;
}

void result_json_string(const char *text, FILE *to)
{
	fputc('"', to);
	while (*text) {
		size_t length = utf8_length(text);

		if (length == 0) {
			fputs("\\ufffd", to);
			length = 1;
		} else if (*text == '"' || *text == '\\') {
			fprintf(to, "\\%c", *text);
		} else if (*text == '\n') {
			fputs("\\n", to);
		} else if (iscntrl((unsigned char)*text) && length == 1) {
			fprintf(to, "\\u%04x", (unsigned)*text);
		} else {
			fwrite(text, 1, length, to);
		}
		text += length;
	}
	fputc('"', to);
}

/* Every key is always there; null where it means nothing. Addresses are strings: JSON numbers end
 * at 2^53. */
static void write_json(const struct result *result, FILE *to)
{
	fprintf(to, "{\n  \"result\": \"%s\",\n  \"code\": %d,\n", result_name(result->kind),
		result_code(result));
	if (result->kind == RESULT_GUEST_EXIT)
		fprintf(to, "  \"value\": %" PRIu64 ",\n", result->value);
	else
		fputs("  \"value\": null,\n", to);
	if (result->cpu >= 0)
		fprintf(to, "  \"cpu\": %d,\n  \"rip\": \"0x%" PRIx64 "\",\n", result->cpu,
			result->rip);
	else
		fputs("  \"cpu\": null,\n  \"rip\": null,\n", to);
	if (result->counted)
		fprintf(to, "  \"interrupts\": %" PRIu64 ",\n  \"nmis\": %" PRIu64 ",\n",
			result->interrupts, result->nmis);
	else
		fputs("  \"interrupts\": null,\n  \"nmis\": null,\n", to);
	fputs("  \"text\": ", to);
	result_json_string(result->text, to);
	fputs(",\n  \"detail\": ", to);
	result_json_string(result->detail, to);
	fputs("\n}\n", to);
}

bool result_write_json(const struct result *result, const char *path)
{
	struct output_file file;

	if (strcmp(path, "-") == 0) {
		write_json(result, stdout);
		return fflush(stdout) == 0 && !ferror(stdout);
	}
	if (!output_file_open(&file, path))
		return false;
	errno = 0;
	write_json(result, file.stream);
	return output_file_commit(&file);
}
