/*
 * Paths of the device's file system: see filepath.c.
 */
#ifndef __FLEETLING_FILEPATH__
#define __FLEETLING_FILEPATH__

/* littlefs's limits for a name and, in practice, for a path. */
#define kLongestName 255
#define kLongestPath 511

typedef struct {
	char text[kLongestPath + 1]; /* a copy: strings of the machine move */
	const char *name;            /* the last part, in `text` */
	int folder;                  /* that the last part is in, once open; -1 before */
} filePath;

/* The folder that stands for the file system, opened if need be. Throws when there is none. */
extern int fileRoot(xsMachine *the);
extern void fileRootUse(xsMachine *the, const char *folder);

/* Whether a name stands for something other than itself. */
extern int fileNameIsBad(const char *name, size_t length);

/* Takes a path from the machine; throws when it has not the form of one. Nothing is open afterwards. */
extern void filePathTake(xsMachine *the, xsSlot *slot, filePath *path);
/* Opens the folder of the last part. Returns 0, or -1 with errno. */
extern int filePathOpen(filePath *path, int root);
extern void filePathClose(filePath *path);
/* Closes the path; throws errno unless `result` is 0 or more. */
extern void filePathDone(xsMachine *the, filePath *path, int result);

/* Throws errno. */
extern void fileFail(xsMachine *the, const char *what);

#endif
