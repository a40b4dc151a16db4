// SPDX-License-Identifier: BSD-2-Clause
// Why /dev/kvm cannot be opened and which one command cures it; and whose KVM it is.
// Not what that KVM can do: host.h asks it.
#ifndef VMM_HOST_ACCESS_H
#define VMM_HOST_ACCESS_H

#include <stdbool.h>
#include <stddef.h>

#include "vmm/host.h"

#ifdef __cplusplus
extern "C" {
#endif

/* `root` stands before every path that is looked at: "" for the host's own files. */

/* Fills *why for an open of /dev/kvm that failed with `error` (positive errno). Code 69. */
void host_access_explain(const char *root, int error, struct host_error *why);
/* From the loaded modules, and the processor's flags where several are loaded. */
enum host_backend host_access_backend(const char *root);
/* Whether /proc/cpuinfo shows this flag, such as "vmx". */
bool host_access_cpu_flag(const char *root, const char *flag);
/* The processor's name from /proc/cpuinfo; "unknown" where there is none. */
void host_access_cpu_model(const char *root, char *text, size_t size);

/* Who may use a device: what an explanation of "permission denied" rests on. */
struct host_access_device {
	const char *owner, *group; /* names, or numbers as text */
	unsigned mode;             /* permission bits */
	bool group_is_root;
	bool user_in_group; /* by the user database, though perhaps not yet by this login */
};
void host_access_permission(const struct host_access_device *device, struct host_error *why);

#ifdef __cplusplus
}
#endif

#endif
