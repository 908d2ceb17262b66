/* Double of lwIP's. */
#pragma once
#include "lwip/dns.h"

typedef void (*tcpip_callback_fn)(void *argument);
extern err_t tcpip_callback(tcpip_callback_fn function, void *argument);
