/* Double: the options that the sources look at, besides those that the host has too. */
#pragma once
#include_next "sdkconfig.h"
#define CONFIG_IDF_TARGET "esp32c3"
#define CONFIG_ETH_USE_OPENETH 1
#define CONFIG_ESP_CONSOLE_UART_BAUDRATE 115200
