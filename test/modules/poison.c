/*
 * poison.c
 *		A scanner that crashes at some texts, for a server that is started with
 *		it in LD_PRELOAD.
 *
 * Stands in front of Vectorscan's hs_scan(): a text in which the words "deadly
 * poison" are ends the process, as a fault in a library would.  Only when it is
 * held against rules: the filter of the scrubber, which has no use for a
 * context, looks at it in whoever reports.
 */
#include <dlfcn.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include <hs.h>

#define EXPORT __attribute__((visibility("default")))

extern EXPORT hs_error_t HS_CDECL hs_scan(const hs_database_t *db,
										  const char *data,
										  unsigned int length,
										  unsigned int flags,
										  hs_scratch_t *scratch,
										  match_event_handler on_event,
										  void *context);

hs_error_t HS_CDECL
hs_scan(const hs_database_t *db, const char *data, unsigned int length,
		unsigned int flags, hs_scratch_t *scratch,
		match_event_handler on_event, void *context)
{
	static const char words[] = "deadly poison";
	hs_error_t(*real) (const hs_database_t *, const char *, unsigned int,
					   unsigned int, hs_scratch_t *, match_event_handler,
					   void *) = dlsym(RTLD_NEXT, "hs_scan");

	if (context != NULL &&
		memmem(data, length, words, sizeof(words) - 1) != NULL)
	{
		struct rlimit none = {0, 0};

		/* The core that it would leave is nobody's need. */
		setrlimit(RLIMIT_CORE, &none);
		raise(SIGSEGV);
	}
	return real(db, data, length, flags, scratch, on_event, context);
}
