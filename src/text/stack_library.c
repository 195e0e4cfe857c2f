/*
 * stack_library.c
 *		Whose code a frame of a stack is: the application's, or a library's.
 *
 * Anybody may call it, in any process, also without PostgreSQL.  No locks; no
 * memory.
 */
#include "text/stack_language.h"

#include "text/stack_scan.h"

static bool
has_prefix(HomeoSlice s, const char *const *prefixes)
{
	if (s.len == 0 || prefixes == NULL)
		return false;
	for (; *prefixes != NULL; prefixes++)
	{
		if (s.data[0] == (*prefixes)[0] && scan_starts(s, *prefixes))
			return true;
	}
	return false;
}

/* Does this part of a path begin with the name of a directory, or names? */
static bool
is_directory(HomeoSlice path, const char *name)
{
	size_t		i;

	for (i = 0; name[i] != '\0' && name[i] != '*'; i++)
	{
		char		c = scan_at(path, i);

		if (c != name[i] && !(c == '\\' && name[i] == '/'))
			return false;
	}
	return name[i] == '*' || scan_at(path, i) == '/' ||
		scan_at(path, i) == '\\';
}

static bool
is_any_directory(HomeoSlice path, const char *const *directories)
{
	for (; *directories != NULL; directories++)
	{
		if (path.data[0] == (*directories)[0] &&
			is_directory(path, *directories))
			return true;
	}
	return false;
}

static bool
has_directory(HomeoSlice file, const char *const *directories)
{
	char		separator = '/';

	if (file.len == 0 || directories == NULL)
		return false;
	if (is_any_directory(file, directories))
		return true;
	/* Names of Windows have only the other ones, or both. */
	if (scan_find(file, '\\') < file.len)
		separator = '\\';
	while (true)
	{
		size_t		n = scan_find(file, separator);

		if (separator == '\\')
		{
			size_t		slash = scan_find(scan_first(file, n), '/');

			n = slash < n ? slash : n;
		}
		if (n + 1 >= file.len)
			return false;
		file = scan_from(file, n + 1);
		if (is_any_directory(file, directories))
			return true;
	}
}

bool
homeo_stack_in_app(const HomeoStackLanguage *language,
				   const HomeoFrame *frame)
{
	return !has_prefix(frame->module, language->library_prefixes) &&
		!has_prefix(frame->function, language->library_prefixes) &&
		!has_prefix(frame->file, language->library_prefixes) &&
		!has_directory(frame->file, language->library_directories) &&
		!(language->is_library != NULL && language->is_library(frame));
}
