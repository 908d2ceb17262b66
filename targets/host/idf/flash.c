/*
 * A SPI NOR flash chip in a file. The rules are those of the real part: erasing sets every bit of a sector or block,
 * programming can only clear bits, and when the power fails an operation may have happened in part. The file is mapped
 * shared, so that what was programmed stays when the process ends, in whatever way it ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model.h"

/* More than this needs more than 32-bit processes can map beside everything else. */
#define MAXIMUM_SIZE (1u << 30)

/* A program pulse works on some bytes at once: these may be found half programmed after a cut. */
#define PROGRAM_UNIT 16

static struct {
	int file;
	uint32_t size;
	uint8_t *cells;       /* the chip */
	const uint8_t *view;  /* the same pages, read-only, for everybody else */
	uint32_t *erases;     /* per sector */
	uint32_t *writes;     /* per sector */
	uint64_t *changed;    /* per block: number of the last operation */
	host_flash_counters_t counters;
} chip = {.file = -1};

static struct {
	uint64_t operation;
	host_flash_cut_t mode;
	uint32_t seed;
	void (*hook)(void);
} power;

static char failure[256] = "";
static void (*logger)(char level, const char *tag, const char *text);

void flash_log(char level, const char *tag, const char *format, ...)
{
	char text[256];
	va_list arguments;
	if (!logger && level != 'E' && level != 'W') return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (logger) logger(level, tag, text);
	else fprintf(stderr, "%c %s: %s\n", level, tag, text);
}

void flash_fail(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(failure, sizeof(failure), format, arguments);
	va_end(arguments);
}

const char *host_flash_error(void)
{
	return failure;
}

void host_flash_set_log(void (*log)(char level, const char *tag, const char *text))
{
	logger = log;
}

/* ---- opening ---- */

static int open_failed(const char *path, const char *what, int error)
{
	flash_fail("flash file %s %s: %s", path, what, strerror(error));
	host_flash_close();
	return error;
}

int host_flash_open(const char *path)
{
	struct stat status;
	void *cells, *view;

	if (chip.cells) {
		flash_fail("a flash file is open already; close it first");
		return EBUSY;
	}
	chip.file = open(path, O_RDWR | O_CLOEXEC);
	if (chip.file < 0) return open_failed(path, "cannot be opened", errno);
	if (flock(chip.file, LOCK_EX | LOCK_NB))
		return open_failed(path, errno == EWOULDBLOCK ? "is in use by another device" : "cannot be locked", errno);
	if (fstat(chip.file, &status)) return open_failed(path, "cannot be examined", errno);
	if (status.st_size <= 0 || (uint64_t)status.st_size > MAXIMUM_SIZE || status.st_size % HOST_FLASH_BLOCK)
		return open_failed(path, "must have a size that is a multiple of 64 KiB, at most 1 GiB", EINVAL);
	chip.size = (uint32_t)status.st_size;
	cells = mmap(NULL, chip.size, PROT_READ | PROT_WRITE, MAP_SHARED, chip.file, 0);
	if (cells == MAP_FAILED) return open_failed(path, "cannot be mapped", errno);
	chip.cells = cells;
	view = mmap(NULL, chip.size, PROT_READ, MAP_SHARED, chip.file, 0);
	if (view == MAP_FAILED) return open_failed(path, "cannot be mapped", errno);
	chip.view = view;
	chip.erases = calloc(chip.size / HOST_FLASH_SECTOR, sizeof(*chip.erases));
	chip.writes = calloc(chip.size / HOST_FLASH_SECTOR, sizeof(*chip.writes));
	chip.changed = calloc(chip.size / HOST_FLASH_BLOCK, sizeof(*chip.changed));
	if (!chip.erases || !chip.writes || !chip.changed) return open_failed(path, "is too large for this machine", ENOMEM);
	return 0;
}

