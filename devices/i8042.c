// SPDX-License-Identifier: BSD-2-Clause
// The controller's commands and the keyboard's, by IBM's PS/2 Hardware Interface Technical
// Reference, "Keyboard/Auxiliary Device Controller" and "101- and 102-Key Keyboard".
// Not a mouse, and no key is ever pressed: of the translation, answers are all that needs it.
#include "devices/i8042.h"

#include <string.h>

#define STATUS_OUTPUT_FULL 0x01u
#define STATUS_SYSTEM      0x04u
#define STATUS_COMMAND     0x08u
#define STATUS_UNLOCKED    0x10u
#define STATUS_AUX         0x20u
#define STATUS_TIMEOUT     0x40u

/* The command byte, ram[0]. */
#define KEYBOARD_INTERRUPT 0x01u
#define AUX_INTERRUPT      0x02u
#define SYSTEM_FLAG        0x04u
#define KEYBOARD_OFF       0x10u
#define AUX_OFF            0x20u
#define TRANSLATE          0x40u

#define INPUT_PORT         0xB0u /* nothing locked, no jumper set */
#define OUTPUT_PORT        0xC3u /* clock and data at rest, A20 and the reset line high */
#define OUTPUT_PORT_RESET  0x01u /* low: reset */
#define OUTPUT_PORT_IRQ1   0x10u
#define OUTPUT_PORT_IRQ12  0x20u

#define SELF_TEST_PASSED   0x55u
#define INTERFACE_IS_FINE  0x00u
#define NO_PASSWORD        0xF1u

/* F0h-FFh pulse low those of the output port's bits 0-3 that are 0 in the command. */
#define PULSE_MASK  (0xF0u | OUTPUT_PORT_RESET)
#define PULSE_RESET 0xF0u

enum controller_command {
	READ_RAM = 0x20,  /* to 3Fh */
	WRITE_RAM = 0x60, /* to 7Fh */
	TEST_PASSWORD = 0xA4,
	DISABLE_AUX = 0xA7,
	ENABLE_AUX = 0xA8,
	TEST_AUX = 0xA9,
	SELF_TEST = 0xAA,
	TEST_KEYBOARD = 0xAB,
	DISABLE_KEYBOARD = 0xAD,
	ENABLE_KEYBOARD = 0xAE,
	READ_INPUT_PORT = 0xC0,
	READ_OUTPUT_PORT = 0xD0,
	WRITE_OUTPUT_PORT = 0xD1,
	WRITE_OUTPUT = 0xD2,
	WRITE_AUX_OUTPUT = 0xD3,
	WRITE_AUX = 0xD4,
};

enum keyboard_command {
	SET_LEDS = 0xED,
	ECHO = 0xEE,
	SCAN_SET = 0xF0,
	READ_ID = 0xF2,
	SET_REPEAT = 0xF3,
	ENABLE = 0xF4,
	DEFAULT_DISABLE = 0xF5,
	SET_DEFAULT = 0xF6,
	RESEND = 0xFE,
	RESET = 0xFF,
};

#define ACK      0xFAu
#define TEST_OK  0xAAu
#define ID_FIRST 0xABu
#define ID_LAST  0x83u
#define AGAIN    0xFEu

/* ---- the keyboard ---- */

static void say(struct i8042_keyboard *keyboard, uint8_t byte)
{
	keyboard->answer[keyboard->count++] = byte;
}

static uint8_t next_of_answer(struct i8042_keyboard *keyboard)
{
	keyboard->last = keyboard->answer[0];
	keyboard->count--;
	memmove(&keyboard->answer[0], &keyboard->answer[1], keyboard->count);
	return keyboard->last;
}

static void take_option(struct i8042_keyboard *keyboard, uint8_t command, uint8_t option)
{
	if (command == SCAN_SET && option > 3) {
		say(keyboard, AGAIN);
		return;
	}
	say(keyboard, ACK);
	if (command != SCAN_SET)
		return;
	if (option == 0)
		say(keyboard, keyboard->scan_set);
	else
		keyboard->scan_set = option;
}

