/*
 * The configuration that the host device has in place of an ESP-IDF sdkconfig. Names and meanings are ESP-IDF's.
 */
#ifndef SDKCONFIG_H
#define SDKCONFIG_H

/* An image says which chip it is for, and the bootloader refuses all others. The host device takes images for the classic
   ESP32, so that its images can be read by the tools made for that chip. */
#ifndef CONFIG_IDF_FIRMWARE_CHIP_ID
#define CONFIG_IDF_FIRMWARE_CHIP_ID 0x0000
#endif

/* Revision 3.1, the common one of the classic ESP32, in ESP-IDF's form major * 100 + minor. */
#define HOST_CHIP_REVISION 301

#define CONFIG_PARTITION_TABLE_OFFSET 0x8000
#define CONFIG_PARTITION_TABLE_MD5 1
#define CONFIG_BOOTLOADER_OFFSET_IN_FLASH 0x1000
#define CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE 1
#define CONFIG_MMU_PAGE_SIZE 0x10000

#endif
