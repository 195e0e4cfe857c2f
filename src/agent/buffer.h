/*
 * buffer.h
 *		Bytes that grow.
 *
 * A buffer that is all zero is empty.  The program ends, saying so, when
 * there is no memory: everything that grows with its input has a limit
 * elsewhere.
 */
#ifndef HOMEO_AGENT_BUFFER_H
#define HOMEO_AGENT_BUFFER_H

#include <stddef.h>

#include "agent/span.h"

typedef struct HomeoBuffer
{
	char	   *data;			/* always with a NUL behind, unless NULL */
	size_t		len;
	size_t		room;
} HomeoBuffer;

extern void *agent_allocate(size_t size);
extern void *agent_reallocate(void *memory, size_t size);
extern char *agent_copy_string(const char *string);

/* Makes room for n more bytes behind the last one, and returns where. */
extern char *agent_buffer_room(HomeoBuffer *buffer, size_t n);
extern void agent_buffer_add(HomeoBuffer *buffer, const void *data,
							 size_t len);
extern void agent_buffer_add_string(HomeoBuffer *buffer, const char *string);
extern void agent_buffer_add_char(HomeoBuffer *buffer, char c);
extern void agent_buffer_print(HomeoBuffer *buffer, const char *format,...)
			__attribute__((format(printf, 2, 3)));

/* Takes the first n bytes away. */
extern void agent_buffer_drop(HomeoBuffer *buffer, size_t n);
extern void agent_buffer_clear(HomeoBuffer *buffer);
extern void agent_buffer_free(HomeoBuffer *buffer);

static inline HomeoSpan
agent_buffer_span(const HomeoBuffer *buffer)
{
	return agent_span(buffer->len > 0 ? buffer->data : "", buffer->len);
}

#endif							/* HOMEO_AGENT_BUFFER_H */
