// SPDX-License-Identifier: BSD-2-Clause
// Looks around when /dev/kvm cannot be opened, and says what would help.
// Never changes anything: the cure is the user's to run.
#include "vmm/host_access.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CODE_NO_KVM 69

__attribute__((format(printf, 2, 3))) static void say(struct host_error *why, const char *format,
						      ...)
{
	va_list arguments;

	why->code = CODE_NO_KVM;
	va_start(arguments, format);
	vsnprintf(why->text, sizeof(why->text), format, arguments);
	va_end(arguments);
}

static bool exists(const char *root, const char *path)
{
	char whole[512];

	return snprintf(whole, sizeof(whole), "%s%s", root, path) < (int)sizeof(whole) &&
	       access(whole, F_OK) == 0;
}

/* The first line of /proc/cpuinfo with this key: its value. */
static bool cpuinfo(const char *root, const char *key, char *value, size_t size)
{
	char path[512], line[8192];
	bool found = false;
	FILE *file;

	if (snprintf(path, sizeof(path), "%s/proc/cpuinfo", root) >= (int)sizeof(path))
		return false;
	file = fopen(path, "re");
	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file)) {
		char *colon = strchr(line, ':');

		if (!colon || strncmp(line, key, strlen(key)) != 0)
			continue;
		line[strcspn(line, "\n")] = '\0';
		snprintf(value, size, "%s", colon + 1 + strspn(colon + 1, " \t"));
		found = true;
	}
	fclose(file);
	return found;
}

bool host_access_cpu_flag(const char *root, const char *flag)
{
	char flags[8192], *rest = flags, *word;

	if (!cpuinfo(root, "flags", flags, sizeof(flags)))
		return false;
	while ((word = strsep(&rest, " ")))
		if (strcmp(word, flag) == 0)
			return true;
	return false;
}

void host_access_cpu_model(const char *root, char *text, size_t size)
{
	if (!cpuinfo(root, "model name", text, size))
		snprintf(text, size, "unknown");
}

enum host_backend host_access_backend(const char *root)
{
	bool intel = exists(root, "/sys/module/kvm_intel");
	bool amd = exists(root, "/sys/module/kvm_amd");

	/* A module may be loaded and idle: the one whose instructions the processor has is at work.
	 */
	if (intel && host_access_cpu_flag(root, "vmx"))
		return HOST_KVM_INTEL;
	if (amd && host_access_cpu_flag(root, "svm"))
		return HOST_KVM_AMD;
	if (exists(root, "/sys/module/kvm_pvm"))
		return HOST_KVM_PVM;
	if (intel != amd)
		return intel ? HOST_KVM_INTEL : HOST_KVM_AMD;
	return HOST_UNKNOWN;
}

/* ---------------------------------------------------------------- no device */

static void explain_missing(const char *root, int error, struct host_error *why)
{
	const char *reason = strerror(error);

	if (exists(root, "/sys/module/kvm_intel") || exists(root, "/sys/module/kvm_amd") ||
	    exists(root, "/sys/module/kvm_pvm"))
		say(why,
		    "/dev/kvm: %s, though the KVM module is loaded; in a container: start it with "
		    "--device=/dev/kvm; elsewhere: sudo udevadm trigger --name-match=kvm",
		    reason);
	else if (host_access_cpu_flag(root, "vmx"))
		say(why, "/dev/kvm: %s; the KVM module is not loaded: sudo modprobe kvm_intel",
		    reason);
	else if (host_access_cpu_flag(root, "svm"))
		say(why, "/dev/kvm: %s; the KVM module is not loaded: sudo modprobe kvm_amd",
		    reason);
	else
		say(why,
		    "/dev/kvm: %s; this processor shows neither vmx nor svm: turn virtualisation on "
		    "in the firmware's set-up, or nested virtualisation in the hypervisor that "
		    "this machine runs on",
		    reason);
}

/* ---------------------------------------------------------------- no permission */

void host_access_permission(const struct host_access_device *device, struct host_error *why)
{
	bool group_may = (device->mode & 060) == 060;
	char head[256];

	snprintf(head, sizeof(head),
		 "/dev/kvm: permission denied; it belongs to %s:%s with mode %o", device->owner,
		 device->group, device->mode);
	if (group_may && device->user_in_group)
		say(why,
		    "%s, and you are in that group but not yet in this login: log in again, or run "
		    "newgrp %s",
		    head, device->group);
	else if (group_may && !device->group_is_root)
		say(why, "%s: sudo usermod -aG %s $USER, then log in again", head, device->group);
	else
		say(why, "%s: sudo chown $USER /dev/kvm", head);
}

static bool user_is_in(const struct group *group)
{
	const struct passwd *user = getpwuid(getuid());

	if (!user || !group)
		return false;
	for (char **member = group->gr_mem; *member; member++)
		if (strcmp(*member, user->pw_name) == 0)
			return true;
	return false;
}

static void explain_permission(const char *root, int error, struct host_error *why)
{
	char path[512], owner[32], group[32];
	struct host_access_device device = {owner, group, 0, false, false};
	const struct passwd *pw;
	const struct group *gr;
	struct stat st;

	snprintf(path, sizeof(path), "%s/dev/kvm", root);
	if (stat(path, &st) != 0) {
		say(why, "/dev/kvm: %s", strerror(error));
		return;
	}
	/* The kernel's own yes to the mode leaves a sandbox as the one who says no. */
	if (error == EPERM || access(path, R_OK | W_OK) == 0) {
		say(why,
		    "/dev/kvm: %s, though its mode would allow it: a sandbox or container forbids the "
		    "device; start it with --device=/dev/kvm",
		    strerror(error));
		return;
	}
	pw = getpwuid(st.st_uid);
	snprintf(owner, sizeof(owner), pw ? "%s" : "%.0s%u", pw ? pw->pw_name : "", st.st_uid);
	gr = getgrgid(st.st_gid);
	snprintf(group, sizeof(group), gr ? "%s" : "%.0s%u", gr ? gr->gr_name : "", st.st_gid);
	device.mode = st.st_mode & 0777;
	device.group_is_root = st.st_gid == 0;
	device.user_in_group = user_is_in(gr);
	host_access_permission(&device, why);
}

void host_access_explain(const char *root, int error, struct host_error *why)
{
	switch (error) {
	case ENOENT:
	case ENODEV:
	case ENXIO: explain_missing(root, error, why); break;
	case EACCES:
	case EPERM: explain_permission(root, error, why); break;
	default: say(why, "/dev/kvm: %s", strerror(error)); break;
	}
}
