/*
 * Verification of an application image, by the steps of ESP-IDF's bootloader: header, chip and revision, each segment's header,
 * the checksum over all segment data, the appended SHA-256.
 */
#include <inttypes.h>
#include <string.h>

#include "esp_app_desc.h"
#include "model.h"

#define TAG "esp_image"

/* All checksums start from this value. */
#define CHECKSUM_START 0xef

/* Where the classic ESP32 maps flash for data and for code; such a segment must lie at the same place within a 64 KiB page
   in flash as in memory, because flash is mapped page by page. */
#define DROM_LOW 0x3f400000u
#define DROM_HIGH 0x3f800000u
#define IROM_LOW 0x400d0000u
#define IROM_HIGH 0x40400000u

/* Hashing an image is the slowest thing here, and one update asks for it several times (end of writing, choice for boot,
   whether a rollback is possible). An image whose flash has not changed since is not hashed again. */
static struct {
	esp_partition_pos_t position;
	uint64_t changed;
	esp_err_t result;
	esp_image_metadata_t metadata;
	bool used;
} known[4];
static unsigned next_known;

void image_reset(void)
{
	memset(known, 0, sizeof(known));
	next_known = 0;
}

static bool is_mapped(uint32_t address)
{
	return (address >= DROM_LOW && address < DROM_HIGH) || (address >= IROM_LOW && address < IROM_HIGH);
}

static const char *check_header(const esp_image_header_t *header, esp_err_t *error)
{
	*error = ESP_ERR_IMAGE_INVALID;
	if (header->magic != ESP_IMAGE_HEADER_MAGIC) return "does not start with 0xE9";
	*error = ESP_FAIL;
	if (header->chip_id != CONFIG_IDF_FIRMWARE_CHIP_ID) return "is for another chip";
	if (header->min_chip_rev_full > HOST_CHIP_REVISION) return "needs a newer revision of the chip";
	/* 0 and 65535 mean that no limit is set. */
	if (header->max_chip_rev_full && header->max_chip_rev_full != 0xffff && header->max_chip_rev_full < HOST_CHIP_REVISION)
		return "is for older revisions of the chip only";
	*error = ESP_ERR_IMAGE_INVALID;
	return header->segment_count > ESP_IMAGE_MAX_SEGMENTS ? "has more than 16 segments" : NULL;
}

static uint8_t xor_all(const uint8_t *data, uint32_t size)
{
	uint64_t sum = 0;
	for (; size >= 8; data += 8, size -= 8) {
		uint64_t word;
		memcpy(&word, data, 8);
		sum ^= word;
	}
	while (size--) sum ^= *data++;
	sum ^= sum >> 32;
	sum ^= sum >> 16;
	return (uint8_t)(sum ^ sum >> 8);
}

/* Walks over the segments; `length` becomes the end of the last one. */
static const char *read_segments(const esp_partition_pos_t *part, esp_image_metadata_t *image, uint8_t *checksum)
{
	const uint8_t *base = host_flash_data() + part->offset;
	uint32_t length = sizeof(esp_image_header_t);

	for (unsigned i = 0; i < image->image.segment_count; i++) {
		esp_image_segment_header_t *segment = &image->segments[i];
		if (part->size - length < sizeof(*segment)) return "is longer than its partition";
		memcpy(segment, base + length, sizeof(*segment));
		length += sizeof(*segment);
		if (segment->data_len & 3) return "has a segment whose length is not a multiple of four";
		if (segment->data_len > part->size - length) return "is longer than its partition";
		if (is_mapped(segment->load_addr) &&
			(part->offset + length) % CONFIG_MMU_PAGE_SIZE != segment->load_addr % CONFIG_MMU_PAGE_SIZE)
			return "has a segment that cannot be mapped at its address";
		image->segment_data[i] = part->offset + length;
		if (checksum) *checksum ^= xor_all(base + length, segment->data_len);
		length += segment->data_len;
	}
	image->image_len = length;
	return NULL;
}

static const char *load(const esp_partition_pos_t *part, esp_image_metadata_t *image, bool verify, esp_err_t *error)
{
	const uint8_t *base = host_flash_data() + part->offset;
	uint8_t checksum = CHECKSUM_START;
	uint8_t digest[ESP_IMAGE_HASH_LEN];
	const char *wrong;
	uint32_t end;

	memset(image, 0, sizeof(*image));
	*error = ESP_ERR_IMAGE_INVALID;
	if (part->size < sizeof(image->image)) return "does not fit into its partition";
	image->start_addr = part->offset;
	image->mmu_page_size = CONFIG_MMU_PAGE_SIZE;
	memcpy(&image->image, base, sizeof(image->image));
	if (verify && (wrong = check_header(&image->image, error))) return wrong;
	if (image->image.segment_count > ESP_IMAGE_MAX_SEGMENTS) return "has more than 16 segments";
	if ((wrong = read_segments(part, image, verify ? &checksum : NULL))) return wrong;

	/* The checksum is the last byte of the 16-byte line that follows the segments or completes their last one. */
	end = (image->image_len + 1 + 15) & ~15u;
	if (end > part->size) return "is longer than its partition";
	if (verify && base[end - 1] != checksum) return "has a wrong checksum";
	image->image_len = end;
	if (image->image.hash_appended) {
		if (part->size - end < ESP_IMAGE_HASH_LEN) return "is longer than its partition";
		memcpy(image->image_digest, base + end, ESP_IMAGE_HASH_LEN);
		image->image_len += ESP_IMAGE_HASH_LEN;
		if (verify) {
			if (!digest_sha256(base, end, digest)) return "could not be hashed";
			if (memcmp(digest, image->image_digest, sizeof(digest))) return "has a wrong SHA-256";
		}
	}
	*error = ESP_OK;
	return NULL;
}

static bool inside_flash(const esp_partition_pos_t *part)
{
	return host_flash_data() && part->offset <= host_flash_size() && part->size <= host_flash_size() - part->offset;
}

esp_err_t esp_image_verify(esp_image_load_mode_t mode, const esp_partition_pos_t *part, esp_image_metadata_t *data)
{
	uint64_t changed;
	const char *wrong;
	esp_err_t error;
	unsigned i;

	if (!part || !data) return ESP_ERR_INVALID_ARG;
	if (!inside_flash(part)) return ESP_ERR_INVALID_ARG;
	changed = flash_changed(part->offset, part->size);
	for (i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (known[i].used && known[i].changed == changed && known[i].position.offset == part->offset &&
			known[i].position.size == part->size) {
			*data = known[i].metadata;
			return known[i].result;
		}
	}
	wrong = load(part, data, true, &error);
	if (wrong) {
		if (mode == ESP_IMAGE_VERIFY) flash_log('E', TAG, "image at 0x%" PRIx32 " %s", part->offset, wrong);
		/* Nothing of what does not hold may get out. */
		memset(data, 0, sizeof(*data));
	}
	i = next_known++ % (sizeof(known) / sizeof(*known));
	known[i].position = *part;
	known[i].changed = changed;
	known[i].result = error;
	known[i].metadata = *data;
	known[i].used = true;
	return error;
}

esp_err_t esp_image_get_metadata(const esp_partition_pos_t *part, esp_image_metadata_t *metadata)
{
	esp_err_t error;
	if (!part || !metadata || !inside_flash(part)) return ESP_ERR_INVALID_ARG;
	load(part, metadata, false, &error);
	return error;
}
