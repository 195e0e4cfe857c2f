/*
 * buffer.c
 *		Bytes that grow.
 */
#include "agent/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void *
agent_reallocate(void *memory, size_t size)
{
	void	   *result = realloc(memory, size > 0 ? size : 1);

	if (result == NULL)
	{
		fputs("homeostasis-agent: out of memory\n", stderr);
		exit(1);
	}
	return result;
}

/* All zero. */
void *
agent_allocate(size_t size)
{
	void	   *result = agent_reallocate(NULL, size);

	memset(result, 0, size);
	return result;
}

char *
agent_copy_string(const char *string)
{
	size_t		size = strlen(string) + 1;

	return memcpy(agent_reallocate(NULL, size), string, size);
}

char *
agent_buffer_room(HomeoBuffer *buffer, size_t n)
{
	if (buffer->room < buffer->len + n + 1)
	{
		size_t		room = buffer->room < 128 ? 128 : buffer->room;

		while (room < buffer->len + n + 1)
			room *= 2;
		buffer->data = agent_reallocate(buffer->data, room);
		buffer->room = room;
	}
	return buffer->data + buffer->len;
}

void
agent_buffer_add(HomeoBuffer *buffer, const void *data, size_t len)
{
	if (len > 0)
		memcpy(agent_buffer_room(buffer, len), data, len);
	else
		(void) agent_buffer_room(buffer, 0);
	buffer->len += len;
	buffer->data[buffer->len] = '\0';
}

void
agent_buffer_add_string(HomeoBuffer *buffer, const char *string)
{
	agent_buffer_add(buffer, string, strlen(string));
}

void
agent_buffer_add_char(HomeoBuffer *buffer, char c)
{
	agent_buffer_add(buffer, &c, 1);
}

void
agent_buffer_print(HomeoBuffer *buffer, const char *format,...)
{
	va_list		args;
	int			len;
	char	   *room;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len < 0)
		return;
	room = agent_buffer_room(buffer, (size_t) len);
	va_start(args, format);
	(void) vsnprintf(room, (size_t) len + 1, format, args);
	va_end(args);
	buffer->len += (size_t) len;
}

void
agent_buffer_drop(HomeoBuffer *buffer, size_t n)
{
	if (n == 0)
		return;
	if (n > buffer->len)
		n = buffer->len;
	memmove(buffer->data, buffer->data + n, buffer->len - n);
	buffer->len -= n;
	buffer->data[buffer->len] = '\0';
}

void
agent_buffer_clear(HomeoBuffer *buffer)
{
	buffer->len = 0;
	if (buffer->data != NULL)
		buffer->data[0] = '\0';
}

void
agent_buffer_free(HomeoBuffer *buffer)
{
	free(buffer->data);
	memset(buffer, 0, sizeof(*buffer));
}
