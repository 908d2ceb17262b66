/* The CRC in the chips' ROM: CRC-32 (reflected, polynomial 0xEDB88320), inverted on the way in and out. */
#ifndef ESP_ROM_CRC_H
#define ESP_ROM_CRC_H

#include <stdint.h>

/** `crc` is the result for the bytes before; 0 for none. otadata and NVS start with UINT32_MAX. */
uint32_t esp_rom_crc32_le(uint32_t crc, uint8_t const *buf, uint32_t len);

#endif
