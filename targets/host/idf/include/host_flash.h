/*
 * What the host runtime needs of the flash model, the bootloader model and the key-value storage beyond ESP-IDF's
 * own functions. One process is one boot of one device: it opens the flash file, asks the bootloader model which
 * firmware runs, runs it, and ends (restart, power cut, crash) without having to put anything in order, because the
 * file *is* the flash.
 *
 * Order of calls in a boot:
 *
 *     host_flash_set_cut_hook(end_of_power);           // optional, before the first write
 *     host_flash_open(path)                            // 0, or an errno value; host_flash_error() has the text
 *     host_flash_set_cut(operation, mode, seed);       // optional
 *     host_boot_select(&boot)                          // may write otadata, so cuts count here too
 *     … run the modules found in boot.segments …
 *     host_nvs_init()                                  // before the first nvs_open (keyvalue.c calls it by itself)
 *     host_flash_close();                              // optional
 */
#ifndef HOST_FLASH_H
#define HOST_FLASH_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "esp_app_desc.h"
#include "esp_err.h"
#include "esp_flash_partitions.h"
#include "esp_image_format.h"
#include "esp_partition.h"

/* ---- flash file ---------------------------------------------------------------------------------------------- */

/** Smallest unit that can be erased, and the large erase unit of SPI NOR flash. */
#define HOST_FLASH_SECTOR 4096u
#define HOST_FLASH_BLOCK 65536u

/**
 * Maps a flash file. Its size is the size of the chip: a multiple of 64 KiB, at most 1 GiB. The file is locked, so that two
 * devices cannot run from one flash; the lock ends with the process, also through execv.
 * Returns 0 or an errno value (EWOULDBLOCK: in use by another process); host_flash_error() explains it.
 */
int host_flash_open(const char *path);

/** Unmaps and unlocks. All partition pointers and segment pointers are invalid afterwards. Idempotent. */
void host_flash_close(void);

/** What the last failing host_* function found, as a sentence for a person. Never NULL. */
const char *host_flash_error(void);

uint32_t host_flash_size(void);

/** The whole flash, read-only; NULL when none is open. Valid until host_flash_close. */
const uint8_t *host_flash_data(void);

/* ---- power cuts ---------------------------------------------------------------------------------------------- */

typedef enum {
	HOST_FLASH_CUT_BEFORE, /* the operation has no effect */
	HOST_FLASH_CUT_TORN,   /* a part of it has happened: a prefix of a write and a half programmed unit after it; an erase
	                          that left one part blank and the other as garbage */
	HOST_FLASH_CUT_AFTER,  /* the operation is complete */
} host_flash_cut_t;

/**
 * Cuts the power at an operation, counted from 1 (0 switches it off). An operation is one erase command (4 KiB or
 * 64 KiB) or one write call; the number continues over restarts when host_flash_set_operation is used.
 * `seed` chooses how a torn operation tears; the same seed tears the same operation the same way.
 */
void host_flash_set_cut(uint64_t operation, host_flash_cut_t mode, uint32_t seed);

/** Called at the cut; must not return (execv or _exit). Without a hook, or when it returns, the process ends with
 * _exit(HOST_FLASH_CUT_EXIT). */
void host_flash_set_cut_hook(void (*hook)(void));
#define HOST_FLASH_CUT_EXIT 75

/** With this status esp_restart() ends a process that has no definition of its own for it (restart.c has a weak one). */
#define HOST_RESTART_EXIT 76

/** Sets the number of operations done so far, to go on counting from an earlier boot. To be called right after opening. */
void host_flash_set_operation(uint64_t done);

/* ---- figures ------------------------------------------------------------------------------------------------- */

typedef struct {
	uint64_t operations;    /* all of the following, and what host_flash_set_operation was given */
	uint64_t writes;        /* write calls */
	uint64_t sector_erases; /* 4 KiB erase commands */
	uint64_t block_erases;  /* 64 KiB erase commands */
	uint64_t bytes_written;
	uint64_t violations;    /* writes that wanted to set a bit: each has failed with ESP_ERR_FLASH_OP_FAIL */
} host_flash_counters_t;

/** Counters of this process since host_flash_open. */
void host_flash_counters(host_flash_counters_t *counters);

/** Of one region: how many sectors were erased (a 64 KiB erase counts for each of its 16) and how many writes there were (one
 * that crosses sectors counts for each). With a partition's address and size these are the figures for wear. */
void host_flash_region_counters(uint32_t address, uint32_t size, uint64_t *erases, uint64_t *writes);

/** How often the sector that was erased most often in this process was erased, and where it is. */
uint32_t host_flash_worst_sector(uint32_t *address);

/* ---- log ----------------------------------------------------------------------------------------------------- */

/** Receives what bootloader, OTA and NVS functions have to say ('E', 'W', 'I', 'D'); without one, E and W go to stderr. */
void host_flash_set_log(void (*log)(char level, const char *tag, const char *text));

/* ---- bootloader ---------------------------------------------------------------------------------------------- */

typedef struct {
	uint32_t load_address;
	uint32_t offset;     /* of the data in the partition */
	uint32_t length;
	const uint8_t *data; /* in the mapped flash, read-only */
} host_boot_segment_t;

typedef struct {
	const esp_partition_t *partition; /* the one that runs; also what esp_ota_get_running_partition() answers from now on */
	esp_ota_img_states_t state;       /* its otadata state after the selection; ESP_OTA_IMG_UNDEFINED when it has no entry */
	bool fallback;                    /* another slot was selected but its image is not valid */
	esp_app_desc_t description;
	uint32_t image_length;
	uint8_t image_digest[32];         /* the appended SHA-256, all zero when there is none */
	unsigned segment_count;
	host_boot_segment_t segments[ESP_IMAGE_MAX_SEGMENTS];
} host_boot_t;

/**
 * Chooses the firmware by the rules of ESP-IDF's second-stage bootloader with CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE, and
 * writes otadata as it does: PENDING_VERIFY becomes ABORTED, NEW becomes PENDING_VERIFY, blank otadata without a factory
 * partition is set to the slot that boots. Images are verified completely before they are chosen.
 * Returns ESP_OK, ESP_ERR_NOT_FOUND when no partition holds a bootable image, or ESP_ERR_INVALID_STATE when there is no valid
 * partition table; host_flash_error() has the sentence.
 */
esp_err_t host_boot_select(host_boot_t *boot);

/* ---- key-value storage --------------------------------------------------------------------------------------- */

/**
 * nvs_flash_init() as an application's start-up does it: a partition without free pages or from a newer format is erased
 * and initialised again. `erased`, when not NULL, is set to whether that happened. Safe to call more than once.
 */
esp_err_t host_nvs_init(bool *erased);

#endif
