# SPDX-License-Identifier: BSD-2-Clause
# Builds liblapic, lapicvm, the guests and every test; discovers sources by directory.
# Not a place for test logic: what a check does stands in scripts/.
#
#   CC=gcc|clang   SAN=address,undefined|thread   COV=1   BUILD=dir   V=1

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

VERSION := $(shell awk '/^.define LAPIC_VERSION_(MAJOR|MINOR|PATCH) / { v = v "." $$3 } END { print substr(v, 2) }' lapic/lapic.h)
SOVERSION := 0
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
SECONDS ?= 60
STRESS_POSTS ?= 10000000

ifeq ($(origin CC),default)
CC := gcc
endif
AR := ar
CXX ?= g++

# Each flavour of the build has a directory of its own, so that none rebuilds another.
BUILD ?= build
empty :=
flavour := $(if $(findstring clang,$(CC)),-clang)$(if $(findstring address,$(SAN)),-asan)
flavour := $(flavour)$(if $(findstring thread,$(SAN)),-tsan)$(if $(COV),-cov)$(if $(FUZZ),-fuzz)
O := $(BUILD)$(if $(flavour),/$(patsubst -%,%,$(flavour)))
ifdef FUZZ
O := $(BUILD)/fuzz
endif
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-5s %s\n' $(1) $(2))

# --- flags -----------------------------------------------------------------------------------------
WARN := -Wall -Wextra -Wshadow -Wpointer-arith -Wcast-qual -Wsign-compare -Wwrite-strings \
	-Wstrict-prototypes -Wmissing-prototypes -Wundef -Wvla -Werror
CFLAGS ?= $(if $(COV),-O0,-O2) -g
SANFLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)
COVFLAGS := $(if $(COV),--coverage -fprofile-update=atomic)
HOST := -std=c11 $(WARN) -I. $(CFLAGS) $(SANFLAGS) $(COVFLAGS) $(if $(FUZZ),-fsanitize=fuzzer-no-link)

# One row per top-level directory. liblapic: no libc, no stack protector (it would call
# __stack_chk_fail), no vector or floating point registers.
FLAGS_lapic := -ffreestanding -fno-stack-protector -mgeneral-regs-only -fvisibility=hidden
FLAGS_devices :=
FLAGS_vmm := -D_GNU_SOURCE -DLAPICVM_VERSION='"$(VERSION)"'
FLAGS_tests := -D_GNU_SOURCE
# Symbols and lines in reports, where elfutils is there.
LIBDW := $(shell pkg-config --libs-only-l libdw 2>/dev/null)
FLAGS_vmm += $(if $(LIBDW),-DWITH_LIBDW)
flags = $(FLAGS_$(firstword $(subst /, ,$(1))))

# Guests are never instrumented: they run on CPUs where integer code is all that works.
GUEST := -std=c11 $(WARN) -I. -O2 -g -ffreestanding -fno-pic -fno-stack-protector -mno-red-zone \
	-mgeneral-regs-only -mno-sse -mno-mmx -mno-80387 -mcmodel=small -fcf-protection=none \
	-fno-asynchronous-unwind-tables

