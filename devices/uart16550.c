// SPDX-License-Identifier: BSD-2-Clause
// The 16550A's registers, by National Semiconductor's PC16550D data sheet; sections named below are
// its own. Not the PC's port map (the caller gives the base), and no host file or terminal.
#include "devices/uart16550.h"

enum reg {
	RBR_THR = 0, /* DLL under LCR.DLAB */
	IER = 1,     /* DLM under LCR.DLAB */
	IIR_FCR = 2,
	LCR = 3,
	MCR = 4,
	LSR = 5,
	MSR = 6,
	SCR = 7,
};

#define IER_RX            0x01u
#define IER_THRE          0x02u
#define IER_LINE          0x04u
#define IER_MODEM         0x08u
#define IER_ALL           0x0Fu

#define IIR_NONE          0x01u
#define IIR_LINE          0x06u
#define IIR_RX            0x04u
#define IIR_TIMEOUT       0x0Cu
#define IIR_THRE          0x02u
#define IIR_MODEM         0x00u
#define IIR_FIFO_ON       0xC0u

#define FCR_ENABLE        0x01u
#define FCR_CLEAR_RX      0x02u
#define FCR_TRIGGER_SHIFT 6
#define FCR_KEPT          0xC9u /* trigger level, DMA mode, enable: the clear bits clear themselves */

#define LCR_DLAB          0x80u

#define MCR_DTR           0x01u
#define MCR_RTS           0x02u
#define MCR_OUT1          0x04u
#define MCR_OUT2          0x08u
#define MCR_LOOP          0x10u
#define MCR_ALL           0x1Fu

#define LSR_DR            0x01u
#define LSR_OE            0x02u
#define LSR_THRE          0x20u
#define LSR_TEMT          0x40u

#define MSR_TERI          0x04u
#define MSR_DELTAS        0x0Fu
#define MSR_CTS           0x10u
#define MSR_DSR           0x20u
#define MSR_RI            0x40u
#define MSR_DCD           0x80u
#define MSR_INPUTS        0xF0u

static bool looped_back(const struct uart16550 *uart)
{
	return uart->mcr & MCR_LOOP;
}

static bool fifo_on(const struct uart16550 *uart)
{
	return uart->fcr & FCR_ENABLE;
}

static unsigned rx_depth(const struct uart16550 *uart)
{
	return fifo_on(uart) ? UART16550_FIFO : 1;
}

static unsigned rx_trigger(const struct uart16550 *uart)
{
	static const uint8_t levels[4] = {1, 4, 8, 14};

	return fifo_on(uart) ? levels[uart->fcr >> FCR_TRIGGER_SHIFT] : 1;
}

/* "Interrupt Identification Register": the pending source of the highest priority. */
static uint8_t interrupt_id(const struct uart16550 *uart)
{
	if ((uart->ier & IER_LINE) && uart->overrun)
		return IIR_LINE;
	/* No time passes on this line, so what stays below the trigger has timed out already. */
	if ((uart->ier & IER_RX) && uart->rx_count)
		return uart->rx_count >= rx_trigger(uart) ? IIR_RX : IIR_TIMEOUT;
	if ((uart->ier & IER_THRE) && uart->thre_pending)
		return IIR_THRE;
	if ((uart->ier & IER_MODEM) && (uart->msr & MSR_DELTAS))
		return IIR_MODEM;
	return IIR_NONE;
}

/* On a PC the OUT2 pin enables the driver of the interrupt line, and loopback holds that pin
 * inactive. */
static bool interrupt_gate_open(const struct uart16550 *uart)
{
	return (uart->mcr & (MCR_OUT2 | MCR_LOOP)) == MCR_OUT2;
}

static bool asks(const struct uart16550 *uart)
{
	return interrupt_gate_open(uart) && interrupt_id(uart) != IIR_NONE;
}

static void update_irq(struct uart16550 *uart)
{
	bool level = asks(uart);

	if (level == uart->irq_level)
		return;
	uart->irq_level = level;
	irq_line_set(&uart->irq, level);
}

/* "Loop mode": the four outputs are wired to the inputs. Otherwise a terminal is connected and
 * ready. */
static uint8_t modem_inputs(const struct uart16550 *uart)
{
	if (!looped_back(uart))
		return MSR_DCD | MSR_DSR | MSR_CTS;
	return (uint8_t)((uart->mcr & MCR_RTS ? MSR_CTS : 0) | (uart->mcr & MCR_DTR ? MSR_DSR : 0) |
			 (uart->mcr & MCR_OUT1 ? MSR_RI : 0) |
			 (uart->mcr & MCR_OUT2 ? MSR_DCD : 0));
}

