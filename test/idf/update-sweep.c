/*
 * Cuts the power at every flash operation of an update, from the first boot of a new device to the confirmed new firmware, in
 * all three ways, and once more at a later operation. Whatever happened, the next boots must come up, must never run what
 * was not verified, must not write again more than 64 KiB, and must bring the update to its end.
 *
 *     update-sweep FLASH IMAGE SEED PAIRS [crashing]   the flash holds version 1.0.0 in ota_0; IMAGE is 2.0.0
 *
 * "crashing": the new firmware never confirms itself, and the old one has to be back in the end.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "esp_ota_ops.h"
#include "host_flash.h"
#include "nativeota.h"

#define PIECE 4096u
/* More boots than any course of events needs. */
#define MOST_BOOTS 12

typedef struct {
	uint64_t operation; /* 0: no cut */
	int mode;
} cut_t;

static const char *flash_path;
static uint8_t *raw, *image, *factory;
static uint32_t raw_size, image_size, seed;
static bool crashing;
static jmp_buf power_cut;
static SlotWriter writer;
static const uint8_t tag[kTagBytes] = "a package's hash";

/* What the device cannot know, to judge it by. */
static volatile bool verified;
static volatile uint32_t handed_over, written;
static volatile uint64_t operations;
static uint32_t most_rewritten;
static unsigned long runs, confirmed, rolled_back;

static void __attribute__((noreturn)) fail(const char *what, const cut_t cuts[2])
{
	printf("{\"failure\":\"%s\",\"operation\":%" PRIu64 ",\"mode\":%d,\"second\":%" PRIu64 ",\"secondMode\":%d,\"text\":\"%s\"}\n", what,
		cuts[0].operation, cuts[0].mode, cuts[1].operation, cuts[1].mode, host_flash_error());
	exit(1);
}

static void cut_hook(void)
{
	host_flash_counters_t counters;
	host_flash_counters(&counters);
	operations = counters.operations;
	longjmp(power_cut, 1);
}

static uint8_t *map(const char *path, uint32_t *size, int flags)
{
	int file = open(path, flags == MAP_SHARED ? O_RDWR : O_RDONLY);
	struct stat status;
	void *data;
	if (file < 0 || fstat(file, &status)) return NULL;
	*size = (uint32_t)status.st_size;
	data = mmap(NULL, *size, PROT_READ | PROT_WRITE, flags, file, 0);
	close(file);
	return data == MAP_FAILED ? NULL : data;
}

const esp_partition_t *slotByLabel(const char *label)
{
	return esp_partition_find_first(ESP_PARTITION_TYPE_APP, ESP_PARTITION_SUBTYPE_ANY, label);
}

/* ---- the old firmware updates, as modules/ota lets it ---- */

static const char *update(void)
{
	const esp_partition_t *target = esp_ota_get_next_update_partition(NULL);
	uint32_t offset = slotResumable(target, tag);

	if (offset > handed_over) return "marks vouch for what was not written";
	if (written > offset + most_rewritten) most_rewritten = written - offset;
	if (slotOpen(&writer, target, offset, image_size, tag) != ESP_OK) return "the slot cannot be opened";
	for (; offset < image_size; offset += PIECE) {
		uint32_t size = image_size - offset < PIECE ? image_size - offset : PIECE;
		if (offset + size > handed_over) handed_over = offset + size;
		if (slotWrite(&writer, image + offset, size) != ESP_OK) return "the slot cannot be written";
		if (offset + size > written) written = offset + size;
	}
	if (slotFinish(&writer) != ESP_OK) return "the image is not valid";
	verified = true;
	return esp_ota_set_boot_partition(target) == ESP_OK ? NULL : "the slot cannot be activated";
}

typedef enum { restarts, ended } outcome_t;

static outcome_t one_boot(const cut_t cuts[2])
{
	const char *wrong;
	host_boot_t boot;

	if (host_boot_select(&boot) != ESP_OK) fail("nothing boots", cuts);
	if (!strcmp(boot.description.version, "2.0.0")) {
		if (!verified) fail("an image that was not verified was booted", cuts);
		if (memcmp(host_flash_data() + boot.partition->address, image, image_size)) fail("a wrong image was booted", cuts);
		if (crashing) return restarts;
		if (esp_ota_mark_app_valid_cancel_rollback() != ESP_OK) fail("the firmware cannot be confirmed", cuts);
		confirmed++;
		return ended;
	}
	/* The old firmware knows from otadata that the new one failed, unless a cut has erased just that. */
	if (esp_ota_get_last_invalid_partition()) {
		rolled_back++;
		return ended;
	}
	wrong = update();
	if (wrong) fail(wrong, cuts);
	return restarts;
}