# --- what there is ---------------------------------------------------------------------------------
objs = $(addprefix $(O)/obj/,$(addsuffix .o,$(basename $(1))))
LAPIC_SRC := $(wildcard lapic/*.c)
DEVICES_SRC := $(wildcard devices/*.c)
VMM_SRC := $(filter-out vmm/main.c,$(wildcard vmm/*.c vmm/*.S vmm/diff/*.c vmm/diff/*.S))
GUEST_SRC := $(if $(wildcard guests/*.c),$(shell grep -lw guest_main guests/*.c))
GUEST_BENCH_SRC := $(wildcard guests/bench/*.c guests/bench/*.S)
RUNTIME_SRC := $(wildcard guests/runtime/*.c guests/runtime/*.S)

LIBLAPIC := $(O)/liblapic.a
LAPIC_INTERNAL := $(O)/liblapic-internal.a
LIBDEVICES := $(O)/libdevices.a
LIBVMM := $(O)/libvmm.a
SHARED := $(O)/liblapic.so.$(SOVERSION)
GUESTS := $(GUEST_SRC:%.c=$(O)/%.elf)
BENCH_GUEST := $(O)/guests/bench.elf
TOUR := $(filter %/tour.elf,$(GUESTS))
PROGRAM := $(if $(wildcard vmm/main.c),$(O)/lapicvm)

# A test program is tests/<dir>/{test,fuzz}_*.c, or what has a main in stress and bench; the other
# files of its directory are linked to each of them. What tests the insides of lapic/ links LAPIC_INTERNAL.
with_main = $(if $(wildcard $(1)),$(shell grep -l "^int main" $(wildcard $(1))))
UNIT_SRC := $(foreach d,lapic devices vmm,$(wildcard tests/$(d)/test_*.c))
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
STRESS_SRC := $(call with_main,tests/stress/*.c)
BENCH_SRC := $(call with_main,tests/bench/*.c)
UNIT := $(UNIT_SRC:%.c=$(O)/%)
FUZZERS := $(FUZZ_SRC:tests/fuzz/%.c=$(O)/%)
STRESS := $(STRESS_SRC:tests/stress/%.c=$(O)/%)
BENCH := $(BENCH_SRC:tests/bench/%.c=$(O)/bench/%)
PROGRAM_SRC := $(UNIT_SRC) $(FUZZ_SRC) $(STRESS_SRC) $(BENCH_SRC)
beside = $(call objs,$(filter-out $(PROGRAM_SRC),$(wildcard tests/$(1)/*.c)))

# --- the products ----------------------------------------------------------------------------------
.PHONY: all lib guests unit unit-lapic stress-build bench-build fuzz-build tests-build
all: lib $(PROGRAM) guests
lib: $(if $(LAPIC_SRC),$(LIBLAPIC) $(SHARED))
guests: $(GUESTS)
unit: $(UNIT)
unit-lapic: $(filter $(O)/tests/lapic/%,$(UNIT))
stress-build: $(STRESS)
bench-build: $(BENCH) $(BENCH_GUEST)
fuzz-build: $(FUZZERS)
tests-build: unit stress-build bench-build

# One object, of which the linker sees the public symbols alone, as in the shared library.
$(O)/obj/liblapic.o: $(call objs,$(LAPIC_SRC))
	$(Q)mkdir -p $(@D) && ld -r -o $@ $^ && objcopy --localize-hidden $@

$(LIBLAPIC): $(O)/obj/liblapic.o
$(LAPIC_INTERNAL): $(call objs,$(LAPIC_SRC))
$(LIBDEVICES): $(call objs,$(DEVICES_SRC))
$(LIBVMM): $(call objs,$(VMM_SRC))
$(LIBLAPIC) $(LAPIC_INTERNAL) $(LIBDEVICES) $(LIBVMM):
	$(call say,AR,$@)
	$(Q)mkdir -p $(@D) && rm -f $@ && $(AR) rcs $@ $^

$(SHARED): $(LAPIC_SRC:%.c=$(O)/pic/%.o)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -shared -Wl,-soname,liblapic.so.$(SOVERSION) $(SANFLAGS) $(COVFLAGS) \
		$(if $(SAN),,-Wl,-z,defs) -o $@ $^
	$(Q)ln -sf liblapic.so.$(SOVERSION) $(O)/liblapic.so

$(O)/lapicvm: $(O)/obj/vmm/main.o $(LIBVMM) $(LIBDEVICES) $(LIBLAPIC)
	$(call say,LINK,$@)
	$(Q)$(CC) $(SANFLAGS) $(COVFLAGS) -o $@ $^ -levent_core -lZydis -lz $(LIBDW) -pthread

# --- objects ---------------------------------------------------------------------------------------
$(O)/obj/%.o: %.c Makefile
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(HOST) $(call flags,$*) -MMD -MP -c -o $@ $<

$(O)/pic/%.o: %.c Makefile
	$(call say,PIC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(HOST) $(call flags,$*) -fPIC -fno-semantic-interposition -MMD -MP -c -o $@ $<

# The tour travels inside lapicvm, and so does the ledger of `diff` with the rules that it names.
$(O)/obj/vmm/tour_image.o: $(TOUR)
$(O)/obj/vmm/diff/ledger_image.o: vmm/diff/ledger.txt lapic/RULES.md
$(O)/obj/vmm/%.o: vmm/%.S Makefile
	$(call say,AS,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -I. $(if $(TOUR),-DTOUR_ELF='"$(TOUR)"') -MMD -MP -c -o $@ $<

$(O)/obj/guests/%.o: guests/%.c Makefile
	$(call say,GUEST,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(GUEST) -MMD -MP -c -o $@ $<

$(O)/obj/guests/%.o: guests/%.S Makefile
	$(call say,GUEST,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(GUEST) -MMD -MP -c -o $@ $<

$(O)/guests/%.elf: $(O)/obj/guests/%.o $(call objs,$(RUNTIME_SRC)) guests/runtime/guest.ld
	$(call say,ELF,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -nostdlib -static -Wl,--build-id=none -Wl,-z,noexecstack \
		-Wl,-z,max-page-size=4096 -Wl,-T,guests/runtime/guest.ld -o $@ $(filter %.o,$^)

# A 32-bit ELF around 64-bit code, with a Multiboot header: the same bytes boot under QEMU.
$(BENCH_GUEST): $(call objs,$(GUEST_BENCH_SRC) $(RUNTIME_SRC)) guests/bench/bench.ld
	$(call say,ELF,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -nostdlib -static -Wl,--build-id=none -Wl,-z,noexecstack \
		-Wl,-z,max-page-size=4096 -Wl,-T,guests/bench/bench.ld -o $@.64 $(filter %.o,$^)
	$(Q)objcopy -O elf32-i386 $@.64 $@ && rm $@.64

# --- test programs ---------------------------------------------------------------------------------
ALL_LIBS := $(LIBVMM) $(LIBDEVICES) $(LIBLAPIC)
HOST_LDLIBS := -levent_core -lZydis -lz $(LIBDW) -pthread
link = $(Q)mkdir -p $(@D) && $(CC) $(SANFLAGS) $(COVFLAGS) $(2) -o $@ $(filter %.o %.a,$^) $(1)

$(O)/tests/lapic/%: $(O)/obj/tests/lapic/%.o $(call beside,lapic) $(LAPIC_INTERNAL)
	$(call say,TEST,$@)
	$(call link,-lcmocka -pthread)

$(O)/tests/devices/%: $(O)/obj/tests/devices/%.o $(call beside,devices) $(LIBDEVICES)
	$(call say,TEST,$@)
	$(call link,-lcmocka -pthread)

$(O)/tests/vmm/%: $(O)/obj/tests/vmm/%.o $(call beside,vmm) $(ALL_LIBS)
	$(call say,TEST,$@)
	$(call link,-lcmocka $(HOST_LDLIBS))

$(FUZZERS): $(O)/%: $(O)/obj/tests/fuzz/%.o $(call beside,fuzz) $(LIBVMM) $(LIBDEVICES) $(LAPIC_INTERNAL)
	$(call say,FUZZ,$@)
	$(call link,$(HOST_LDLIBS),$(if $(FUZZ),-fsanitize=fuzzer))

$(STRESS): $(O)/%: $(O)/obj/tests/stress/%.o $(call beside,stress) $(LAPIC_INTERNAL)
	$(call say,TEST,$@)
	$(call link,-pthread)

$(BENCH): $(O)/bench/%: $(O)/obj/tests/bench/%.o $(call beside,bench) $(LIBLAPIC)
	$(call say,TEST,$@)
	$(call link,-pthread)

# --- what a person types ---------------------------------------------------------------------------
.PHONY: deps demo check lint rules fuzz stress storm diff bench coverage kernels mutants mutants-mechanical install clean help where
EXPORTS := CC='$(CC)' BUILD='$(BUILD)' O='$(O)'

deps:
	@scripts/deps lint

demo:
	@scripts/deps demo
	@$(MAKE) --no-print-directory -j$$(nproc) $(PROGRAM)
	@$(EXPORTS) scripts/demo

check:
	@scripts/deps check
	@$(EXPORTS) scripts/check

lint:
	@scripts/deps lint
	@$(EXPORTS) scripts/lint

rules:
	@scripts/rules

fuzz:
	@scripts/deps check
	@$(MAKE) --no-print-directory -j$$(nproc) CC=clang FUZZ=1 SAN=address,undefined fuzz-build
	@$(EXPORTS) scripts/fuzz $(SECONDS)

stress:
	@$(MAKE) --no-print-directory -j$$(nproc) SAN=thread stress-build
	@$$(setarch -R true 2>/dev/null && echo setarch -R) $(BUILD)/tsan/stress_post --posts $(STRESS_POSTS)

# Six hostile rows, two of them half as long, and twelve storms, half as long too: eleven times SECONDS.
storm: $(PROGRAM) guests
	@scripts/deps check
	@O='$(O)' tests/storms/run --lapic both --seconds $(SECONDS)

diff: $(PROGRAM)
	@$(O)/lapicvm diff --time $(SECONDS)s --save $(O)/diff

# QUICK=1: one or two minutes of it. BENCH_ARGS: see tests/bench/run --help.
bench: $(BENCH) $(PROGRAM) $(BENCH_GUEST)
	@$(EXPORTS) tests/bench/run $(BENCH_ARGS)

coverage:
	@scripts/deps check
	@$(MAKE) --no-print-directory -j$$(nproc) CC=gcc COV=1 unit-lapic
	@O=$(BUILD)/cov scripts/coverage 95

# ONLY=name boots one row: of tests/kernels/rows, or memtest86+, seabios-2, seabios-4.
kernels:
	@scripts/deps kernels
	@$(MAKE) --no-print-directory -j$$(nproc) $(PROGRAM)
	@case '$(ONLY)' in \
	memtest86+ | seabios-*) $(EXPORTS) scripts/kernels-binaries --only '$(ONLY)' ;; \
	'') $(EXPORTS) scripts/kernels; linux=$$?; $(EXPORTS) scripts/kernels-binaries && exit $$linux ;; \
	*) $(EXPORTS) scripts/kernels --only '$(ONLY)' ;; \
	esac

mutants:
	@scripts/deps mutants
	@nice -n 10 scripts/mutants

mutants-mechanical:
	@scripts/deps mutants
	@nice -n 10 scripts/mutants-mechanical

install: all
	install -d $(DESTDIR)$(PREFIX)/include/lapic $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(PREFIX)/bin
	install -m 644 $(wildcard lapic/lapic.h lapic/lapic_kvm.h) $(DESTDIR)$(PREFIX)/include/lapic
	install -m 644 $(LIBLAPIC) $(DESTDIR)$(LIBDIR)
	install -m 755 $(SHARED) $(DESTDIR)$(LIBDIR)
	ln -sf liblapic.so.$(SOVERSION) $(DESTDIR)$(LIBDIR)/liblapic.so
	sed 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@VERSION@|$(VERSION)|' liblapic.pc.in \
		>$(DESTDIR)$(LIBDIR)/pkgconfig/liblapic.pc
	install -m 755 $(PROGRAM) $(DESTDIR)$(PREFIX)/bin
	for page in $(wildcard man/*.1 man/*.3); do \
		install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man$${page##*.} $$page || exit; done

clean:
	rm -rf $(BUILD)

# For scripts: where this flavour is built, and the flags of a directory.
where:
	$(info $(O))@:
flags-guests:
	$(info $(GUEST))@:
flags-%:
	$(info $(HOST) $(FLAGS_$*))@:

help:
	@echo 'make            build/lapicvm, build/liblapic.a, build/liblapic.so, build/guests/*.elf'
	@echo 'make demo       install what is missing, build, boot the guided tour with 2 CPUs'
	@echo 'make check      install what is missing, build, run every test; N passed, N failed, N skipped'
	@echo 'make lint       gcc and clang, clang-format, clang-tidy, cppcheck, arrows, headers, freestanding'
	@echo 'make rules      which rule of lapic/RULES.md has which test'
	@echo 'make coverage   lines and branches of lapic/ that its unit tests run; at least 95 % of the lines'
	@echo 'make mutants    small faults in lapic/, one for each rule and more: who finds them; an hour on 2 cores'
	@echo 'make mutants-mechanical   every operator, constant and statement of lapic/*.c against its unit tests'
	@echo 'make kernels    a small Linux, built from Debian'"'"'s sources under build/kernels, boots; ONLY=name for one row'
	@echo 'make fuzz       each fuzzer for SECONDS=60'
	@echo 'make stress     STRESS_POSTS=10000000 posts under the thread sanitizer'
	@echo 'make storm      a hostile guest and interrupt storms, SECONDS=60 and 30 each: memory, console, Ctrl-a x'
	@echo 'make diff       random programs on this Local APIC and on the one in KVM, for SECONDS=60'
	@echo 'make bench      what a Local APIC costs: the model alone, then beside KVM'"'"'s and QEMU'"'"'s: 12 minutes, with QUICK=1 two'
	@echo 'make install    DESTDIR= PREFIX=/usr/local LIBDIR='
	@echo 'make deps       install what is missing for all of these     make clean     remove build/'
	@echo 'CC=gcc|clang  SAN=address,undefined|thread (in build/asan, build/tsan)  BUILD=build  V=1'

.SECONDARY:
-include $(if $(wildcard $(O)),$(shell find $(O)/obj $(O)/pic -name '*.d' 2>/dev/null))