static void update_modem_status(struct uart16550 *uart)
{
	unsigned was = uart->msr & MSR_INPUTS;
	unsigned is = modem_inputs(uart);
	unsigned deltas = ((was ^ is) >> 4) & ~MSR_TERI;

	if (was & ~is & MSR_RI)
		deltas |= MSR_TERI;
	uart->msr = (uint8_t)(is | deltas | (uart->msr & MSR_DELTAS));
}

static void rx_clear(struct uart16550 *uart)
{
	uart->rx_first = 0;
	uart->rx_count = 0;
}

static void rx_push(struct uart16550 *uart, uint8_t byte)
{
	uart->rx[(uart->rx_first + uart->rx_count) % UART16550_FIFO] = byte;
	uart->rx_count++;
}

static uint8_t rx_pop(struct uart16550 *uart)
{
	uint8_t byte = 0;

	if (uart->rx_count) {
		byte = uart->rx[uart->rx_first];
		uart->rx_first = (uart->rx_first + 1) % UART16550_FIFO;
		uart->rx_count--;
	}
	return byte;
}

/* "Line Status Register", OE: a full FIFO keeps what it has, the single RBR is overwritten. */
static void receive_looped(struct uart16550 *uart, uint8_t byte)
{
	if (uart->rx_count < rx_depth(uart)) {
		rx_push(uart, byte);
		return;
	}
	uart->overrun = true;
	if (!fifo_on(uart))
		uart->rx[uart->rx_first] = byte;
}

/*
 * "FIFO Interrupt Mode Operation": reading a character ends the time-out, and what is still below
 * the trigger then takes four characters' time to cause the next. No time passes here, but the line
 * goes and comes: a guest that takes one byte for each edge would wait for ever otherwise.
 */
static uint8_t read_rbr(struct uart16550 *uart)
{
	uint8_t byte = rx_pop(uart);
	uint8_t left = uart->rx_count;

	if (left < rx_trigger(uart)) {
		uart->rx_count = 0;
		update_irq(uart);
		uart->rx_count = left;
	}
	return byte;
}

static void write_thr(struct uart16550 *uart, uint8_t byte)
{
	/* The interrupt goes and comes, as on the wire: an edge-triggered controller must see it.
	 */
	uart->thre_pending = false;
	update_irq(uart);
	uart->thre_pending = true;
	if (looped_back(uart)) {
		receive_looped(uart, byte);
	} else {
		update_irq(uart);
		uart->ops->transmit(uart->opaque, byte);
	}
}

static void write_ier(struct uart16550 *uart, uint8_t value)
{
	/* Enabling the THRE interrupt while THR is empty, which it always is here, raises it. */
	if (~uart->ier & value & IER_THRE)
		uart->thre_pending = true;
	uart->ier = value & IER_ALL;
}

static void write_fcr(struct uart16550 *uart, uint8_t value)
{
	if ((uart->fcr ^ value) & FCR_ENABLE)
		rx_clear(uart);
	/* "FIFO Control Register", bit 0: without it the other bits are not programmed. */
	if (!(value & FCR_ENABLE))
		value = 0;
	if (value & FCR_CLEAR_RX)
		rx_clear(uart);
	uart->fcr = value & FCR_KEPT;
}

static uint8_t read_iir(struct uart16550 *uart)
{
	uint8_t id = interrupt_id(uart);

	if (id == IIR_THRE)
		uart->thre_pending = false;
	return fifo_on(uart) ? id | IIR_FIFO_ON : id;
}

static uint8_t read_lsr(struct uart16550 *uart)
{
	unsigned lsr = LSR_THRE | LSR_TEMT;

	if (uart->rx_count)
		lsr |= LSR_DR;
	if (uart->overrun)
		lsr |= LSR_OE;
	uart->overrun = false;
	return (uint8_t)lsr;
}

static uint8_t read_msr(struct uart16550 *uart)
{
	uint8_t msr = uart->msr;

	uart->msr &= MSR_INPUTS;
	return msr;
}

static uint8_t read_register(struct uart16550 *uart, enum reg reg)
{
	bool dlab = uart->lcr & LCR_DLAB;

	switch (reg) {
	case RBR_THR: return dlab ? uart->dll : read_rbr(uart);
	case IER: return dlab ? uart->dlm : uart->ier;
	case IIR_FCR: return read_iir(uart);
	case LCR: return uart->lcr;
	case MCR: return uart->mcr;
	case LSR: return read_lsr(uart);
	case MSR: return read_msr(uart);
	case SCR: break;
	}
	return uart->scr;
}

static void write_register(struct uart16550 *uart, enum reg reg, uint8_t value)
{
	bool dlab = uart->lcr & LCR_DLAB;

	switch (reg) {
	case RBR_THR:
		if (dlab)
			uart->dll = value;
		else
			write_thr(uart, value);
		break;
	case IER:
		if (dlab)
			uart->dlm = value;
		else
			write_ier(uart, value);
		break;
	case IIR_FCR: write_fcr(uart, value); break;
	case LCR: uart->lcr = value; break;
	case MCR:
		uart->mcr = value & MCR_ALL;
		update_modem_status(uart);
		break;
	case LSR: /* "recommended for read operations only", writing is for the factory */
	case MSR: break;
	case SCR: uart->scr = value; break;
	}
}

