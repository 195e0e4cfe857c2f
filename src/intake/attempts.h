/*
 * attempts.h
 *		Keeps an event that crashes the server from doing so for ever.
 *
 * What the journal has survives a crash, and so does whatever caused it.  So
 * before a consumer stores what an earlier life of the server has left, it
 * notes that in a file; a life that finds such a note knows that its
 * predecessor ended there.
 */
#ifndef HOMEO_ATTEMPTS_H
#define HOMEO_ATTEMPTS_H

/* What to do with the block at a position. */
typedef enum HomeoAttempt
{
	HOMEO_ATTEMPT_BATCH,		/* with others */
	HOMEO_ATTEMPT_ALONE,
	HOMEO_ATTEMPT_REJECT		/* the server has crashed at it again and
								 * again */
} HomeoAttempt;

/*
 * Reads what the life before this one noted.  The first consumer forgets what
 * those noted that are no more: others have their blocks now, and begin anew.
 */
extern void homeo_attempts_begin(int consumer);

extern HomeoAttempt homeo_attempts_next(uint64 position);

/* What begins at position and ends before end will be tried now. */
extern void homeo_attempts_note(int consumer, uint64 position, uint64 end);

/* The consumer ends in an orderly way, or is past what was left. */
extern void homeo_attempts_end(int consumer);

#endif							/* HOMEO_ATTEMPTS_H */
