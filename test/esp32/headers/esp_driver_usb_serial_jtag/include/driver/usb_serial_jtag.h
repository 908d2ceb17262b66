/* Double. */
#pragma once
#include "esp_err.h"
#include "freertos/FreeRTOS.h"

typedef struct {
	uint32_t tx_buffer_size;
	uint32_t rx_buffer_size;
} usb_serial_jtag_driver_config_t;

extern _Bool usb_serial_jtag_is_driver_installed(void);
extern esp_err_t usb_serial_jtag_driver_install(usb_serial_jtag_driver_config_t *config);
extern int usb_serial_jtag_read_bytes(void *bytes, uint32_t count, TickType_t wait);
extern esp_err_t usb_serial_jtag_wait_tx_done(TickType_t wait);
extern int usb_serial_jtag_write_bytes(const void *bytes, size_t count, TickType_t wait);
