/* Double: the header by its path below components. */
#pragma once
#include_next "nvs_flash.h"
