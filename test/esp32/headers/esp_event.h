/* Double. */
#pragma once
#include "esp_err.h"

typedef const char *esp_event_base_t;
typedef void (*esp_event_handler_t)(void *argument, esp_event_base_t base, int32_t event, void *data);

extern esp_event_base_t const IP_EVENT, ETH_EVENT;

extern esp_err_t esp_event_loop_create_default(void);
extern esp_err_t esp_event_handler_register(esp_event_base_t base, int32_t event, esp_event_handler_t handler, void *argument);
extern esp_err_t esp_event_handler_unregister(esp_event_base_t base, int32_t event, esp_event_handler_t handler);
