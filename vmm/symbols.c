// SPDX-License-Identifier: BSD-2-Clause
// Asks elfutils' libdw, where it was there at build time, in a child that may fail.
// Not a reader of ELF itself.

#include "vmm/symbols.h"

#include <string.h>

#ifndef WITH_LIBDW

void symbols_find(const struct image_file *image, const uint64_t *addresses, unsigned count,
		  char (*texts)[SYMBOLS_TEXT])
{
	(void)image;
	(void)addresses;
	memset(texts, 0, (size_t)count * SYMBOLS_TEXT);
}

#else

# include <elfutils/libdwfl.h>
# include <errno.h>
# include <inttypes.h>
# include <poll.h>
# include <signal.h>
# include <stdio.h>
# include <sys/mman.h>
# include <sys/resource.h>
# include <sys/wait.h>
# include <unistd.h>

# include "vmm/image_file.h"
# include "vmm/kick.h"

# define PATIENCE_MS 10000u
# define CPU_SECONDS 8u

/* ---- the child ---- */

/* Separate debug information would be looked for on this host, or on the network. */
static int find_nothing(Dwfl_Module *module, void **user, const char *name, Dwarf_Addr base,
			const char *file, const char *link, GElf_Word crc, char **found)
{
	(void)module;
	(void)user;
	(void)name;
	(void)base;
	(void)file;
	(void)link;
	(void)crc;
	(void)found;
	return -1;
}

static void name(Dwfl_Module *module, uint64_t address, char text[SYMBOLS_TEXT])
{
	const char *symbol, *file = NULL;
	GElf_Off offset = 0;
	GElf_Sym sym;
	Dwfl_Line *line;
	size_t used;
	int number = 0;

	symbol = dwfl_module_addrinfo(module, address, &offset, &sym, NULL, NULL, NULL);
	if (!symbol)
		return;
	snprintf(text, SYMBOLS_TEXT, "%.100s+0x%" PRIx64, symbol, (uint64_t)offset);
	used = strlen(text);
	line = dwfl_module_getsrc(module, address);
	if (line)
		file = dwfl_lineinfo(line, NULL, &number, NULL, NULL, NULL);
	if (file)
		snprintf(text + used, SYMBOLS_TEXT - used, " (%.120s:%d)", file, number);
}

static int descriptor(const struct image_source *source)
{
	int fd;

	if (source->fd >= 0)
		return source->fd;
	fd = memfd_create("image", MFD_CLOEXEC);
	if (fd >= 0 && write(fd, source->bytes, source->size) != (ssize_t)source->size)
		return -1;
	return fd;
}

/* Nothing is given back: the child ends. */
static Dwfl_Module *read_image(const struct image_file *image)
{
	static const Dwfl_Callbacks callbacks = {
		.find_elf = dwfl_build_id_find_elf,
		.find_debuginfo = find_nothing,
		.section_address = dwfl_offline_section_address,
	};
	struct image_source source;
	struct image_error error;
	Dwfl_Module *module;
	Dwfl *dwfl;

	if (!image_file_open(image, &source, &error))
		return NULL;
	dwfl = dwfl_begin(&callbacks);
	if (!dwfl)
		return NULL;
	dwfl_report_begin(dwfl);
	module = dwfl_report_elf(dwfl, "image", "image", descriptor(&source), 0, true);
	dwfl_report_end(dwfl, NULL, NULL);
	return module;
}

static _Noreturn void child(const struct image_file *image, const uint64_t *addresses,
			    unsigned count, int to)
{
	static const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGXCPU};
	struct rlimit cpu = {CPU_SECONDS, CPU_SECONDS}, no_core = {0, 0};
	Dwfl_Module *module;

	for (unsigned i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
		signal(fatal[i], SIG_DFL);
	setrlimit(RLIMIT_CPU, &cpu);
	setrlimit(RLIMIT_CORE, &no_core);
	module = read_image(image);
	for (unsigned i = 0; module && i < count; i++) {
		char text[SYMBOLS_TEXT] = "";

		name(module, addresses[i], text);
		if (write(to, text, sizeof(text)) != (ssize_t)sizeof(text))
			break;
	}
	_exit(0);
}

/* ---- the parent ---- */

/* The child is not to be trusted after it has read the image, nor are the image's names. */
static void make_safe(char text[SYMBOLS_TEXT])
{
	text[SYMBOLS_TEXT - 1] = '\0';
	for (char *c = text; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
}

/* As many bytes as come in time. */
static size_t collect(int from, char *bytes, size_t size)
{
	uint64_t until = kick_clock_ns() + PATIENCE_MS * UINT64_C(1000000);
	size_t used = 0;

	while (used < size) {
		uint64_t now = kick_clock_ns();
		struct pollfd wait = {.fd = from, .events = POLLIN};
		ssize_t n;

		if (now >= until || poll(&wait, 1, (int)((until - now) / 1000000) + 1) == 0)
			break;
		n = read(from, bytes + used, size - used);
		if (n == 0 || (n < 0 && errno != EINTR))
			break;
		used += n > 0 ? (size_t)n : 0;
	}
	return used;
}

void symbols_find(const struct image_file *image, const uint64_t *addresses, unsigned count,
		  char (*texts)[SYMBOLS_TEXT])
{
	size_t size = (size_t)count * SYMBOLS_TEXT, got = 0;
	int ends[2];
	pid_t pid;

	if (pipe(ends) == 0) {
		pid = fork();
		if (pid == 0)
			child(image, addresses, count, ends[1]);
		close(ends[1]);
		if (pid > 0) {
			got = collect(ends[0], texts[0], size);
			kill(pid, SIGKILL);
			while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
				;
		}
		close(ends[0]);
	}
	got -= got % SYMBOLS_TEXT;
	memset(texts[0] + got, 0, size - got);
	for (unsigned i = 0; i < count; i++)
		make_safe(texts[i]);
}

#endif