void host_flash_close(void)
{
	nvs_reset();
	ota_reset();
	image_reset();
	partition_reset();
	if (chip.cells) munmap(chip.cells, chip.size);
	if (chip.view) munmap((void *)(uintptr_t)chip.view, chip.size);
	free(chip.erases);
	free(chip.writes);
	free(chip.changed);
	if (chip.file >= 0) close(chip.file);
	memset(&chip, 0, sizeof(chip));
	chip.file = -1;
	power.operation = 0;
}

uint32_t host_flash_size(void)
{
	return chip.size;
}

const uint8_t *host_flash_data(void)
{
	return chip.view;
}

/* ---- power ---- */

void host_flash_set_cut(uint64_t operation, host_flash_cut_t mode, uint32_t seed)
{
	power.operation = operation;
	power.mode = mode;
	power.seed = seed;
}

void host_flash_set_cut_hook(void (*hook)(void))
{
	power.hook = hook;
}

static void __attribute__((noreturn)) power_fails(void)
{
	/* Only once: the hook may look at the flash. */
	power.operation = 0;
	if (power.hook) power.hook();
	_exit(HOST_FLASH_CUT_EXIT);
}

/* splitmix64: small, and good enough to tear bits. */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static uint64_t tear_seed(void)
{
	return ((uint64_t)power.seed << 32) ^ chip.counters.operations;
}

/* Counts the operation; true when it is the one during which the power fails. */
static bool begin_operation(void)
{
	bool cut = ++chip.counters.operations == power.operation && power.operation;
	if (cut && power.mode == HOST_FLASH_CUT_BEFORE) power_fails();
	return cut;
}

/* ---- cells ---- */

/* Programs; returns false when a bit would have had to be set. */
static bool program(uint8_t *cells, const uint8_t *data, uint32_t size)
{
	uint64_t impossible = 0;
	while (size >= 32) {
		uint64_t old[4], new[4];
		memcpy(old, cells, 32);
		memcpy(new, data, 32);
		impossible |= (new[0] & ~old[0]) | (new[1] & ~old[1]) | (new[2] & ~old[2]) | (new[3] & ~old[3]);
		new[0] &= old[0];
		new[1] &= old[1];
		new[2] &= old[2];
		new[3] &= old[3];
		memcpy(cells, new, 32);
		cells += 32;
		data += 32;
		size -= 32;
	}
	while (size--) {
		impossible |= *data & (uint8_t)~*cells;
		*cells++ &= *data++;
	}
	return !impossible;
}

/* What a cut leaves of a write: a prefix, and after it one unit in which any of the bits may be missing. */
static void tear_program(uint8_t *cells, const uint8_t *data, uint32_t size)
{
	uint64_t random = tear_seed();
	uint32_t whole = (uint32_t)(next_random(&random) % size);
	uint32_t end = size - whole < PROGRAM_UNIT ? size : whole + PROGRAM_UNIT;
	program(cells, data, whole);
	for (uint32_t i = whole; i < end; i++) cells[i] &= data[i] | (uint8_t)next_random(&random);
}

/* What a cut leaves of an erase: one part is blank, in the other any of the bits may have been set. */
static void tear_erase(uint8_t *cells, uint32_t size)
{
	uint64_t random = tear_seed();
	uint32_t blank = (uint32_t)(next_random(&random) % size);
	bool front = next_random(&random) & 1;
	memset(front ? cells : cells + size - blank, 0xff, blank);
	if (front) cells += blank;
	for (uint32_t i = 0; i < size - blank; i++) cells[i] |= (uint8_t)next_random(&random);
}

static esp_err_t check_region(uint32_t address, uint32_t size)
{
	if (!chip.cells) return ESP_ERR_INVALID_STATE;
	return address > chip.size || size > chip.size - address ? ESP_ERR_INVALID_ARG : ESP_OK;
}

esp_err_t flash_read(uint32_t address, void *data, uint32_t size)
{
	esp_err_t error = check_region(address, size);
	if (!error) memcpy(data, chip.view + address, size);
	return error;
}

