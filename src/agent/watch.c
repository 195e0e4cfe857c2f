/*
 * watch.c
 *		Which files hold which streams: finds new ones, and those that moved.
 *
 * A file that a stream is being read from stays open, so that renaming and
 * removing it changes nothing.  What this looks for is the rest: a path that
 * leads to a new file, a file that was truncated after it was copied, and,
 * after a pause, where the files are now that were read before it.
 *
 * A copy is known by what it holds, and by its name: it is beside the
 * original and called like it, as app.log.1, app.log-20260131.gz, app-1.log.
 */
#include "agent/watch.h"

#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/say.h"

/* How long to look for a copy of what was truncated, and for the rest of one. */
#define RESCUE_TIME		(10 * AGENT_SECOND)

/* After so long a file that is gone is forgotten. */
#define FORGET_SECONDS	(48 * 3600)

/* A first line that isn't complete is waited for so long. */
#define FIRST_LINE_TIME	(5 * AGENT_SECOND)

typedef struct HomeoRefusal
{
	char	   *path;
	struct HomeoRefusal *next;
} HomeoRefusal;

/* Says once what is wrong with a path. */
static void
complain(HomeoWatch *watch, const char *path, const char *problem)
{
	HomeoRefusal *r;

	for (r = watch->refusals; r != NULL; r = r->next)
	{
		if (strcmp(r->path, path) == 0)
			return;
	}
	r = agent_allocate(sizeof(HomeoRefusal));
	r->path = agent_copy_string(path);
	r->next = watch->refusals;
	watch->refusals = r;
	agent_warn("%s is not read: %s", path, problem);
}

static HomeoStream *
stream_in(HomeoWatch *watch, const struct stat *st)
{
	HomeoStream *s;

	for (s = watch->streams; s != NULL; s = s->next)
	{
		if (s->inode == st->st_ino && s->device == st->st_dev && s->inode != 0)
			return s;
	}
	return NULL;
}

/* The stream that the file was a copy of, if it is as it was then. */
static HomeoStream *
copied_in(HomeoWatch *watch, const struct stat *st)
{
	HomeoCopy **link = &watch->copies;

	for (; *link != NULL; link = &(*link)->next)
	{
		HomeoCopy  *c = *link;
		HomeoStream *stream = c->stream;

		if (c->inode != st->st_ino || c->device != st->st_dev)
			continue;
		if (c->size == st->st_size)
			return stream;
		*link = c->next;
		free(c);
		return NULL;
	}
	return NULL;
}

static void
forget_copies(HomeoWatch *watch, const HomeoStream *stream)
{
	HomeoCopy **link = &watch->copies;

	while (*link != NULL)
	{
		HomeoCopy  *c = *link;

		if (c->stream != stream)
		{
			link = &c->next;
			continue;
		}
		*link = c->next;
		free(c);
	}
}

/* ----------------------------------------------------------------
 * Names
 * ----------------------------------------------------------------
 */

static HomeoSpan
base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return agent_span_string(slash == NULL ? path : slash + 1);
}

static bool
has_digit(HomeoSpan s)
{
	for (size_t i = 0; i < s.len; i++)
	{
		if (agent_is_digit(s.data[i]))
			return true;
	}
	return false;
}

static bool
is_separator(char c)
{
	return c == '.' || c == '-' || c == '_';
}

/* Is the name what a rotated file called original may be called? */
static bool
is_rotated_name(HomeoSpan name, HomeoSpan original)
{
	const char *dot;
	size_t		stem;

	if (name.len > original.len &&
		memcmp(name.data, original.data, original.len) == 0 &&
		is_separator(name.data[original.len]))
		return true;
	dot = memrchr(original.data, '.', original.len);
	stem = dot == NULL ? original.len : (size_t) (dot - original.data);
	return stem > 0 && name.len > stem &&
		memcmp(name.data, original.data, stem) == 0 &&
		is_separator(name.data[stem]) && has_digit(agent_span_from(name, stem));
}

