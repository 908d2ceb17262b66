/*
 * otadata: two sectors with one entry each. The valid entry with the higher sequence number decides which slot boots:
 * slot = (sequence - 1) mod number of slots. The CRC covers the sequence number only.
 */
#include <string.h>

#include "esp_rom_crc.h"
#include "model.h"

bool otadata_read(otadata_t *otadata)
{
	memset(otadata, 0xff, sizeof(*otadata));
	otadata->partition = esp_partition_find_first(ESP_PARTITION_TYPE_DATA, ESP_PARTITION_SUBTYPE_DATA_OTA, NULL);
	if (!otadata->partition || otadata->partition->size < 2 * HOST_FLASH_SECTOR) return false;
	for (uint32_t i = 0; i < 2; i++)
		if (flash_read(otadata->partition->address + i * HOST_FLASH_SECTOR, &otadata->entries[i], sizeof(otadata->entries[i])))
			return false;
	return true;
}

uint32_t otadata_crc(const esp_ota_select_entry_t *entry)
{
	return esp_rom_crc32_le(UINT32_MAX, (const uint8_t *)&entry->ota_seq, sizeof(entry->ota_seq));
}

bool otadata_unbootable(const esp_ota_select_entry_t *entry)
{
	return entry->ota_seq == UINT32_MAX || entry->ota_state == ESP_OTA_IMG_INVALID || entry->ota_state == ESP_OTA_IMG_ABORTED;
}

bool otadata_valid(const esp_ota_select_entry_t *entry)
{
	return !otadata_unbootable(entry) && entry->crc == otadata_crc(entry);
}

int otadata_select(const otadata_t *otadata, const bool candidates[2], bool highest)
{
	bool first_is_higher = otadata->entries[0].ota_seq >= otadata->entries[1].ota_seq;
	bool first_is_lower = otadata->entries[0].ota_seq <= otadata->entries[1].ota_seq;
	if (candidates[0] && candidates[1]) return (highest ? first_is_higher : first_is_lower) ? 0 : 1;
	if (candidates[0]) return 0;
	return candidates[1] ? 1 : -1;
}

int otadata_active(const otadata_t *otadata)
{
	const bool valid[2] = {otadata_valid(&otadata->entries[0]), otadata_valid(&otadata->entries[1])};
	return otadata_select(otadata, valid, true);
}

esp_err_t otadata_write(const otadata_t *otadata, int index)
{
	uint32_t address = otadata->partition->address + (uint32_t)index * HOST_FLASH_SECTOR;
	esp_err_t error = flash_erase(address, HOST_FLASH_SECTOR);
	return error ? error : flash_write(address, &otadata->entries[index], sizeof(otadata->entries[index]));
}
