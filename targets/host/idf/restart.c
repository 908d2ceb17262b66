/*
 * Stand-ins for programs that use the flash model without the XS runtime, which has its own (strong) definitions: a restart
 * ends the process with a status that its parent knows.
 */
#include <unistd.h>

#include "esp_system.h"
#include "host_flash.h"

__attribute__((weak)) void esp_restart(void)
{
	_exit(HOST_RESTART_EXIT);
}

__attribute__((weak)) esp_reset_reason_t esp_reset_reason(void)
{
	return ESP_RST_UNKNOWN;
}
