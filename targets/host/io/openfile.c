/*
 * One open file of the device's file system. Host data are the descriptor and one, so that there is always something.
 */
#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "filepath.h"

void xs_file_destructor(void *data)
{
	if (data)
		close((int)(intptr_t)data - 1);
}

static int fileGet(xsMachine *the)
{
	intptr_t data = (intptr_t)xsmcGetHostDataValidate(xsThis, xs_file_destructor);

	if (!data)
		xsUnknownError("closed");
	return (int)data - 1;
}

static int modeOf(xsMachine *the, const char *text)
{
	if (!strcmp(text, "r"))
		return O_RDONLY;
	if (!strcmp(text, "r+"))
		return O_RDWR;
	if (!strcmp(text, "w"))
		return O_WRONLY | O_CREAT | O_TRUNC;
	if (strcmp(text, "w+"))
		xsUnknownError("invalid mode");
	return O_RDWR | O_CREAT | O_TRUNC;
}

void xs_file_constructor(xsMachine *the)
{
	int mode = O_RDONLY, fd = -1;
	struct stat status;
	filePath path;

	xsmcVars(1);
	xsmcGet(xsVar(0), xsArg(0), xsID_mode);
	if (xsUndefinedType != xsmcTypeOf(xsVar(0)))
		mode = modeOf(the, xsmcToString(xsVar(0)));
	xsmcGet(xsVar(0), xsArg(0), xsID_path);
	filePathTake(the, &xsVar(0), &path);
	/* Without waiting: a pipe that someone put there must not hold the device up. */
	if (!filePathOpen(&path, fileRoot(the)))
		fd = openat(path.folder, path.name, mode | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	if ((fd >= 0) && !fstat(fd, &status) && !S_ISREG(status.st_mode)) {
		close(fd);
		fd = -1;
		errno = EISDIR;
	}
	filePathDone(the, &path, fd);
	xsmcSetHostData(xsThis, (void *)(intptr_t)(fd + 1));
}

void xs_file_close(xsMachine *the)
{
	void *data = xsmcGetHostDataValidate(xsThis, xs_file_destructor);

	xsmcSetHostData(xsThis, NULL);
	xs_file_destructor(data);
}

static off_t positionOf(xsMachine *the, xsSlot *slot)
{
	xsNumberValue position = xsmcToNumber(*slot);

	if (!(position >= 0) || (position > 0x7fffffff))
		xsRangeError("invalid position");
	return (off_t)position;
}

void xs_file_read(xsMachine *the)
{
	int fd = fileGet(the);
	off_t position = positionOf(the, &xsArg(1));
	xsUnsignedValue length, done = 0;
	ssize_t count = 1;
	void *bytes;

	xsmcGetBufferWritable(xsArg(0), &bytes, &length);
	while ((done < length) && count) {
		count = pread(fd, (char *)bytes + done, length - done, position + done);
		if (count < 0)
			fileFail(the, "reading a file");
		done += count;
	}
	xsmcSetInteger(xsResult, done);
}

void xs_file_write(xsMachine *the)
{
	int fd = fileGet(the);
	off_t position = positionOf(the, &xsArg(1));
	xsUnsignedValue length, done = 0;
	void *bytes;

	xsmcGetBufferReadable(xsArg(0), &bytes, &length);
	while (done < length) {
		ssize_t count = pwrite(fd, (char *)bytes + done, length - done, position + done);

		if (count < 0)
			fileFail(the, "writing a file");
		done += count;
	}
}

void xs_file_setSize(xsMachine *the)
{
	int fd = fileGet(the);

	if (ftruncate(fd, positionOf(the, &xsArg(0))))
		fileFail(the, "setting the size of a file");
}

void xs_file_flush(xsMachine *the)
{
	if (fsync(fileGet(the)))
		fileFail(the, "flushing a file");
}

void xs_file_length(xsMachine *the)
{
	struct stat status;

	if (fstat(fileGet(the), &status))
		fileFail(the, "looking at a file");
	xsmcSetNumber(xsResult, (xsNumberValue)status.st_size);
}