/* Everything after a blank factory flash, with the power cut at two operations. Returns how many operations there were. */
static uint64_t run(const cut_t cuts[2])
{
	volatile unsigned next_cut = 0;
	volatile outcome_t outcome = restarts;
	host_flash_counters_t counters;

	memcpy(raw, factory, raw_size);
	verified = false;
	handed_over = written = 0;
	operations = 0;
	runs++;
	for (volatile unsigned boots = 0; outcome == restarts; boots++) {
		if (boots == MOST_BOOTS) fail("the update does not end", cuts);
		memset(&writer, 0, sizeof(writer));
		if (!setjmp(power_cut)) {
			if (host_flash_open(flash_path)) fail("the flash cannot be opened", cuts);
			host_flash_set_operation(operations);
			host_flash_set_cut_hook(cut_hook);
			if (next_cut < 2) host_flash_set_cut(cuts[next_cut].operation, (host_flash_cut_t)cuts[next_cut].mode, seed);
			outcome = one_boot(cuts);
			host_flash_counters(&counters);
			operations = counters.operations;
			if (counters.violations) fail("bits were to be set", cuts);
		}
		else next_cut++;
		slotClose(&writer);
		host_flash_set_cut(0, HOST_FLASH_CUT_BEFORE, 0);
		host_flash_close();
	}
	return operations;
}

/* The end must be an end: the next boot runs the same firmware and has nothing to do. */
static void check_end(const cut_t cuts[2], bool was_confirmed)
{
	host_boot_t boot;
	host_flash_counters_t counters;
	if (host_flash_open(flash_path) || host_boot_select(&boot) != ESP_OK) fail("nothing boots in the end", cuts);
	host_flash_counters(&counters);
	if (counters.operations) fail("the next boot still writes", cuts);
	if (strcmp(boot.description.version, was_confirmed ? "2.0.0" : "1.0.0")) fail("the wrong firmware runs in the end", cuts);
	if (boot.state != ESP_OTA_IMG_VALID && boot.state != ESP_OTA_IMG_UNDEFINED) fail("the firmware is not confirmed in the end", cuts);
	host_flash_close();
}

static uint64_t run_and_check(cut_t first, cut_t second)
{
	const cut_t cuts[2] = {first, second};
	unsigned long before = confirmed;
	uint64_t count = run(cuts);
	check_end(cuts, confirmed > before);
	return count;
}

int main(int argc, char **argv)
{
	const cut_t none = {0, 0};
	uint32_t random, pairs;
	uint64_t count;

	if (argc < 5) return 64;
	flash_path = argv[1];
	seed = (uint32_t)strtoul(argv[3], NULL, 10);
	pairs = (uint32_t)strtoul(argv[4], NULL, 10);
	crashing = argc > 5;
	raw = map(flash_path, &raw_size, MAP_SHARED);
	image = map(argv[2], &image_size, MAP_PRIVATE);
	factory = malloc(raw_size);
	if (!raw || !image || !factory) return 66;
	memcpy(factory, raw, raw_size);
	count = run_and_check(none, none);
	for (int mode = HOST_FLASH_CUT_BEFORE; mode <= HOST_FLASH_CUT_AFTER; mode++)
		for (uint64_t operation = 1; operation <= count; operation++) run_and_check((cut_t){operation, mode}, none);
	random = seed * 2654435761u + 1;
	for (uint32_t i = 0; i < pairs; i++) {
		cut_t first, second;
		random = random * 1664525u + 1013904223u;
		first = (cut_t){1 + (random >> 8) % count, (int)(random >> 4) % 3};
		random = random * 1664525u + 1013904223u;
		second = (cut_t){first.operation + 1 + (random >> 8) % count, (int)(random >> 4) % 3};
		run_and_check(first, second);
	}
	free(factory);
	printf("{\"operations\":%" PRIu64 ",\"runs\":%lu,\"confirmed\":%lu,\"rolledBack\":%lu,\"mostRewritten\":%u,\"failures\":0}\n", count, runs,
		confirmed, rolled_back, most_rewritten);
	return 0;
}