static void take_keyboard_command(struct i8042_keyboard *keyboard, uint8_t command)
{
	switch (command) {
	case SET_LEDS:
	case SCAN_SET:
	case SET_REPEAT:
		keyboard->command = command;
		say(keyboard, ACK);
		break;
	case ECHO: say(keyboard, ECHO); break;
	case READ_ID:
		say(keyboard, ACK);
		say(keyboard, ID_FIRST);
		say(keyboard, ID_LAST);
		break;
	case DEFAULT_DISABLE:
	case SET_DEFAULT: keyboard->scan_set = 2; /* fall through */
	case ENABLE: say(keyboard, ACK); break;
	case RESEND: say(keyboard, keyboard->last); break;
	case RESET:
		keyboard->scan_set = 2;
		say(keyboard, ACK);
		say(keyboard, TEST_OK);
		break;
	default: say(keyboard, AGAIN); break;
	}
}

static void take_by_keyboard(struct i8042_keyboard *keyboard, uint8_t byte)
{
	uint8_t command = keyboard->command;

	keyboard->count = 0;
	keyboard->command = 0;
	/* In an option's place a command is a command: no option has bit 7. */
	if (command && !(byte & 0x80))
		take_option(keyboard, command, byte);
	else
		take_keyboard_command(keyboard, byte);
}

/* The part of set 2's translation to set 1 that meets an answer: the sets' numbers, the ID. */
static uint8_t translate(uint8_t byte)
{
	switch (byte) {
	case 0x01: return 0x43;
	case 0x02: return 0x41;
	case 0x03: return 0x3F;
	case ID_LAST: return 0x41;
	default: return byte;
	}
}

/* ---- the controller ---- */

static void load_output(struct i8042 *dev)
{
	if (dev->output.status)
		return;
	if (dev->reply.status) {
		dev->output = dev->reply;
		dev->reply.status = 0;
	} else if (dev->keyboard.count && !(dev->ram[0] & KEYBOARD_OFF)) {
		uint8_t byte = next_of_answer(&dev->keyboard);

		dev->output.value = dev->ram[0] & TRANSLATE ? translate(byte) : byte;
		dev->output.status = STATUS_OUTPUT_FULL;
	}
}

static void drive(const struct irq_line *line, bool *was, bool level)
{
	if (level == *was)
		return;
	*was = level;
	irq_line_set(line, level);
}

static bool asks(const struct i8042 *dev, bool aux, unsigned enabled)
{
	return (dev->output.status & STATUS_OUTPUT_FULL) &&
	       !!(dev->output.status & STATUS_AUX) == aux && (dev->ram[0] & enabled);
}

static void drive_lines(struct i8042 *dev)
{
	drive(&dev->irq1, &dev->irq1_level, asks(dev, false, KEYBOARD_INTERRUPT));
	drive(&dev->irq12, &dev->irq12_level, asks(dev, true, AUX_INTERRUPT));
}

/* After any change. */
static void settle(struct i8042 *dev)
{
	load_output(dev);
	drive_lines(dev);
}

static void reply(struct i8042 *dev, uint8_t value, uint8_t status)
{
	dev->reply.value = value;
	dev->reply.status = status | STATUS_OUTPUT_FULL;
}

static uint8_t output_port(const struct i8042 *dev)
{
	return (uint8_t)(OUTPUT_PORT | (dev->irq1_level ? OUTPUT_PORT_IRQ1 : 0) |
			 (dev->irq12_level ? OUTPUT_PORT_IRQ12 : 0));
}

static void set_command_byte(struct i8042 *dev, unsigned set, unsigned clear)
{
	dev->ram[0] = (uint8_t)((dev->ram[0] | set) & ~clear);
}