/* Is the file beside the stream's, and called like it? */
static bool
is_sibling(const HomeoStream *stream, const char *real)
{
	HomeoSpan	name = base_of(real);
	HomeoSpan	original = base_of(stream->real);
	size_t		directory = (size_t) (original.data - stream->real);

	return directory == (size_t) (name.data - real) &&
		memcmp(stream->real, real, directory) == 0 &&
		is_rotated_name(name, original);
}

/* ----------------------------------------------------------------
 * Streams whose file went away
 * ----------------------------------------------------------------
 */

static void
lose(HomeoWatch *watch, HomeoStream *stream)
{
	agent_source_close(&stream->source);
	stream->device = 0;
	stream->inode = 0;
	stream->lost = true;
	stream->rescue_until = agent_ticks() + RESCUE_TIME;
	watch->changed = true;
}

/* Another stream's file was overwritten with what is a copy of this one. */
static void
disown(HomeoWatch *watch, const struct stat *st)
{
	HomeoStream *owner = stream_in(watch, st);

	if (owner == NULL)
		return;
	owner->device = 0;
	owner->inode = 0;
}

/* Reads on in the file, if it has what was read of the stream. */
static bool
try_attach(HomeoWatch *watch, HomeoStream *stream, const char *path)
{
	HomeoSource source;
	struct stat st;

	if (!agent_source_open(&source, path))
		return false;
	if (!agent_source_stat(&source, &st) || !S_ISREG(st.st_mode) ||
		agent_stream_in(stream, &source) != HOMEO_IS_IN)
	{
		agent_source_close(&source);
		return false;
	}
	disown(watch, &st);
	agent_stream_attach(stream, &source, &st);
	forget_copies(watch, stream);
	watch->changed = true;
	/* It may have been truncated between the two. */
	if (agent_stream_in(stream, &stream->source) == HOMEO_IS_IN)
		return true;
	lose(watch, stream);
	return false;
}

/*
 * Looks for a lost stream among the files beside where it was: first for its
 * own file under another name, then for a copy, the latest first.
 */
