// SPDX-License-Identifier: BSD-2-Clause
// The time registers of the MC146818 as numbers: seconds to registers and back, in each data mode.
// Not a clock: no time passes here. Only devices/cmos.c and the tests include it.
#ifndef DEVICES_CMOS_TIME_H
#define DEVICES_CMOS_TIME_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Registers. */
#define CMOS_SECONDS       0x00u
#define CMOS_SECONDS_ALARM 0x01u
#define CMOS_MINUTES       0x02u
#define CMOS_MINUTES_ALARM 0x03u
#define CMOS_HOURS         0x04u
#define CMOS_HOURS_ALARM   0x05u
#define CMOS_WEEKDAY       0x06u /* 1 is Sunday */
#define CMOS_DAY           0x07u
#define CMOS_MONTH         0x08u
#define CMOS_YEAR          0x09u
#define CMOS_STATUS_B      0x0Bu
#define CMOS_CENTURY       0x32u

#define CMOS_B_24H         0x02u /* hours 0-23, else 1-12 with bit 7 for PM */
#define CMOS_B_BINARY      0x04u /* else BCD */

/*
 * regs are 128 CMOS bytes, of which [CMOS_STATUS_B] tells the data mode and the eight time
 * registers are read or written. Seconds count from 1970-01-01 in the proleptic Gregorian calendar.
 */

/* Any seconds of about +-2^60 will do: years are shown modulo 10000. */
void cmos_time_encode(uint8_t *regs, int64_t seconds);

/*
 * Any registers will do: digits and values out of range count for what they weigh (a 61st second is
 * the next minute's first, 31 April is 1 May), and the weekday is not looked at.
 */
int64_t cmos_time_decode(const uint8_t *regs);

/* No second of any day. */
#define CMOS_TIME_NEVER INT64_MAX

/*
 * The first second after this one at which the time, as it stands in the registers' data mode, is
 * byte for byte that of the alarm's three, of which C0h to FFh are any: at most a day later, or
 * CMOS_TIME_NEVER. Takes as many seconds as cmos_time_encode(), in a bounded number of steps.
 */
int64_t cmos_time_alarm(const uint8_t *regs, int64_t seconds);

#ifdef __cplusplus
}
#endif
#endif
