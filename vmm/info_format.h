// SPDX-License-Identifier: BSD-2-Clause
// In which words the machine's state is printed.
// Not what is printed: the other info_* files have that.
#ifndef VMM_INFO_FORMAT_H
#define VMM_INFO_FORMAT_H

enum info_format {
	INFO_QEMU,  /* the columns of QEMU's monitor */
	INFO_LINUX, /* what Linux prints with apic=verbose */
	INFO_JSON
};

#endif
