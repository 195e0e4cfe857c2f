/*
 * stack_keep.h
 *		Keeps the errors of a text in order of rank, and as many of their
 *		frames as there is room for.
 */
#ifndef HOMEO_STACK_KEEP_H
#define HOMEO_STACK_KEEP_H

#include "text/stack_language.h"
#include "text/stacktrace.h"

/*
 * Forgets all errors and frames, but not what is pending; the current one is
 * pending again.
 */
extern void homeo_stack_keep_reset(HomeoStackParser *parser);

/*
 * An error may begin with this line, which is at these bytes of the text: it
 * is pending until something belongs to it.
 */
extern void homeo_stack_keep_begin(HomeoStackParser *parser,
								   const HomeoStackReading *reading,
								   HomeoSlice line, size_t begin, size_t end);

/* Begins the error that is pending; frames go to it from now on. */
extern void homeo_stack_keep_open(HomeoStackParser *parser);

/* The frames of what is read are in this order, if it has none yet. */
extern void homeo_stack_keep_order(HomeoStackParser *parser,
								   HomeoStackOrder order);

/* What follows is of the error that the current one is the cause of. */
extern void homeo_stack_keep_return(HomeoStackParser *parser);

/* A frame of the error that was opened last, or returned to. */
extern void homeo_stack_keep_frame(HomeoStackParser *parser,
								   HomeoStackReading *reading);

/* File and line of the frame before, which had none. */
extern void homeo_stack_keep_place(HomeoStackParser *parser,
								   const HomeoFrame *found);

/* Puts frames and errors in order, and fills in the parser's results. */
extern void homeo_stack_keep_end(HomeoStackParser *parser);

#endif							/* HOMEO_STACK_KEEP_H */