static void take_command(struct i8042 *dev, uint8_t command)
{
	if (command >= READ_RAM && command < READ_RAM + I8042_RAM) {
		reply(dev, dev->ram[command - READ_RAM], 0);
		return;
	}
	if (command >= WRITE_RAM && command < WRITE_RAM + I8042_RAM) {
		dev->command = command;
		return;
	}
	switch (command) {
	case TEST_PASSWORD: reply(dev, NO_PASSWORD, 0); break;
	case DISABLE_AUX: set_command_byte(dev, AUX_OFF, 0); break;
	case ENABLE_AUX: set_command_byte(dev, 0, AUX_OFF); break;
	case TEST_AUX:
	case TEST_KEYBOARD: reply(dev, INTERFACE_IS_FINE, 0); break;
	case SELF_TEST:
		set_command_byte(dev, SYSTEM_FLAG, 0);
		reply(dev, SELF_TEST_PASSED, 0);
		break;
	case DISABLE_KEYBOARD: set_command_byte(dev, KEYBOARD_OFF, 0); break;
	case ENABLE_KEYBOARD: set_command_byte(dev, 0, KEYBOARD_OFF); break;
	case READ_INPUT_PORT: reply(dev, INPUT_PORT, 0); break;
	case READ_OUTPUT_PORT: reply(dev, output_port(dev), 0); break;
	case WRITE_OUTPUT_PORT:
	case WRITE_OUTPUT:
	case WRITE_AUX_OUTPUT:
	case WRITE_AUX: dev->command = command; break;
	default: break;
	}
}

/* A byte for a device switches its interface on. */
static void take_data(struct i8042 *dev, uint8_t command, uint8_t value)
{
	switch (command) {
	case 0:
		set_command_byte(dev, 0, KEYBOARD_OFF);
		take_by_keyboard(&dev->keyboard, value);
		break;
	case WRITE_OUTPUT_PORT: break;
	case WRITE_OUTPUT: reply(dev, value, 0); break;
	case WRITE_AUX_OUTPUT: reply(dev, value, STATUS_AUX); break;
	case WRITE_AUX:
		set_command_byte(dev, 0, AUX_OFF);
		reply(dev, AGAIN, STATUS_AUX | STATUS_TIMEOUT);
		break;
	default: dev->ram[command - WRITE_RAM] = value; break;
	}
}

static void power_on(struct i8042 *dev)
{
	dev->command_last = false;
	dev->command = 0;
	dev->output = (struct i8042_byte){0};
	dev->reply = (struct i8042_byte){0};
	memset(dev->ram, 0, sizeof(dev->ram));
	dev->ram[0] = KEYBOARD_INTERRUPT | SYSTEM_FLAG | AUX_OFF | TRANSLATE;
	dev->keyboard = (struct i8042_keyboard){.last = TEST_OK, .scan_set = 2};
}

/* ---- the outside ---- */

static uint64_t data_read(void *opaque, uint64_t offset, unsigned width)
{
	struct i8042 *dev = opaque;
	uint8_t value = dev->output.value;

	(void)offset;
	(void)width;
	/* Down before the next byte comes: an edge-triggered controller must see it. */
	dev->output.status = 0;
	drive_lines(dev);
	settle(dev);
	return value;
}

static void data_write(void *opaque, uint64_t offset, unsigned width, uint64_t value)
{
	struct i8042 *dev = opaque;
	uint8_t command = dev->command;

	(void)offset;
	(void)width;
	dev->command_last = false;
	dev->command = 0;
	take_data(dev, command, (uint8_t)value);
	settle(dev);
	if (command == WRITE_OUTPUT_PORT && !(value & OUTPUT_PORT_RESET))
		dev->ops->reset(dev->opaque);
}

static uint64_t status_read(void *opaque, uint64_t offset, unsigned width)
{
	const struct i8042 *dev = opaque;

	(void)offset;
	(void)width;
	return dev->output.status | STATUS_UNLOCKED | (dev->command_last ? STATUS_COMMAND : 0) |
	       (dev->ram[0] & SYSTEM_FLAG ? STATUS_SYSTEM : 0);
}

