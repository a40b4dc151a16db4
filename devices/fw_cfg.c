// SPDX-License-Identifier: BSD-2-Clause
// fw_cfg as QEMU's "Firmware Configuration (fw_cfg) Device" specification has it, selector and data
// ports. Not where the machine's numbers come from: they are given once, at the start.
#include "devices/fw_cfg.h"

#include "devices/le.h"

/* The write channel bit: accepted, and no part of the key. */
#define KEY_MASK 0xBFFFu

static const uint8_t signature[4] = {'Q', 'E', 'M', 'U'};
static const uint8_t id[4] = {1, 0, 0, 0};

static const struct fw_cfg_item *find(const struct fw_cfg_item *items, size_t count, uint16_t key)
{
	for (size_t i = 0; i < count; i++)
		if (items[i].key == key)
			return &items[i];
	return NULL;
}

/* Of size 0 where there is nothing under that key. */
static struct fw_cfg_item selected_item(const struct fw_cfg *cfg)
{
	const struct fw_cfg_item own[] = {
		{FW_CFG_SIGNATURE, signature, sizeof(signature)},
		{FW_CFG_ID, id, sizeof(id)},
		{FW_CFG_RAM_SIZE, cfg->ram_size, sizeof(cfg->ram_size)},
		{FW_CFG_NB_CPUS, cfg->cpus, sizeof(cfg->cpus)},
		{FW_CFG_MAX_CPUS, cfg->max_cpus, sizeof(cfg->max_cpus)},
	};
	const struct fw_cfg_item *item = find(cfg->items, cfg->item_count, cfg->selected);

	if (!item)
		item = find(own, sizeof(own) / sizeof(own[0]), cfg->selected);
	return item ? *item : (struct fw_cfg_item){.key = cfg->selected};
}

static uint8_t next_byte(struct fw_cfg *cfg)
{
	struct fw_cfg_item item = selected_item(cfg);

	if (cfg->offset >= item.size)
		return 0;
	return ((const uint8_t *)item.data)[cfg->offset++];
}

static uint64_t fw_cfg_read(void *opaque, uint64_t offset, unsigned width)
{
	struct fw_cfg *cfg = opaque;
	uint64_t value = 0;

	(void)offset;
	for (unsigned i = 0; i < width; i++)
		value |= (uint64_t)next_byte(cfg) << (8 * i);
	return value;
}

static void fw_cfg_write(void *opaque, uint64_t offset, unsigned width, uint64_t value)
{
	struct fw_cfg *cfg = opaque;

	(void)offset;
	if (width != 2)
		return;
	cfg->selected = value & KEY_MASK;
	cfg->offset = 0;
}

void fw_cfg_init(struct fw_cfg *cfg, const struct fw_cfg_machine *machine,
		 const struct fw_cfg_item *items, size_t item_count)
{
	*cfg = (struct fw_cfg){.items = items, .item_count = item_count};
	le_put(cfg->ram_size, sizeof(cfg->ram_size), machine->ram_size);
	le_put(cfg->cpus, sizeof(cfg->cpus), machine->cpus);
	le_put(cfg->max_cpus, sizeof(cfg->max_cpus), machine->max_cpus);
}

void fw_cfg_reset(struct fw_cfg *cfg)
{
	cfg->selected = FW_CFG_SIGNATURE;
	cfg->offset = 0;
}

void fw_cfg_state(struct fw_cfg *cfg, struct state *s)
{
	state_u16(s, &cfg->selected);
	state_u64(s, &cfg->offset);
}

struct state_error fw_cfg_state_error(const struct fw_cfg *cfg)
{
	if (cfg->selected & ~KEY_MASK)
		return state_wrong("the key", "has the write channel's bit");
	if (cfg->offset > selected_item(cfg).size)
		return state_wrong("the offset", "is past the end of what is selected");
	return state_ok();
}

struct bus_region fw_cfg_region(struct fw_cfg *cfg)
{
	return (struct bus_region){
		.base = FW_CFG_PORT,
		.size = FW_CFG_SIZE,
		.name = "fw_cfg",
		.widths = 1 | 2,
		.read = fw_cfg_read,
		.write = fw_cfg_write,
		.opaque = cfg,
	};
}
