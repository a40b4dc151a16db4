// SPDX-License-Identifier: BSD-2-Clause
// Keys to lines, and lines to commands, of which most wait until the vCPUs stand still.
// Not what the commands do: monitor_command.c.

#include "vmm/monitor.h"

#include <string.h>

#include "vmm/machine.h"
#include "vmm/monitor_command.h"

#define PROMPT    "(lapicvm) "
#define BACKSPACE 0x08
#define CTRL_U    0x15
#define ESCAPE    0x1B
#define DELETE    0x7F

static void say(struct monitor *m, const char *text)
{
	m->calls->say(m->opaque, text, strlen(text));
}

void monitor_init(struct monitor *m, enum info_format format, const struct monitor_calls *calls,
		  void *opaque)
{
	*m = (struct monitor){.calls = calls, .opaque = opaque, .format = format};
}

void monitor_attach(struct monitor *m, struct machine *machine)
{
	m->machine = machine;
}

void monitor_detach(struct monitor *m)
{
	m->machine = NULL;
	m->stopped = m->waiting = false;
	m->count = m->length = 0;
}

/* ---- commands ---- */

static void prompt(struct monitor *m)
{
	m->length = 0;
	say(m, PROMPT);
}

static void act(struct monitor *m)
{
	monitor_command(m, m->line);
	if (m->machine && !m->stopped)
		machine_release(m->machine);
	prompt(m);
}

/* Most of what can be asked belongs to the vCPUs' threads. */
static void run_line(struct monitor *m)
{
	m->line[m->length] = '\0';
	if (!m->machine || !monitor_command_waits(m->line)) {
		monitor_command(m, m->line);
		prompt(m);
		return;
	}
	if (!m->stopped)
		machine_hold(m->machine);
	if (machine_still(m->machine))
		act(m);
	else
		m->waiting = true;
}

/* ---- keys ---- */

static void erase(struct monitor *m)
{
	if (m->length) {
		m->length--;
		say(m, "\b \b");
	}
}

/* ESC, then a byte, then after [ or O all up to a letter. */
static bool in_escape(struct monitor *m, uint8_t key)
{
	if (key == ESCAPE) {
		m->escape = 1;
		return true;
	}
	if (m->escape == 1) {
		m->escape = key == '[' || key == 'O' ? 2 : 0;
		return true;
	}
	if (m->escape == 2) {
		m->escape = key >= '@' && key <= '~' ? 0 : 2;
		return true;
	}
	return false;
}

static void take(struct monitor *m, uint8_t key)
{
	bool after_cr = m->after_cr;

	m->after_cr = key == '\r';
	if (in_escape(m, key) || (key == '\n' && after_cr))
		return;
	if (key == '\r' || key == '\n') {
		say(m, "\n");
		run_line(m);
	} else if (key == BACKSPACE || key == DELETE) {
		erase(m);
	} else if (key == CTRL_U) {
		while (m->length)
			erase(m);
	} else if (key >= ' ' && key < DELETE && m->length + 1 < MONITOR_LINE) {
		m->line[m->length++] = (char)key;
		m->calls->say(m->opaque, (const char *)&key, 1);
	}
}

static void take_typed(struct monitor *m)
{
	while (m->count && !m->waiting) {
		uint8_t key = m->keys[m->first];

		m->first = (m->first + 1) % MONITOR_KEYS;
		m->count--;
		take(m, key);
	}
}

void monitor_key(struct monitor *m, uint8_t key)
{
	if (m->count < MONITOR_KEYS)
		m->keys[(m->first + m->count++) % MONITOR_KEYS] = key;
	take_typed(m);
}

void monitor_still(struct monitor *m)
{
	if (!m->waiting || !machine_still(m->machine))
		return;
	m->waiting = false;
	act(m);
	take_typed(m);
}

void monitor_enter(struct monitor *m, bool on)
{
	say(m, "\n");
	if (on && !m->waiting)
		prompt(m);
}