static bool
rescue(HomeoWatch *watch, HomeoStream *stream, uint64_t device, uint64_t inode)
{
	char		directory[PATH_MAX];
	char		found[PATH_MAX] = "";
	int64_t		latest = INT64_MIN;
	DIR		   *dir;
	struct dirent *entry;

	snprintf(directory, sizeof(directory), "%.*s",
			 (int) (base_of(stream->real).data - stream->real), stream->real);
	dir = opendir(directory[0] == '\0' ? "." : directory);
	if (dir == NULL)
		return false;
	/* cppcheck-suppress readdirCalled */
	while ((entry = readdir(dir)) != NULL)
	{
		char		path[2 * PATH_MAX];
		struct stat st;
		HomeoStream *owner;
		HomeoSource source;
		bool		own;

		snprintf(path, sizeof(path), "%s%s", directory, entry->d_name);
		if (stat(path, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size == 0)
			continue;
		own = inode != 0 && st.st_ino == inode && st.st_dev == device;
		owner = stream_in(watch, &st);
		if (!own && (!is_sibling(stream, path) || owner == stream ||
					 (owner != NULL && agent_stream_is_open(owner)) ||
					 st.st_mtim.tv_sec <= latest))
			continue;
		if (strlen(path) >= sizeof(found) || !agent_source_open(&source, path))
			continue;
		if (agent_stream_in(stream, &source) == HOMEO_IS_IN)
		{
			latest = own ? INT64_MAX : st.st_mtim.tv_sec;
			strcpy(found, path);
		}
		agent_source_close(&source);
		if (latest == INT64_MAX)
			break;
	}
	closedir(dir);
	if (found[0] == '\0' || !try_attach(watch, stream, found))
		return false;
	if (!stream->found_said)
		agent_inform("%s goes on in %s, from byte %lld", stream->path, found,
					 (long long) agent_stream_next(stream));
	stream->found_said = true;
	return true;
}

/* A stream that nobody will find again: what is left of it, is lost. */
static void
give_up(HomeoWatch *watch, HomeoStream *stream)
{
	int64_t		left = stream->size - agent_stream_next(stream);

	if (stream->lost && left > 0 && stream->size > 0)
	{
		watch->lost_bytes += left;
		agent_warn("%s was truncated or removed before it was read: %lld bytes, from byte %lld, are lost",
				   stream->path, (long long) left,
				   (long long) agent_stream_next(stream));
	}
	stream->lost = false;
	stream->ending = true;
}

void
agent_watch_end(HomeoWatch *watch, HomeoStream *stream)
{
	agent_source_close(&stream->source);
	agent_buffer_free(&stream->bytes);
	stream->start = 0;
	stream->gone = agent_now() / AGENT_SECOND;
	watch->changed = true;
}

/* ----------------------------------------------------------------
 * Files
 * ----------------------------------------------------------------
 */

/*
 * Is the file a copy of what the stream's own file begins with?  Of one that
 * is compressed only the beginning is compared: when the stream has been
 * read to its end, it is compared again.
 */
static HomeoPresence
is_copy_of_open(HomeoStream *stream, HomeoSource *source,
				const struct stat *st)
{
	char		mine[AGENT_HEAD];
	char		its[AGENT_HEAD];
	ssize_t		n = agent_source_read(source, 0, its, sizeof(its));
	ssize_t		m = agent_source_read(&stream->source, 0, mine, sizeof(mine));
	int64_t		last;

	if (n == AGENT_SOURCE_INCOMPLETE || m == AGENT_SOURCE_INCOMPLETE)
		return HOMEO_MAY_BE_IN;
	if (n <= 0 || m < n || memcmp(mine, its, (size_t) n) != 0)
		return HOMEO_NOT_IN;
	if (source->gz != NULL || stream->source.gz != NULL)
		return HOMEO_IS_IN;
	last = st->st_size - n;
	return last >= 0 &&
		agent_source_read_all(source, last, its, (size_t) n) &&
		agent_source_read_all(&stream->source, last, mine, (size_t) n) &&
		memcmp(mine, its, (size_t) n) == 0 ? HOMEO_IS_IN : HOMEO_NOT_IN;
}

static void
note_copy(HomeoWatch *watch, HomeoStream *stream, const struct stat *st)
{
	HomeoCopy  *c = agent_allocate(sizeof(HomeoCopy));

	c->device = st->st_dev;
	c->inode = st->st_ino;
	c->size = st->st_size;
	c->stream = stream;
	c->next = watch->copies;
	watch->copies = c;
}

/*
 * The stream that a file, which none is read from, is a copy of: one that is
 * read from another file, or one that has no file, of these the one that was
 * read furthest.  *wait: that cannot be told before the file is complete.
 */
static HomeoStream *
find_original(HomeoWatch *watch, const char *real, HomeoSource *source,
			  const struct stat *st, bool *wait)
{
	HomeoStream *found = NULL;

	*wait = false;
	for (HomeoStream *s = watch->streams; s != NULL; s = s->next)
	{
		HomeoPresence presence;

		if (!is_sibling(s, real))
			continue;
		if (agent_stream_is_open(s))
		{
			presence = is_copy_of_open(s, source, st);
			if (presence == HOMEO_IS_IN)
				return s;
			*wait |= presence == HOMEO_MAY_BE_IN;
			/* Unless it is because that was truncated this moment. */
			if (!agent_stream_is_cut(s))
				continue;
			lose(watch, s);
		}
		presence = agent_stream_in(s, source);
		*wait |= presence == HOMEO_MAY_BE_IN;
		if (presence == HOMEO_IS_IN && (found == NULL ||
										s->taken.offset > found->taken.offset))
			found = s;
	}
	return found;
}

/* The number of streams that began in the same file with the same line. */
static uint32_t
generations(const HomeoWatch *watch, const HomeoStream *stream)
{
	uint32_t	generation = 0;

	for (const HomeoStream *s = watch->streams; s != NULL; s = s->next)
	{
		if (s->born_device == stream->born_device &&
			s->born_inode == stream->born_inode &&
			s->first_line == stream->first_line &&
			s->generation >= generation)
			generation = s->generation + 1;
	}
	return generation;
}

/* Moves a new stream to the end of its file. */
static void
skip_all(HomeoStream *stream)
{
	HomeoPlace	place;
	char		bytes[8192];
	ssize_t		got;

	if (stream->source.gz == NULL)
	{
		size_t		n = stream->size < AGENT_TAIL ? (size_t) stream->size :
		AGENT_TAIL;

		stream->position = stream->size;
		if (agent_source_read_all(&stream->source, stream->size - (int64_t) n,
								  bytes, n))
			agent_stream_pass(stream, bytes, n);
	}
	while (stream->source.gz != NULL &&
		   (got = agent_source_read(&stream->source, stream->position, bytes,
									sizeof(bytes))) > 0)
	{
		agent_stream_pass(stream, bytes, (size_t) got);
		stream->position += got;
	}
	place = agent_stream_place(stream);
	agent_stream_take(stream, &place);
}

/* Begins a stream, if its first line is there. */
static bool
begin_stream(HomeoWatch *watch, const char *path, const char *real,
			 HomeoSource *source, const struct stat *st)
{
	char		head[AGENT_HEAD];
	ssize_t		got = agent_source_read(source, 0, head, sizeof(head));
	HomeoStream *s;

	if (got <= 0)
		return false;
	if (got < AGENT_HEAD && memchr(head, '\n', (size_t) got) == NULL &&
		!watch->once &&
		agent_now() - agent_stream_changed(st) < FIRST_LINE_TIME)
		return false;

	s = agent_stream_new(path, real);
	s->born_device = st->st_dev;
	s->born_inode = st->st_ino;
	s->first_line = agent_stream_first_line(head, (size_t) got);
	s->generation = generations(watch, s);
	s->format = watch->format;
	s->present = true;
	agent_stream_attach(s, source, st);
	if (agent_stream_first_line(s->head, s->head_known) != s->first_line)
	{
		/* Truncated between the two, or longer: the next scan will see. */
		agent_stream_free(s);
		source->fd = -1;
		source->gz = NULL;
		return false;
	}
	if (watch->from_end && !watch->scanned)
		skip_all(s);
	s->next = watch->streams;
	watch->streams = s;
	watch->changed = true;
	agent_inform("reading %s%s", path, s->source.gz == NULL ? "" :
				 ", which is compressed");
	return true;
}

/* A file whose stream is known: reads on if there is more than was read. */
static bool
take_known(HomeoWatch *watch, HomeoStream *stream, const char *path,
		   const struct stat *st)
{
	stream->present = true;
	if (agent_stream_is_open(stream))
		return true;
	if (agent_stream_done(stream))
	{
		stream->gone = agent_now() / AGENT_SECOND;
		if (st->st_size == stream->size &&
			agent_stream_changed(st) == stream->changed)
			return true;
	}
	if (try_attach(watch, stream, path))
		return true;
	/* It holds something else now. */
	if (agent_stream_done(stream))
	{
		stream->device = 0;
		stream->inode = 0;
	}
	else
		lose(watch, stream);
	return false;
}

static void
consider_new(HomeoWatch *watch, const char *path, const struct stat *st)
{
	char		real[PATH_MAX];
	HomeoSource source;
	HomeoStream *s;
	bool		wait;

	if (realpath(path, real) == NULL)
		return;
	if (!agent_source_open(&source, path))
	{
		complain(watch, path, strerror(errno));
		return;
	}
	s = find_original(watch, real, &source, st, &wait);
	if (s != NULL && !agent_stream_is_open(s))
	{
		disown(watch, st);
		agent_stream_attach(s, &source, st);
		s->present = true;
		watch->changed = true;
		if (agent_stream_in(s, &s->source) != HOMEO_IS_IN)
			lose(watch, s);
		return;
	}
	if (s != NULL)
		note_copy(watch, s, st);
	else if ((!wait || watch->once) &&
			 begin_stream(watch, path, real, &source, st))
		return;
	agent_source_close(&source);
}

static void
consider(HomeoWatch *watch, const char *path)
{
	struct stat st;
	HomeoStream *s;

	if (stat(path, &st) != 0)
		return;
	if (!S_ISREG(st.st_mode))
	{
		complain(watch, path, "it is not a file");
		return;
	}
	s = stream_in(watch, &st);
	if (s != NULL && take_known(watch, s, path, &st))
		return;
	s = copied_in(watch, &st);
	if (s != NULL)
	{
		/* The copy matters when its original is gone. */
		if (agent_stream_is_open(s) || s->lost)
			return;
		forget_copies(watch, s);
	}
	if (st.st_size > 0)
		consider_new(watch, path, &st);
}

static void
consider_all(HomeoWatch *watch)
{
	for (int i = 0; i < watch->npatterns; i++)
	{
		glob_t		paths;

		if (glob(watch->patterns[i], GLOB_NOSORT, NULL, &paths) != 0)
		{
			/* Perhaps it will be there later; or it is a slip of the pen. */
			if (!watch->scanned)
				agent_warn("no file is called %s%s", watch->patterns[i],
						   watch->once ? "" : " yet");
			continue;
		}
		for (size_t k = 0; k < paths.gl_pathc; k++)
			consider(watch, paths.gl_pathv[k]);
		globfree(&paths);
	}
}

/* ----------------------------------------------------------------
 * All of it
 * ----------------------------------------------------------------
 */

/* What was cut is over; its file is another stream's from now on. */
static void
find_cut(HomeoWatch *watch)
{
	for (HomeoStream *s = watch->streams; s != NULL; s = s->next)
	{
		s->present = false;
		if (!agent_stream_is_open(s) || !agent_stream_is_cut(s))
			continue;
		agent_inform("%s was truncated", s->path);
		lose(watch, s);
		(void) rescue(watch, s, 0, 0);
	}
}

/* Streams that no watched path leads to. */
static void
look_after(HomeoWatch *watch, HomeoStream *s, int64_t now)
{
	if (agent_stream_done(s) || s->present)
		return;
	if (!agent_stream_is_open(s) && !s->ending)
	{
		uint64_t	device = s->device;
		uint64_t	inode = s->inode;

		/* Not found yet: since the start, since it was cut, or incomplete. */
		if (!s->lost)
			lose(watch, s);
		if (!rescue(watch, s, device, inode) &&
			(watch->once || now >= s->rescue_until))
			give_up(watch, s);
		return;
	}
	/* Renamed, removed, or no longer where a symbolic link points. */
	if (!s->ending && agent_stream_is_open(s) &&
		(watch->once || now - s->grown >= watch->rotate_wait))
		s->ending = true;
}

static void
forget_old(HomeoWatch *watch)
{
	HomeoStream **link = &watch->streams;
	int64_t		limit = agent_now() / AGENT_SECOND - FORGET_SECONDS;

	while (*link != NULL)
	{
		HomeoStream *s = *link;

		if (!agent_stream_done(s) || s->present || s->gone >= limit)
		{
			link = &s->next;
			continue;
		}
		*link = s->next;
		forget_copies(watch, s);
		agent_stream_free(s);
		watch->changed = true;
	}
}

void
agent_watch_scan(HomeoWatch *watch)
{
	int64_t		now = agent_ticks();

	find_cut(watch);
	consider_all(watch);
	watch->scanned = true;
	for (HomeoStream *s = watch->streams; s != NULL; s = s->next)
		look_after(watch, s, now);
	forget_old(watch);
}
