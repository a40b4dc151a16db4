// SPDX-License-Identifier: BSD-2-Clause
// The guided tour as an ELF image inside lapicvm: what `lapicvm run` boots without an image.
// No code: the build passes the path of guests/tour.c's ELF as TOUR_ELF; without one the image is empty.
	.section .rodata
	.balign 16
	.globl vmm_tour_image
	.globl vmm_tour_image_end
	.hidden vmm_tour_image
	.hidden vmm_tour_image_end
vmm_tour_image:
#ifdef TOUR_ELF
	.incbin TOUR_ELF
#endif
vmm_tour_image_end:
	.section .note.GNU-stack, "", @progbits
