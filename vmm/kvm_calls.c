// SPDX-License-Identifier: BSD-2-Clause
// The calls that reach the host's own /dev/kvm.
// Not a place for retries or messages: callers know what a failure means.

#include "vmm/kvm_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

static int real_open(void *opaque)
{
	(void)opaque;
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int real_ioctl(void *opaque, int fd, unsigned long request, void *arg)
{
	(void)opaque;
	int value = ioctl(fd, request, arg);
	return value < 0 ? -errno : value;
}

static void *real_mmap(void *opaque, int fd, size_t bytes)
{
	(void)opaque;
	void *run = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return run == MAP_FAILED ? NULL : run;
}

static void real_munmap(void *opaque, void *run, size_t bytes)
{
	(void)opaque;
	munmap(run, bytes);
}

static void real_close(void *opaque, int fd)
{
	(void)opaque;
	close(fd);
}

const struct kvm_calls kvm_calls_real = {
	.open_kvm = real_open,
	.ioctl = real_ioctl,
	.mmap_run = real_mmap,
	.munmap_run = real_munmap,
	.close = real_close,
};
