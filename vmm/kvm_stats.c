// SPDX-License-Identifier: BSD-2-Clause
// Reads the binary statistics of a vCPU: a header, a table of descriptions, a block of numbers.
// Not a copy of the table: two of its rows are looked for.
#include "vmm/kvm_stats.h"

#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Bounds of what a host may say of itself: KVM has some 50 rows with names of 48 bytes. */
#define ROWS_MAX 4096u
#define NAME_MAX 256u

static bool read_at(int fd, void *to, size_t size, uint64_t offset)
{
	return pread(fd, to, size, (off_t)offset) == (ssize_t)size;
}

static bool sane(const struct kvm_stats_header *header)
{
	return header->num_desc <= ROWS_MAX && header->name_size && header->name_size <= NAME_MAX;
}

/* One row into *row, which has room for the longest name and a NUL. */
static bool read_row(int fd, const struct kvm_stats_header *header, uint32_t n,
		     struct kvm_stats_desc *row)
{
	size_t size = sizeof(*row) + header->name_size;

	if (!read_at(fd, row, size, header->desc_offset + (uint64_t)n * size))
		return false;
	row->name[header->name_size] = '\0';
	return true;
}

static bool find(int fd, const struct kvm_stats_header *header, const char *name, uint64_t *value)
{
	struct kvm_stats_desc *row = malloc(sizeof(*row) + NAME_MAX + 1);
	bool found = false;

	for (uint32_t n = 0; row && n < header->num_desc && !found; n++) {
		if (!read_row(fd, header, n, row))
			break;
		found = strcmp(row->name, name) == 0 &&
			read_at(fd, value, sizeof(*value),
				(uint64_t)header->data_offset + row->offset);
	}
	free(row);
	return found;
}

bool kvm_stats_add(const struct kvm_calls *kvm, int vcpu_fd, uint64_t *interrupts, uint64_t *nmis)
{
	int fd = kvm_ioctl_value(kvm, vcpu_fd, KVM_GET_STATS_FD, 0);
	struct kvm_stats_header header;
	uint64_t irq, nmi;
	bool good;

	if (fd < 0)
		return false;
	good = read_at(fd, &header, sizeof(header), 0) && sane(&header) &&
	       find(fd, &header, "irq_injections", &irq) &&
	       find(fd, &header, "nmi_injections", &nmi);
	kvm->close(kvm->opaque, fd);
	if (!good)
		return false;
	*interrupts += irq;
	*nmis += nmi;
	return true;
}
