/*
 * Cuts the power at every flash operation of a series of changes to the key-value storage: before it, in the middle of it
 * and after it; and again at every operation of the repair that follows. After the repair each key has its old or its
 * new value, all others are untouched, and the storage goes on working.
 *
 *     nvs-sweep FLASH SEED STEPS SECONDS SAMPLES   flash of 64 KiB with a partition "nvs"; second cuts at one in so many
 *                                                  operations of a repair; a folder for samples, or "-"
 *
 * Swept are all changes that erase a page, because items are moved then, and one in ten of the others.
 * Prints one line of JSON for each sample (state after a repair, for another reader to judge) and one at the end.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host_flash.h"
#include "nvs_flash.h"

#define KEYS 9
#define LARGEST 7000
#define SIZE 65536
/* One in so many repaired states is given to the other reader. */
#define SAMPLE_EVERY 97
#define SWEEP_EVERY 10

typedef struct {
	nvs_type_t type; /* 0: absent */
	uint32_t size;
	uint8_t data[LARGEST];
} value_t;

typedef struct {
	unsigned key;
	value_t value;
} change_t;

static const char *flash_path, *samples;
static uint8_t *raw;
static value_t model[KEYS];
static change_t change;
static uint64_t random_state;
static jmp_buf power_cut;
static nvs_handle_t handle;
static unsigned long cuts, second_cuts, sampled;
static unsigned long second_every;

static uint32_t next_random(uint32_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 11) % below;
}

static void key_name(unsigned key, char *name)
{
	/* One of full length. */
	snprintf(name, 16, key == 3 ? "fifteen-letters" : "key%u", key);
}

static void __attribute__((noreturn)) fail(const char *what, unsigned step, uint64_t operation, int mode)
{
	printf("{\"failure\":\"%s\",\"step\":%u,\"operation\":%" PRIu64 ",\"mode\":%d,\"key\":%u,\"type\":%d,\"size\":%u}\n", what, step, operation,
		mode, change.key, (int)change.value.type, change.value.size);
	exit(1);
}

static void cut_hook(void)
{
	longjmp(power_cut, 1);
}

/* ---- the device ---- */

static bool power_on(void)
{
	if (host_flash_open(flash_path)) return false;
	return nvs_flash_init() == ESP_OK;
}

static bool start(void)
{
	return power_on() && nvs_open("sweep", NVS_READWRITE, &handle) == ESP_OK;
}

static esp_err_t write_value(unsigned key, const value_t *value)
{
	char name[16];
	uint64_t wide;
	key_name(key, name);
	memcpy(&wide, value->data, sizeof(wide));
	switch ((int)value->type) {
	case 0: return nvs_erase_key(handle, name);
	case NVS_TYPE_U8: return nvs_set_u8(handle, name, (uint8_t)wide);
	case NVS_TYPE_I32: return nvs_set_i32(handle, name, (int32_t)wide);
	case NVS_TYPE_U64: return nvs_set_u64(handle, name, wide);
	case NVS_TYPE_STR: return nvs_set_str(handle, name, (const char *)value->data);
	default: return nvs_set_blob(handle, name, value->data, value->size);
	}
}

static bool read_value(unsigned key, value_t *value)
{
	char name[16];
	size_t size = sizeof(value->data);
	esp_err_t error;

	memset(value, 0, sizeof(*value));
	key_name(key, name);
	error = nvs_find_key(handle, name, &value->type);
	if (error == ESP_ERR_NVS_NOT_FOUND) {
		value->type = 0;
		return true;
	}
	if (error) return false;
	switch ((int)value->type) {
	case NVS_TYPE_U8: error = nvs_get_u8(handle, name, value->data), size = 1; break;
	case NVS_TYPE_I32: error = nvs_get_i32(handle, name, (int32_t *)value->data), size = 4; break;
	case NVS_TYPE_U64: error = nvs_get_u64(handle, name, (uint64_t *)value->data), size = 8; break;
	case NVS_TYPE_STR: error = nvs_get_str(handle, name, (char *)value->data, &size); break;
	case NVS_TYPE_BLOB: error = nvs_get_blob(handle, name, value->data, &size); break;
	default: return false;
	}
	value->size = (uint32_t)size;
	return !error;
}

