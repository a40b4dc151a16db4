// SPDX-License-Identifier: BSD-2-Clause
/*
 * Register numbers and bits, named as in the SDM's tables "Local APIC Register Address Map" and
 * "... Supported by x2APIC". Not offsets: the page offset is number << 4, the MSR is 800h + number.
 */
#ifndef LAPIC_REGS_H
#define LAPIC_REGS_H

#define REG_ID               0x02u
#define REG_VERSION          0x03u
#define REG_TPR              0x08u
#define REG_APR              0x09u
#define REG_PPR              0x0Au
#define REG_EOI              0x0Bu
#define REG_RRD              0x0Cu
#define REG_LDR              0x0Du
#define REG_DFR              0x0Eu
#define REG_SVR              0x0Fu
#define SVR_VECTOR           0xFFu
#define SVR_ENABLED          0x100u
#define SVR_FOCUS            0x200u
#define SVR_SUPPRESS_EOI     0x1000u
#define REG_ISR              0x10u
#define REG_TMR              0x18u
#define REG_IRR              0x20u
#define REG_ESR              0x28u
#define ESR_BUS_ERRORS       0x0Fu
#define ESR_REDIRECTABLE     0x10u
#define ESR_SEND_ILLEGAL     0x20u
#define ESR_RECEIVE_ILLEGAL  0x40u
#define ESR_ILLEGAL_REGISTER 0x80u
#define REG_LVT_CMCI         0x2Fu
#define REG_ICR              0x30u
#define ICR_VECTOR           0xFFu
#define ICR_MODE_SHIFT       8
#define ICR_LOGICAL          0x800u
#define ICR_BUSY             0x1000u
#define ICR_ASSERT           0x4000u
#define ICR_LEVEL            0x8000u
#define ICR_SHORTHAND_SHIFT  18
#define REG_ICR_HIGH         0x31u
#define REG_LVT_TIMER        0x32u
#define LVT_VECTOR           0xFFu
#define LVT_MODE_SHIFT       8
#define LVT_MODE             0x700u
#define LVT_STATUS           0x1000u
#define LVT_ACTIVE_LOW       0x2000u
#define LVT_REMOTE_IRR       0x4000u
#define LVT_LEVEL            0x8000u
#define LVT_MASKED           0x10000u
#define LVT_TIMER_MODE_SHIFT 17
#define LVT_TIMER_PERIODIC   0x20000u
#define LVT_TIMER_DEADLINE   0x40000u
#define LVT_TIMER_MODE       0x60000u
#define REG_LVT_THERMAL      0x33u
#define REG_LVT_PERF         0x34u
#define REG_LVT_LINT0        0x35u
#define REG_LVT_LINT1        0x36u
#define REG_LVT_ERROR        0x37u
#define REG_TMICT            0x38u
#define REG_TMCCT            0x39u
#define REG_DCR              0x3Eu
#define REG_SELF_IPI         0x3Fu

#define VERSION_NUMBER       0x14u
#define VERSION_SUPPRESS_EOI 0x1000000u
#define DFR_FLAT             0xFFFFFFFFu

#define MSR_APIC_BASE        0x1Bu
#define APIC_BASE_BSP        0x100u
#define APIC_BASE_EXTD       0x400u
#define APIC_BASE_EN         0x800u
#define MSR_TSC_DEADLINE     0x6E0u
#define MSR_X2APIC_FIRST     0x800u
#define MSR_X2APIC_LAST      0x8FFu

#endif
