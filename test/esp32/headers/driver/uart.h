/* Double. */
#pragma once
#include "esp_err.h"
#include "freertos/FreeRTOS.h"

typedef enum { UART_NUM_0, UART_NUM_1 } uart_port_t;
typedef enum { UART_DATA_5_BITS, UART_DATA_6_BITS, UART_DATA_7_BITS, UART_DATA_8_BITS } uart_word_length_t;
typedef enum { UART_PARITY_DISABLE, UART_PARITY_EVEN = 2, UART_PARITY_ODD } uart_parity_t;
typedef enum { UART_STOP_BITS_1 = 1, UART_STOP_BITS_1_5, UART_STOP_BITS_2 } uart_stop_bits_t;
typedef enum { UART_HW_FLOWCTRL_DISABLE, UART_HW_FLOWCTRL_RTS } uart_hw_flowcontrol_t;
typedef enum { UART_SCLK_DEFAULT } uart_sclk_t;
typedef struct {
	int baud_rate;
	uart_word_length_t data_bits;
	uart_parity_t parity;
	uart_stop_bits_t stop_bits;
	uart_hw_flowcontrol_t flow_ctrl;
	uint8_t rx_flow_ctrl_thresh;
	uart_sclk_t source_clk;
} uart_config_t;

extern _Bool uart_is_driver_installed(uart_port_t port);
extern esp_err_t uart_param_config(uart_port_t port, const uart_config_t *config);
extern esp_err_t uart_driver_install(uart_port_t port, int receive, int send, int events, void **queue, int flags);
extern int uart_read_bytes(uart_port_t port, void *bytes, uint32_t count, TickType_t wait);
extern int uart_write_bytes(uart_port_t port, const void *bytes, size_t count);
extern esp_err_t uart_get_tx_buffer_free_size(uart_port_t port, size_t *size);
