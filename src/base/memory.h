/*
 * memory.h
 *		A worker's share of homeostasis.memory_limit, and what it uses of it.
 */
#ifndef HOMEO_MEMORY_H
#define HOMEO_MEMORY_H

/* Bytes that this worker may use. */
extern int64 homeo_memory_share(void);

/* Bytes that this process has allocated in its memory contexts. */
extern int64 homeo_memory_used(void);

/*
 * The most that was used at the places that call homeo_memory_note() since
 * homeo_memory_begin().
 */
extern void homeo_memory_begin(void);
extern void homeo_memory_note(void);
extern int64 homeo_memory_peak(void);

#endif							/* HOMEO_MEMORY_H */