esp_err_t flash_write(uint32_t address, const void *data, uint32_t size)
{
	esp_err_t error = check_region(address, size);
	uint8_t *cells;
	bool cut, possible;

	if (error || !size) return error;
	cells = chip.cells + address;
	cut = begin_operation();
	chip.counters.writes++;
	chip.counters.bytes_written += size;
	for (uint32_t sector = address / HOST_FLASH_SECTOR; sector <= (address + size - 1) / HOST_FLASH_SECTOR; sector++)
		chip.writes[sector]++;
	for (uint32_t block = address / HOST_FLASH_BLOCK; block <= (address + size - 1) / HOST_FLASH_BLOCK; block++)
		chip.changed[block] = chip.counters.operations;
	if (cut && power.mode == HOST_FLASH_CUT_TORN) {
		tear_program(cells, data, size);
		power_fails();
	}
	possible = program(cells, data, size);
	if (cut) power_fails();
	if (possible) return ESP_OK;
	chip.counters.violations++;
	flash_log('E', "flash", "write of %" PRIu32 " bytes at 0x%08" PRIx32 " needs bits that are cleared: not erased before", size,
		address);
	return ESP_ERR_FLASH_OP_FAIL;
}

static void erase_command(uint32_t address, uint32_t size)
{
	bool cut = begin_operation();
	if (size == HOST_FLASH_BLOCK) chip.counters.block_erases++;
	else chip.counters.sector_erases++;
	for (uint32_t sector = address / HOST_FLASH_SECTOR; sector < (address + size) / HOST_FLASH_SECTOR; sector++)
		chip.erases[sector]++;
	chip.changed[address / HOST_FLASH_BLOCK] = chip.counters.operations;
	if (cut && power.mode == HOST_FLASH_CUT_TORN) tear_erase(chip.cells + address, size);
	else memset(chip.cells + address, 0xff, size);
	if (cut) power_fails();
}

esp_err_t flash_erase(uint32_t address, uint32_t size)
{
	esp_err_t error = check_region(address, size);
	if (error) return error;
	if (address % HOST_FLASH_SECTOR || size % HOST_FLASH_SECTOR) return ESP_ERR_INVALID_ARG;
	while (size) {
		uint32_t step = address % HOST_FLASH_BLOCK == 0 && size >= HOST_FLASH_BLOCK ? HOST_FLASH_BLOCK : HOST_FLASH_SECTOR;
		erase_command(address, step);
		address += step;
		size -= step;
	}
	return ESP_OK;
}

/* ---- figures ---- */

uint64_t flash_changed(uint32_t address, uint32_t size)
{
	uint64_t newest = 0;
	if (check_region(address, size) || !size) return 0;
	for (uint32_t block = address / HOST_FLASH_BLOCK; block <= (address + size - 1) / HOST_FLASH_BLOCK; block++)
		if (chip.changed[block] > newest) newest = chip.changed[block];
	return newest;
}

void host_flash_set_operation(uint64_t done)
{
	chip.counters.operations = done;
}

void host_flash_counters(host_flash_counters_t *counters)
{
	*counters = chip.counters;
}

void host_flash_region_counters(uint32_t address, uint32_t size, uint64_t *erases, uint64_t *writes)
{
	*erases = *writes = 0;
	if (check_region(address, size) || !size) return;
	for (uint32_t sector = address / HOST_FLASH_SECTOR; sector <= (address + size - 1) / HOST_FLASH_SECTOR; sector++) {
		*erases += chip.erases[sector];
		*writes += chip.writes[sector];
	}
}

uint32_t host_flash_worst_sector(uint32_t *address)
{
	uint32_t worst = 0;
	for (uint32_t sector = 1; sector < chip.size / HOST_FLASH_SECTOR; sector++)
		if (chip.erases[sector] > chip.erases[worst]) worst = sector;
	if (address) *address = worst * HOST_FLASH_SECTOR;
	return chip.erases ? chip.erases[worst] : 0;
}
