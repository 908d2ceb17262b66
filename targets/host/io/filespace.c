/*
 * How much the device's file system can still take: the partition's size less what littlefs would use for what is there.
 */
#include "xsmc.h"
#include "mc.xs.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "esp_partition.h"
#include "filepath.h"
#include "host.h"

/* littlefs gives each file whole blocks, and each folder a pair of them. */
#define kBlock 4096
#define kFolder (2 * kBlock)

static size_t usedBelow(int fd)
{
	DIR *folder = (fd < 0) ? NULL : fdopendir(fd);
	struct dirent *entry;
	struct stat status;
	size_t used = kFolder;

	if (NULL == folder) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	while ((entry = readdir(folder))) {
		if (fileNameIsBad(entry->d_name, strlen(entry->d_name)) || fstatat(dirfd(folder), entry->d_name, &status, AT_SYMLINK_NOFOLLOW))
			continue;
		if (S_ISDIR(status.st_mode))
			used += usedBelow(openat(dirfd(folder), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
		else
			used += ((size_t)status.st_size + kBlock - 1) / kBlock * kBlock;
	}
	closedir(folder);
	return used;
}

/* Undefined for a test program, which has a folder and no flash. */
void xs_files_free(xsMachine *the)
{
	const esp_partition_t *partition = NULL;
	int root = fileRoot(the);
	size_t used;

	if (gxDevice.flashPath)
		partition = esp_partition_find_first(ESP_PARTITION_TYPE_DATA, ESP_PARTITION_SUBTYPE_ANY, "storage");
	if (NULL == partition)
		return;
	used = usedBelow(openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	xsmcSetInteger(xsResult, (used < partition->size) ? (xsIntegerValue)(partition->size - used) : 0);
}
