// SPDX-License-Identifier: BSD-2-Clause
// The few calls through which /dev/kvm is spoken to, as one struct that a scripted fake can
// replace. Not a wrapper of KVM's interface: requests and structures are those of <linux/kvm.h>.
#ifndef VMM_KVM_CALLS_H
#define VMM_KVM_CALLS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Every function may be called from any thread; `opaque` is the field below. */
struct kvm_calls {
	/* Opens /dev/kvm: a file descriptor, or -errno. */
	int (*open_kvm)(void *opaque);
	/* ioctl(2) on any KVM descriptor: the value >= 0, or -errno. Requests that take a number
	 * get it cast into arg. */
	int (*ioctl)(void *opaque, int fd, unsigned long request, void *arg);
	/* Maps `bytes` of a vCPU descriptor (struct kvm_run), shared and writable: NULL with errno
	 * set on failure. */
	void *(*mmap_run)(void *opaque, int fd, size_t bytes);
	void (*munmap_run)(void *opaque, void *run, size_t bytes);
	void (*close)(void *opaque, int fd);
	void *opaque;
};

/* The host's own /dev/kvm. */
extern const struct kvm_calls kvm_calls_real;

static inline int kvm_ioctl(const struct kvm_calls *kvm, int fd, unsigned long request, void *arg)
{
	return kvm->ioctl(kvm->opaque, fd, request, arg);
}

/* The same for requests whose argument is a number (KVM_CREATE_VCPU, KVM_CHECK_EXTENSION, ...). */
static inline int kvm_ioctl_value(const struct kvm_calls *kvm, int fd, unsigned long request,
				  unsigned long value)
{
	return kvm->ioctl(kvm->opaque, fd, request, (void *)(uintptr_t)value);
}

#ifdef __cplusplus
}
#endif

#endif