static bool equal(const value_t *a, const value_t *b)
{
	return a->type == b->type && a->size == b->size && !memcmp(a->data, b->data, a->size);
}

/* ---- the series of changes ---- */

static void make_change(void)
{
	static const nvs_type_t types[] = {NVS_TYPE_U8, NVS_TYPE_I32, NVS_TYPE_U64, NVS_TYPE_STR, NVS_TYPE_STR, NVS_TYPE_BLOB,
		NVS_TYPE_BLOB, NVS_TYPE_BLOB};
	value_t *value = &change.value;
	bool blank;

	memset(&change, 0, sizeof(change));
	change.key = next_random(KEYS);
	if (model[change.key].type && !next_random(12)) return; /* erased */
	/* Most keys keep their type, as in life; some change it. */
	value->type = model[change.key].type && next_random(6) ? model[change.key].type : types[next_random(sizeof(types) / sizeof(*types))];
	switch ((int)value->type) {
	case NVS_TYPE_U8: value->size = 1; break;
	case NVS_TYPE_I32: value->size = 4; break;
	case NVS_TYPE_U64: value->size = 8; break;
	case NVS_TYPE_STR: value->size = 1 + next_random(200); break;
	/* One key holds more than a page. */
	default: value->size = change.key == 0 ? 3900 + next_random(1200) : next_random(700); break;
	}
	/* Bytes that look like blank flash are the ones that a check for blank flash gets wrong. */
	blank = !next_random(3);
	for (uint32_t i = 0; i < value->size; i++) value->data[i] = blank && next_random(8) ? 0xff : (uint8_t)(1 + next_random(255));
	if (value->type == NVS_TYPE_STR) value->data[value->size - 1] = 0;
}

/* Whether the storage holds the model, except that the changed key may already have its new value. */
static const char *check_values(bool new_required)
{
	static value_t value;
	nvs_iterator_t iterator;
	unsigned present = 0, listed = 0;
	esp_err_t error;

	for (unsigned key = 0; key < KEYS; key++) {
		if (!read_value(key, &value)) return "a value cannot be read";
		present += value.type != 0;
		if (key == change.key) {
			if (equal(&value, &change.value)) continue;
			if (new_required) return "the new value is not there";
		}
		if (!equal(&value, &model[key])) return key == change.key ? "neither the old nor the new value" : "another value has changed";
	}
	for (error = nvs_entry_find_in_handle(handle, NVS_TYPE_ANY, &iterator); !error; error = nvs_entry_next(&iterator)) listed++;
	return listed == present ? NULL : "a key is there twice";
}

static void write_sample(unsigned step)
{
	static value_t value;
	char path[512];
	FILE *file;

	if (!strcmp(samples, "-") || ++sampled % SAMPLE_EVERY) return;
	snprintf(path, sizeof(path), "%s/%lu.flash", samples, sampled);
	file = fopen(path, "wb");
	if (!file || fwrite(raw, 1, SIZE, file) != SIZE || fclose(file)) fail("a sample cannot be written", step, 0, 0);
	printf("{\"sample\":\"%s\",\"values\":{", path);
	for (unsigned key = 0, first = 1; key < KEYS; key++) {
		char name[16];
		if (!read_value(key, &value) || !value.type) continue;
		key_name(key, name);
		printf("%s\"%s\":\"%02x:", first ? "" : ",", name, value.type);
		for (uint32_t i = 0; i < value.size; i++) printf("%02x", value.data[i]);
		printf("\"");
		first = 0;
	}
	printf("}}\n");
}

/* After a repair: values, and that the next changes work and break no rule of the flash. */
static const char *check_repaired(unsigned step)
{
	host_flash_counters_t counters;
	const char *wrong = check_values(false);
	if (wrong) return wrong;
	write_sample(step);
	if (change.value.type || model[change.key].type) {
		esp_err_t error = write_value(change.key, &change.value);
		if (error && !(error == ESP_ERR_NVS_NOT_FOUND && !change.value.type)) return "the change cannot be made again";
	}
	wrong = check_values(true);
	host_flash_counters(&counters);
	return wrong || !counters.violations ? wrong : "bits were to be set";
}

/* ---- sweeping ---- */