/* What the outside must hear after any change, once the state is whole. */
static void settle(struct uart16550 *uart, size_t space_before)
{
	update_irq(uart);
	if (space_before == 0 && uart16550_rx_space(uart) > 0 && uart->ops->rx_room)
		uart->ops->rx_room(uart->opaque);
}

static uint64_t uart_read(void *opaque, uint64_t offset, unsigned width)
{
	struct uart16550 *uart = opaque;
	size_t space = uart16550_rx_space(uart);
	uint8_t value = read_register(uart, (enum reg)offset);

	(void)width;
	settle(uart, space);
	return value;
}

static void uart_write(void *opaque, uint64_t offset, unsigned width, uint64_t value)
{
	struct uart16550 *uart = opaque;
	size_t space = uart16550_rx_space(uart);

	(void)width;
	write_register(uart, (enum reg)offset, (uint8_t)value);
	settle(uart, space);
}

void uart16550_init(struct uart16550 *uart, const struct uart16550_ops *ops, void *opaque,
		    struct irq_line irq)
{
	*uart = (struct uart16550){
		.ops = ops,
		.opaque = opaque,
		.irq = irq,
		.dll = 12, /* 9600 baud at the PC's 1.8432 MHz */
	};
	uart->msr = modem_inputs(uart);
}

void uart16550_reset(struct uart16550 *uart)
{
	size_t space = uart16550_rx_space(uart);

	uart->thre_pending = false;
	uart->overrun = false;
	uart->ier = 0;
	uart->fcr = 0;
	uart->lcr = 0;
	uart->mcr = 0;
	uart->msr = modem_inputs(uart);
	rx_clear(uart);
	settle(uart, space);
}

struct bus_region uart16550_region(struct uart16550 *uart, uint64_t base)
{
	return (struct bus_region){
		.base = base,
		.size = UART16550_SIZE,
		.name = "uart16550",
		.widths = 1,
		.read = uart_read,
		.write = uart_write,
		.opaque = uart,
	};
}

size_t uart16550_rx_space(const struct uart16550 *uart)
{
	/* In loopback SIN is disconnected; the line waits rather than loses what it carries. */
	return looped_back(uart) ? 0 : rx_depth(uart) - uart->rx_count;
}

size_t uart16550_receive(struct uart16550 *uart, const uint8_t *bytes, size_t n)
{
	size_t space = uart16550_rx_space(uart);
	size_t taken = n < space ? n : space;

	for (size_t i = 0; i < taken; i++)
		rx_push(uart, bytes[i]);
	update_irq(uart);
	return taken;
}

bool uart16550_rx_interrupts(const struct uart16550 *uart)
{
	return irq_line_connected(&uart->irq) && interrupt_gate_open(uart) && (uart->ier & IER_RX);
}

void uart16550_state(struct uart16550 *uart, struct state *s)
{
	state_bool(s, &uart->irq_level);
	state_bool(s, &uart->thre_pending);
	state_bool(s, &uart->overrun);
	state_u8(s, &uart->dll);
	state_u8(s, &uart->dlm);
	state_u8(s, &uart->ier);
	state_u8(s, &uart->fcr);
	state_u8(s, &uart->lcr);
	state_u8(s, &uart->mcr);
	state_u8(s, &uart->msr);
	state_u8(s, &uart->scr);
	state_bytes(s, uart->rx, sizeof(uart->rx));
	state_u8(s, &uart->rx_first);
	state_u8(s, &uart->rx_count);
}

struct state_error uart16550_state_error(const struct uart16550 *uart)
{
	if (uart->ier & ~IER_ALL)
		return state_wrong("IER", "has reserved bits set");
	if (uart->fcr & ~FCR_KEPT || (uart->fcr && !fifo_on(uart)))
		return state_wrong("FCR", "has bits set that it never keeps");
	if (uart->mcr & ~MCR_ALL)
		return state_wrong("MCR", "has reserved bits set");
	if ((uart->msr & MSR_INPUTS) != modem_inputs(uart))
		return state_wrong("MSR", "is not what the inputs are");
	if (uart->rx_first >= UART16550_FIFO)
		return state_wrong("the FIFO's first byte", "is past its end");
	if (uart->rx_count > rx_depth(uart))
		return state_wrong("the FIFO", "holds more than it can");
	if (uart->irq_level != asks(uart))
		return state_wrong("the interrupt line", "is not what the registers make it");
	return state_ok();
}
