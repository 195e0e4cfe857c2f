/*
 * executable.c
 *		Tells the constants of the server's own program from those of
 *		libraries.
 *
 * The address of a constant says who compiled it: the program's read-only
 * segments are mapped once, when it starts, and nothing that SQL can do puts
 * other text there.  What is loaded later - procedural languages, contrib,
 * any other extension - has segments of its own, and what was copied or came
 * from another process lies in memory that can be written to.
 *
 * homeo_executable_holds() compares two numbers: it is safe inside the log
 * hook.  They are set before the server forks and never change.
 */
#include "postgres.h"

#include "base/executable.h"

#include <link.h>

/* The read-only segments, from the first to the end of the last. */
static uintptr_t first = UINTPTR_MAX;
static uintptr_t end = 0;

static int
note_segments(struct dl_phdr_info *info, size_t size, void *arg)
{
	for (int i = 0; i < info->dlpi_phnum; i++)
	{
		const		ElfW(Phdr) * segment = &info->dlpi_phdr[i];
		uintptr_t	begin = info->dlpi_addr + segment->p_vaddr;

		if (segment->p_type != PT_LOAD || (segment->p_flags & PF_W) != 0)
			continue;
		first = Min(first, begin);
		end = Max(end, begin + segment->p_memsz);
	}
	/* The program comes first; the libraries behind it are not wanted. */
	return 1;
}

/* Called from _PG_init. */
void
homeo_executable_init(void)
{
	(void) dl_iterate_phdr(note_segments, NULL);
}

/* Is this the address of a constant of the server's program? */
bool
homeo_executable_holds(const void *constant)
{
	uintptr_t	address = (uintptr_t) constant;

	return address >= first && address < end;
}