/* Runs `action` on the flash as it is in `before`, with the power cut at `operation`. Returns false when it came through. */
static bool cut_at(const uint8_t *before, void (*action)(void), uint64_t operation, int mode, uint32_t seed)
{
	volatile bool was_cut = true;
	memcpy(raw, before, SIZE);
	host_flash_set_cut_hook(cut_hook);
	if (!setjmp(power_cut)) {
		if (host_flash_open(flash_path)) fail("the flash cannot be opened", 0, operation, mode);
		host_flash_set_cut(operation, (host_flash_cut_t)mode, seed);
		action();
		was_cut = false;
	}
	host_flash_set_cut(0, HOST_FLASH_CUT_BEFORE, 0);
	host_flash_close();
	return was_cut;
}

static void make_the_change(void)
{
	if (nvs_flash_init() || nvs_open("sweep", NVS_READWRITE, &handle)) return;
	write_value(change.key, &change.value);
}

static void repair(void)
{
	nvs_flash_init();
}

static void check_after(unsigned step, uint64_t operation, int mode)
{
	const char *wrong = start() ? check_repaired(step) : "the storage does not start";
	host_flash_close();
	if (wrong) fail(wrong, step, operation, mode);
}

/* Whether the change moves items. */
static bool erases_page(const uint8_t *before)
{
	uint64_t erases, writes;
	if (start()) write_value(change.key, &change.value);
	host_flash_region_counters(0, SIZE, &erases, &writes);
	host_flash_close();
	memcpy(raw, before, SIZE);
	return erases > 0;
}

static void sweep_step(unsigned step, uint32_t seed)
{
	static uint8_t before[SIZE], torn[SIZE];
	memcpy(before, raw, SIZE);
	if (step % SWEEP_EVERY && !erases_page(before)) return;
	for (int mode = HOST_FLASH_CUT_BEFORE; mode <= HOST_FLASH_CUT_AFTER; mode++) {
		for (uint64_t operation = 1; cut_at(before, make_the_change, operation, mode, seed + step); operation++) {
			cuts++;
			memcpy(torn, raw, SIZE);
			check_after(step, operation, mode);
			/* And again while it repairs itself. */
			for (uint64_t second = 1 + operation % second_every; cut_at(torn, repair, second, (int)((operation + second) % 3), seed + 1);
				 second += second_every) {
				second_cuts++;
				check_after(step, operation, mode);
			}
		}
	}
	memcpy(raw, before, SIZE);
}

int main(int argc, char **argv)
{
	unsigned steps, skipped = 0;
	uint32_t seed;
	uint64_t erases = 0, writes = 0, total = 0;
	int file;

	if (argc != 6) return 64;
	flash_path = argv[1];
	seed = (uint32_t)strtoul(argv[2], NULL, 10);
	steps = (unsigned)strtoul(argv[3], NULL, 10);
	second_every = strtoul(argv[4], NULL, 10);
	samples = argv[5];
	random_state = 0x9e3779b97f4a7c15u + seed;
	file = open(flash_path, O_RDWR);
	raw = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	if (raw == MAP_FAILED) return 66;
	close(file);
	memset(raw + 0x9000, 0xff, SIZE - 0x9000);
	for (unsigned step = 0; step < steps; step++) {
		const char *wrong;
		esp_err_t error;
		make_change();
		sweep_step(step, seed);
		if (!start()) fail("the storage does not start", step, 0, 0);
		error = write_value(change.key, &change.value);
		if (error == ESP_ERR_NVS_NOT_ENOUGH_SPACE) {
			/* Full: the old value must stand. */
			change.value = model[change.key];
			skipped++;
		}
		else if (error && !(error == ESP_ERR_NVS_NOT_FOUND && !change.value.type)) fail(esp_err_to_name(error), step, 0, 0);
		wrong = check_values(true);
		if (wrong) fail(wrong, step, 0, 0);
		host_flash_region_counters(0x9000, SIZE - 0x9000, &erases, &writes);
		total += erases;
		host_flash_close();
		model[change.key] = change.value;
	}
	printf("{\"steps\":%u,\"cuts\":%lu,\"secondCuts\":%lu,\"pageErases\":%" PRIu64 ",\"full\":%u,\"failures\":0}\n", steps, cuts,
		second_cuts, total, skipped);
	return 0;
}
