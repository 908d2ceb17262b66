/*
	The console's port over USB, with a driver that is as ESP-IDF's: a piece that does not fit is not taken at all.
*/
#include "console/serialport.c"

#include <stdio.h>

static size_t gHeld;

int usb_serial_jtag_write_bytes(const void *bytes, size_t count, TickType_t wait)
{
	(void)bytes;
	(void)wait;
	if (!count || (count > kSendBytes - gHeld))
		return 0;
	gHeld += count;
	return (int)count;
}

esp_err_t usb_serial_jtag_wait_tx_done(TickType_t wait)
{
	(void)wait;
	return gHeld ? ESP_FAIL : ESP_OK;
}

/* What is written as long as there is room for it; -1 when the port had said so and did not take it. */
static int fill(void)
{
	static const uint8_t text[kSendBytes];
	int total = 0;

	while (total <= 2 * kSendBytes) {
		size_t room = portRoom(), count = (room < 100) ? room : 100;

		if (!count)
			break;
		if ((int)count != portWrite(text, count))
			return -1;
		total += (int)count;
	}
	return total;
}

int main(void)
{
	int first = fill(), second, third;

	gHeld -= 64;	// a packet has left
	second = fill();
	gHeld = 0;		// all have
	third = fill();
	printf("%d %d %d, nothing %d\n", first, second, third, portWrite(NULL, 0));
	return 0;
}