static void command_write(void *opaque, uint64_t offset, unsigned width, uint64_t value)
{
	struct i8042 *dev = opaque;

	(void)offset;
	(void)width;
	dev->command_last = true;
	dev->command = 0;
	take_command(dev, (uint8_t)value);
	settle(dev);
	if ((value & PULSE_MASK) == PULSE_RESET)
		dev->ops->reset(dev->opaque);
}

void i8042_init(struct i8042 *dev, const struct i8042_ops *ops, void *opaque, struct irq_line irq1,
		struct irq_line irq12)
{
	*dev = (struct i8042){.ops = ops, .opaque = opaque, .irq1 = irq1, .irq12 = irq12};
	power_on(dev);
}

void i8042_reset(struct i8042 *dev)
{
	power_on(dev);
	drive_lines(dev);
}

/* ---- state ---- */

static void byte_state(struct i8042_byte *byte, struct state *s)
{
	state_u8(s, &byte->value);
	state_u8(s, &byte->status);
}

void i8042_state(struct i8042 *dev, struct state *s)
{
	state_bool(s, &dev->irq1_level);
	state_bool(s, &dev->irq12_level);
	state_bool(s, &dev->command_last);
	state_u8(s, &dev->command);
	byte_state(&dev->output, s);
	byte_state(&dev->reply, s);
	state_bytes(s, dev->ram, sizeof(dev->ram));
	state_bytes(s, dev->keyboard.answer, sizeof(dev->keyboard.answer));
	state_u8(s, &dev->keyboard.count);
	state_u8(s, &dev->keyboard.last);
	state_u8(s, &dev->keyboard.command);
	state_u8(s, &dev->keyboard.scan_set);
}

/* What take_command() leaves for take_data(), which counts on it. */
static bool awaits_data(uint8_t command)
{
	return command == 0 || (command >= WRITE_RAM && command < WRITE_RAM + I8042_RAM) ||
	       (command >= WRITE_OUTPUT_PORT && command <= WRITE_AUX);
}

static bool status_exists(uint8_t status)
{
	return status == 0 || status == STATUS_OUTPUT_FULL ||
	       status == (STATUS_OUTPUT_FULL | STATUS_AUX) ||
	       status == (STATUS_OUTPUT_FULL | STATUS_AUX | STATUS_TIMEOUT);
}

static struct state_error keyboard_error(const struct i8042_keyboard *keyboard)
{
	if (keyboard->count > I8042_LONGEST)
		return state_wrong("the keyboard's answer", "is longer than any");
	if (keyboard->command && keyboard->command != SET_LEDS && keyboard->command != SCAN_SET &&
	    keyboard->command != SET_REPEAT)
		return state_wrong("the keyboard's command", "takes no second byte");
	if (keyboard->scan_set < 1 || keyboard->scan_set > 3)
		return state_wrong("the keyboard's scan set", "is not 1 to 3");
	return state_ok();
}

struct state_error i8042_state_error(const struct i8042 *dev)
{
	if (!awaits_data(dev->command))
		return state_wrong("the controller's command", "takes no data");
	if (!status_exists(dev->output.status) || !status_exists(dev->reply.status))
		return state_wrong("a byte's status", "is none that a byte comes with");
	if (dev->irq1_level != asks(dev, false, KEYBOARD_INTERRUPT) ||
	    dev->irq12_level != asks(dev, true, AUX_INTERRUPT))
		return state_wrong("an interrupt line", "is not what the output buffer makes it");
	return keyboard_error(&dev->keyboard);
}

struct bus_region i8042_data_region(struct i8042 *dev)
{
	return (struct bus_region){
		.base = I8042_DATA_PORT,
		.size = 1,
		.name = "i8042 data",
		.widths = 1,
		.read = data_read,
		.write = data_write,
		.opaque = dev,
	};
}

struct bus_region i8042_command_region(struct i8042 *dev)
{
	return (struct bus_region){
		.base = I8042_COMMAND_PORT,
		.size = 1,
		.name = "i8042 command",
		.widths = 1,
		.read = status_read,
		.write = command_write,
		.opaque = dev,
	};
}
