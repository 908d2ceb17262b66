/*
 * The device's file system: a folder of the host machine beside the flash file, "<flash>.files". ECMA-419 in shape, and in
 * its rules as strict as the SDK's for littlefs.
 */
#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "filepath.h"
#include "host.h"

/* Of files.js. */
enum { kindNone, kindFile, kindDirectory, kindLink };

void xs_files_get_available(xsMachine *the)
{
	xsmcSetBoolean(xsResult, NULL != gxDevice.flashPath);
}

void xs_files_use(xsMachine *the)
{
	fileRootUse(the, xsmcToString(xsArg(0)));
}

/* A change of names lasts once its folder is on disk. */
static int changed(int result, int folder)
{
	return (result < 0) ? result : fsync(folder);
}

void xs_files_delete(xsMachine *the)
{
	filePath path;
	int result;

	filePathTake(the, &xsArg(0), &path);
	result = filePathOpen(&path, fileRoot(the));
	if (!result) {
		result = unlinkat(path.folder, path.name, 0);
		if ((result < 0) && (EISDIR == errno))
			result = unlinkat(path.folder, path.name, AT_REMOVEDIR);
		result = changed(result, path.folder);
	}
	xsmcSetBoolean(xsResult, !result);
	if ((result < 0) && (ENOENT == errno))
		result = 0;
	filePathDone(the, &path, result);
}

void xs_files_move(xsMachine *the)
{
	filePath from, to;
	int result, root;

	filePathTake(the, &xsArg(0), &from);
	filePathTake(the, &xsArg(1), &to);
	root = fileRoot(the);
	result = filePathOpen(&from, root);
	if (!result)
		result = filePathOpen(&to, root);
	if (!result)
		result = changed(renameat(from.folder, from.name, to.folder, to.name), to.folder);
	filePathClose(&to);
	filePathDone(the, &from, result);
}

void xs_files_createDirectory(xsMachine *the)
{
	struct stat status;
	filePath path;
	int result, made = 0;

	filePathTake(the, &xsArg(0), &path);
	result = filePathOpen(&path, fileRoot(the));
	if (!result) {
		result = changed(mkdirat(path.folder, path.name, 0700), path.folder);
		made = !result;
		if ((result < 0) && (EEXIST == errno)) {
			if (!fstatat(path.folder, path.name, &status, AT_SYMLINK_NOFOLLOW) && S_ISDIR(status.st_mode))
				result = 0;
			errno = EEXIST;
		}
	}
	filePathDone(the, &path, result);
	xsmcSetBoolean(xsResult, made);
}

static int kindOf(mode_t mode)
{
	if (S_ISREG(mode))
		return kindFile;
	if (S_ISDIR(mode))
		return kindDirectory;
	return S_ISLNK(mode) ? kindLink : kindNone;
}

/* Fills the status xsArg(1) of the path xsArg(0). */
void xs_files_look(xsMachine *the)
{
	struct stat status;
	filePath path;
	int result, kind = kindNone;

	xsmcVars(1);
	filePathTake(the, &xsArg(0), &path);
	result = filePathOpen(&path, fileRoot(the));
	if (!result)
		result = fstatat(path.folder, path.name, &status, AT_SYMLINK_NOFOLLOW);
	if (!result)
		kind = kindOf(status.st_mode);
	else if ((ENOENT == errno) || (ENOTDIR == errno) || (ELOOP == errno))
		result = 0;
	filePathDone(the, &path, result);
	xsmcSetInteger(xsVar(0), kind);
	xsmcSet(xsArg(1), xsID_kind, xsVar(0));
	xsmcSetNumber(xsVar(0), (kindFile == kind) ? (xsNumberValue)status.st_size : 0);
	xsmcSet(xsArg(1), xsID_size, xsVar(0));
	xsResult = xsArg(1);
}

/*
	names in a directory
*/

void xs_scan_destructor(void *data)
{
	if (data)
		closedir(data);
}

void xs_scan_constructor(xsMachine *the)
{
	int root = fileRoot(the), fd = -1;
	DIR *folder = NULL;
	filePath path;

	// As Moddable's: an empty path is the directory itself, and undefined a name like any other.
	if (xsmcToString(xsArg(0))[0]) {
		filePathTake(the, &xsArg(0), &path);
		if (!filePathOpen(&path, root))
			fd = openat(path.folder, path.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		filePathDone(the, &path, fd);
	}
	else
		/* Not a copy of the root: the two would share the position. */
		fd = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		folder = fdopendir(fd);
	if (NULL == folder) {
		if (fd >= 0)
			close(fd);
		fileFail(the, "scanning a directory");
	}
	xsmcSetHostData(xsThis, folder);
}

void xs_scan_read(xsMachine *the)
{
	DIR *folder = xsmcGetHostDataValidate(xsThis, xs_scan_destructor);
	struct dirent *entry;

	if (NULL == folder)
		return;
	do
		entry = readdir(folder);
	while (entry && fileNameIsBad(entry->d_name, strlen(entry->d_name)));
	if (entry) {
		xsmcSetString(xsResult, entry->d_name);
		return;
	}
	xsmcSetHostData(xsThis, NULL);
	closedir(folder);
}

void xs_scan_close(xsMachine *the)
{
	DIR *folder = xsmcGetHostDataValidate(xsThis, xs_scan_destructor);

	xsmcSetHostData(xsThis, NULL);
	xs_scan_destructor(folder);
}
