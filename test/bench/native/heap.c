/*
 * Counts the C heap of a device: loaded before all other libraries, it stands between the program and malloc. The figures
 * go into a file that is mapped, so that they survive a restart (execve) and a power cut (SIGKILL).
 *
 * What is there when the event loop begins is not counted: on the host it is the source text, the parser and the root
 * machine, which on a device lie in flash. The loop begins where the runtime makes its eventfd.
 *
 *   BENCH_HEAP       the file, FLEETLING_RESET  "reason:boot", as the runtime hands it to its next boot
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#define kBoots 16

typedef struct {
	_Atomic int64_t live, base, peak; /* bytes; the peak is that of what is live beyond the base */
} Figures;

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *block);

static Figures beforeFile, *figures = &beforeFile;
static _Atomic int counting;

__attribute__((constructor)) static void start(void)
{
	const char *path = getenv("BENCH_HEAP"), *reset = getenv("FLEETLING_RESET");
	unsigned reason, boot = 1;
	Figures *all;
	int file;

	if (!path)
		return;
	if (!reset || (2 != sscanf(reset, "%u:%u", &reason, &boot)) || (boot < 1) || (boot > kBoots))
		boot = 1;
	file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if ((file < 0) || ftruncate(file, kBoots * sizeof(Figures)))
		return;
	all = mmap(NULL, kBoots * sizeof(Figures), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	close(file);
	if (MAP_FAILED == all)
		return;
	all[boot - 1].live = beforeFile.live;
	figures = &all[boot - 1];
}

static void count(int64_t bytes)
{
	int64_t live = (figures->live += bytes);

	if (counting && (live - figures->base > figures->peak))
		figures->peak = live - figures->base;
}

static void *added(void *block)
{
	if (block)
		count((int64_t)malloc_usable_size(block));
	return block;
}

void *malloc(size_t size)
{
	return added(__libc_malloc(size));
}

void *calloc(size_t number, size_t size)
{
	return added(__libc_calloc(number, size));
}

void *memalign(size_t alignment, size_t size)
{
	return added(__libc_memalign(alignment, size));
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return memalign(alignment, size);
}

void *realloc(void *block, size_t size)
{
	int64_t before = block ? (int64_t)malloc_usable_size(block) : 0;
	void *result = __libc_realloc(block, size);

	if (result || (0 == size))
		count((result ? (int64_t)malloc_usable_size(result) : 0) - before);
	return result;
}

void free(void *block)
{
	if (block)
		count(-(int64_t)malloc_usable_size(block));
	__libc_free(block);
}

int eventfd(unsigned int value, int flags)
{
	int (*next)(unsigned int, int) = (int (*)(unsigned int, int))dlsym(RTLD_NEXT, "eventfd");

	if (!counting) {
		figures->base = figures->live;
		counting = 1;
	}
	return next(value, flags);
}
