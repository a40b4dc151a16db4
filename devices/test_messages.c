// SPDX-License-Identifier: BSD-2-Clause
// Edges and levels as the 82093AA turns them into messages ("82093AA I/O Advanced Programmable
// Interrupt Controller (IOAPIC)", 3.2.4). Who receives a message is not decided here.
#include "devices/test_messages.h"

#define HOW        0x0u
#define DEST       0x4u
#define LEVEL      0x8u
#define SENT       0xCu

#define LOGICAL    (1u << 11)
#define REMOTE_IRR (1u << 14)
#define TRIGGER    (1u << 15)
#define MASKED     (1u << 16)
#define WRITABLE   (0xFFu | 7u << 8 | LOGICAL | TRIGGER | MASKED)
#define DEST_BITS  0xFF000000u

struct test_message test_messages_of(const struct test_messages *dev, unsigned n)
{
	const struct test_messages_line *line = &dev->lines[n];

	return (struct test_message){
		.dest = (uint8_t)(line->dest >> 24),
		.vector = (uint8_t)line->how,
		.mode = line->how >> 8 & 7,
		.logical = line->how & LOGICAL,
		.level = line->how & TRIGGER,
	};
}

static bool send(struct test_messages *dev, unsigned n)
{
	const struct test_message message = test_messages_of(dev, n);

	dev->lines[n].sent++;
	return dev->ops->send(dev->opaque, &message);
}

/* A level is sent once and then waits for its EOI. */
static void sample_level(struct test_messages *dev, unsigned n)
{
	struct test_messages_line *line = &dev->lines[n];

	if ((line->how & (TRIGGER | MASKED)) == TRIGGER && line->high && !line->remote_irr)
		line->remote_irr = send(dev, n);
}

static void set_line(struct test_messages *dev, unsigned n, bool high)
{
	struct test_messages_line *line = &dev->lines[n];
	bool rises = high && !line->high;

	line->high = high;
	if (rises && !(line->how & (TRIGGER | MASKED)))
		send(dev, n);
	sample_level(dev, n);
}

static void set_how(struct test_messages *dev, unsigned n, uint32_t value)
{
	struct test_messages_line *line = &dev->lines[n];

	line->how = value & WRITABLE;
	/* An edge has no EOI to wait for. */
	if (!(line->how & TRIGGER))
		line->remote_irr = false;
	dev->ops->changed(dev->opaque);
	sample_level(dev, n);
}

static void write_register(void *opaque, uint64_t offset, unsigned width, uint64_t value)
{
	struct test_messages *dev = opaque;
	unsigned n = (unsigned)(offset / TEST_MESSAGES_STEP);

	if (width != 4)
		return;
	switch (offset % TEST_MESSAGES_STEP) {
	case HOW: set_how(dev, n, (uint32_t)value); break;
	case DEST:
		dev->lines[n].dest = (uint32_t)value & DEST_BITS;
		dev->ops->changed(dev->opaque);
		break;
	case LEVEL: set_line(dev, n, value != 0); break;
	default: break;
	}
}

static uint64_t read_register(void *opaque, uint64_t offset, unsigned width)
{
	const struct test_messages *dev = opaque;
	const struct test_messages_line *line = &dev->lines[offset / TEST_MESSAGES_STEP];

	if (width != 4)
		return UINT64_MAX;
	switch (offset % TEST_MESSAGES_STEP) {
	case HOW: return line->how | (line->remote_irr ? REMOTE_IRR : 0);
	case DEST: return line->dest;
	case LEVEL: return line->high;
	case SENT: return line->sent;
	default: return UINT64_MAX;
	}
}

void test_messages_init(struct test_messages *dev, const struct test_messages_ops *ops,
			void *opaque)
{
	*dev = (struct test_messages){.ops = ops, .opaque = opaque};
	for (unsigned n = 0; n < TEST_MESSAGES_COUNT; n++)
		dev->lines[n].how = MASKED;
}

void test_messages_eoi(struct test_messages *dev, uint8_t vector)
{
	for (unsigned n = 0; n < TEST_MESSAGES_COUNT; n++) {
		struct test_messages_line *line = &dev->lines[n];

		if (!line->remote_irr || (line->how & 0xFFu) != vector)
			continue;
		line->remote_irr = false;
		sample_level(dev, n);
	}
}

void test_messages_state(struct test_messages *dev, struct state *s)
{
	for (unsigned n = 0; n < TEST_MESSAGES_COUNT; n++) {
		struct test_messages_line *line = &dev->lines[n];

		state_u32(s, &line->how);
		state_u32(s, &line->dest);
		state_bool(s, &line->high);
		state_bool(s, &line->remote_irr);
		state_u32(s, &line->sent);
	}
}

struct state_error test_messages_state_error(const struct test_messages *dev)
{
	for (unsigned n = 0; n < TEST_MESSAGES_COUNT; n++) {
		const struct test_messages_line *line = &dev->lines[n];

		if (line->how & ~WRITABLE || line->dest & ~DEST_BITS)
			return state_wrong_one("line", n, "has reserved bits set");
		if (line->remote_irr && !(line->how & TRIGGER))
			return state_wrong_one("line", n, "is no level and has remote IRR");
	}
	return state_ok();
}

struct bus_region test_messages_region(struct test_messages *dev)
{
	return (struct bus_region){
		.base = TEST_MESSAGES_PORT,
		.size = TEST_MESSAGES_COUNT * TEST_MESSAGES_STEP,
		.name = "test messages",
		.widths = 1 | 4,
		.read = read_register,
		.write = write_register,
		.opaque = dev,
	};
}
