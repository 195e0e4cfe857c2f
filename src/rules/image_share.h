/*
 * image_share.h
 *		The image that all processes match with, in shared memory.
 */
#ifndef HOMEO_IMAGE_SHARE_H
#define HOMEO_IMAGE_SHARE_H

#include "rules/image_file.h"
#include "storage/dsm.h"
#include "utils/timestamp.h"

/* What is told of a shared image beside itself. */
typedef struct HomeoImageNews
{
	TimestampTz at;				/* when it was published */
	double		milliseconds;	/* that it took to compile; 0: it was stored */
	const char *problem;		/* why something of it is missing, or NULL */
} HomeoImageNews;

/* An image that this process has attached. */
typedef struct HomeoImageMapping
{
	uint64		generation;
	dsm_segment *segment;
	const HomeoImage *image;
} HomeoImageMapping;

extern void homeo_image_share_init(void);

/*
 * Number of the image that is shared now, each time another one; 0: none ever
 * was, or this server has no shared memory for it.
 */
extern uint64 homeo_image_share_generation(void);

/*
 * Attaches the image of these rules, read only, until it is detached.  NULL:
 * there is none.
 */
extern HomeoImageMapping *homeo_image_share_attach(HomeoImageOrigin origin);
extern void homeo_image_share_detach(HomeoImageMapping *mapping);

/*
 * Shares a copy of an image instead of the one before, which is freed when the
 * last process has detached it.  Raises an error when there is no room.
 */
extern void homeo_image_share_publish(const HomeoImage *image,
									  HomeoImageOrigin origin,
									  const HomeoImageNews *news);

/* What was told of the one that is shared. */
extern HomeoImageNews homeo_image_share_news(void);

/* Shares none from now on; problem, unless it is NULL, says why. */
extern void homeo_image_share_withdraw(const char *problem);

/*
 * Rules have changed: whoever compiles has something to do.  Wanted is how often
 * that was said, which is done when he says so of the same number.
 */
extern void homeo_image_share_want(void);
extern void homeo_image_share_want_at_end(void);
extern bool homeo_image_share_is_wanted_at_end(void);
extern uint64 homeo_image_share_wanted(void);
extern void homeo_image_share_note_done(uint64 wanted);
extern bool homeo_image_share_is_due(void);

#endif							/* HOMEO_IMAGE_SHARE_H */
