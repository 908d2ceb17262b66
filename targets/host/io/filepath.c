/*
 * Paths of the device's file system, a folder of the host machine that nothing leads out of.
 *
 * A path is taken apart here, "." and ".." are refused, and each part is opened below the one before it without following
 * symbolic links: what someone puts into the folder cannot change where a path ends.
 */
#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "filepath.h"
#include "host.h"

static int gxRoot = -1;

void fileFail(xsMachine *the, const char *what)
{
	xsUnknownError("%s: %s", what, strerror(errno));
}

void fileRootUse(xsMachine *the, const char *folder)
{
	int fd;

	if (mkdir(folder, 0700) && (EEXIST != errno))
		fileFail(the, folder);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		fileFail(the, folder);
	if (gxRoot >= 0)
		close(gxRoot);
	gxRoot = fd;
}

int fileRoot(xsMachine *the)
{
	char folder[4096];

	if (gxRoot >= 0)
		return gxRoot;
	if (NULL == gxDevice.flashPath)
		xsUnknownError("this device has no flash to keep files in");
	snprintf(folder, sizeof(folder), "%s.files", gxDevice.flashPath);
	fileRootUse(the, folder);
	return gxRoot;
}

int fileNameIsBad(const char *name, size_t length)
{
	if (!length || (length > kLongestName))
		return 1;
	return ((1 == length) && ('.' == name[0])) || ((2 == length) && ('.' == name[0]) && ('.' == name[1]));
}

void filePathTake(xsMachine *the, xsSlot *slot, filePath *path)
{
	const char *string = xsmcToString(*slot);
	size_t length = strlen(string), start = 0, at;

	if (length > kLongestPath)
		xsUnknownError("path is too long");
	memcpy(path->text, string, length + 1);
	path->folder = -1;
	path->name = path->text;
	for (at = 0; at <= length; at++) {
		if ((at < length) && ('/' != path->text[at]))
			continue;
		if (fileNameIsBad(path->text + start, at - start))
			xsUnknownError("bad path");
		path->name = path->text + start;
		start = at + 1;
	}
}

int filePathOpen(filePath *path, int root)
{
	char *part = path->text, *slash;

	path->folder = fcntl(root, F_DUPFD_CLOEXEC, 3);
	while ((path->folder >= 0) && (slash = strchr(part, '/'))) {
		int next;

		*slash = 0;
		next = openat(path->folder, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		*slash = '/';
		close(path->folder);
		path->folder = next;
		part = slash + 1;
	}
	return (path->folder < 0) ? -1 : 0;
}

void filePathClose(filePath *path)
{
	int error = errno;

	if (path->folder >= 0)
		close(path->folder);
	path->folder = -1;
	errno = error;
}

void filePathDone(xsMachine *the, filePath *path, int result)
{
	filePathClose(path);
	if (result < 0)
		fileFail(the, path->text);
}
