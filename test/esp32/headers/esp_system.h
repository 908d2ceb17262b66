/* Double: the host's own part of it, and the reasons for a reset that only a chip has. */
#pragma once
#define esp_reset_reason_t hostResetReason
#define esp_reset_reason hostReset
#include_next "esp_system.h"
#undef esp_reset_reason_t
#undef esp_reset_reason

enum { ESP_RST_USB = 11, ESP_RST_JTAG, ESP_RST_EFUSE, ESP_RST_PWR_GLITCH, ESP_RST_CPU_LOCKUP };
typedef int esp_reset_reason_t;
extern esp_reset_reason_t esp_reset_reason(void);
