// SPDX-License-Identifier: BSD-2-Clause
// Guest RAM as one anonymous host mapping, seen by the guest as one or two ranges.
// No KVM here: pure address arithmetic on a byte buffer.
#include "vmm/ram.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

static bool size_is_good(uint64_t size, char *why, size_t why_size)
{
	const char *wrong = NULL;

	if (size < RAM_SIZE_MIN)
		wrong = "too little";
	else if (size > RAM_SIZE_MAX)
		wrong = "too much";
	else if (size % RAM_PAGE_SIZE != 0)
		wrong = "no multiple of a page (4096 bytes)";
	if (!wrong)
		return true;
	snprintf(why, why_size,
		 "%" PRIu64 " bytes of guest RAM is %s; -m takes from 2M to 1024G in whole pages",
		 size, wrong);
	return false;
}

enum ram_result ram_create(struct ram *ram, uint64_t size, char *why, size_t why_size)
{
	uint64_t low = size < RAM_LOW_END ? size : RAM_LOW_END;
	void *host;

	memset(ram, 0, sizeof(*ram));
	if (!size_is_good(size, why, why_size))
		return RAM_BAD_SIZE;
	/* No reservation of swap: a guest may be given more than it ever touches. */
	host = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		    -1, 0);
	if (host == MAP_FAILED) {
		snprintf(why, why_size,
			 "the host gives no address space for %" PRIu64
			 " MiB of guest RAM: %s; ask for less with -m, or look at ulimit -v",
			 size / RAM_MIB, strerror(errno));
		return RAM_NO_MEMORY;
	}
	ram->size = size;
	ram->ranges[0] = (struct ram_range){.gpa = 0, .host = host, .length = low};
	ram->range_count = 1;
	if (size > low) {
		ram->ranges[1] = (struct ram_range){
			.gpa = RAM_HIGH_START,
			.host = ram->ranges[0].host + low,
			.length = size - low,
		};
		ram->range_count = 2;
	}
	return RAM_OK;
}

void ram_destroy(struct ram *ram)
{
	if (ram->range_count > 0)
		munmap(ram->ranges[0].host, ram->size);
	memset(ram, 0, sizeof(*ram));
}

void *ram_at(const struct ram *ram, uint64_t gpa, uint64_t length)
{
	if (length == 0)
		return NULL;
	for (unsigned i = 0; i < ram->range_count; i++) {
		const struct ram_range *range = &ram->ranges[i];
		/* Below the range this wraps, to more than any length. */
		uint64_t offset = gpa - range->gpa;

		/* Compared with what is left of the range: a sum of guest numbers could wrap. */
		if (offset < range->length && length <= range->length - offset)
			return range->host + offset;
	}
	return NULL;
}

bool ram_zero(const struct ram *ram, uint64_t gpa, uint64_t length)
{
	uint8_t *start = ram_at(ram, gpa, length);
	uint64_t head, pages;

	if (!start)
		return false;
	head = -(uintptr_t)start % RAM_PAGE_SIZE;
	if (head > length)
		head = length;
	pages = (length - head) / RAM_PAGE_SIZE * RAM_PAGE_SIZE;
	memset(start, 0, head);
	/* Dropped pages come back as zeros; locked ones cannot be dropped. */
	if (pages > 0 && madvise(start + head, pages, MADV_DONTNEED) != 0)
		memset(start + head, 0, pages);
	memset(start + head + pages, 0, length - head - pages);
	return true;
}

uint64_t ram_size_for(uint64_t gpa, uint64_t length)
{
	uint64_t end, size;

	if (length == 0 || length > UINT64_MAX - gpa)
		return 0;
	end = gpa + length;
	if (gpa < RAM_LOW_END && end <= RAM_LOW_END)
		size = end;
	else if (gpa >= RAM_HIGH_START && end - RAM_HIGH_START <= RAM_SIZE_MAX - RAM_LOW_END)
		size = RAM_LOW_END + (end - RAM_HIGH_START);
	else
		return 0;
	size = (size + RAM_MIB - 1) / RAM_MIB * RAM_MIB;
	return size < RAM_SIZE_MIN ? RAM_SIZE_MIN : size;
}

/* Any change of protection is heard of. One that took a right away would fail another vCPU's access
 * in the meantime. */
void ram_forget_mapping(const struct ram *ram, uint64_t gpa)
{
	void *page = ram_at(ram, gpa, RAM_PAGE_SIZE);

	if (page && mprotect(page, RAM_PAGE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC) == 0)
		mprotect(page, RAM_PAGE_SIZE, PROT_READ | PROT_WRITE);
}
