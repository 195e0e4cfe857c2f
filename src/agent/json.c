/*
 * json.c
 *		Reads JSON texts, and writes them so that any jsonb takes them.
 */
#include "agent/json.h"

/* More levels are no JSON here; the checker keeps a bit for each. */
#define MAX_NESTING		512

static HomeoSpan
skip_blanks(HomeoSpan s)
{
	while (s.len > 0 && agent_is_blank(s.data[0]))
		s = agent_span_from(s, 1);
	return s;
}

/* Length of the string at the beginning, with its quotes; 0: none. */
static size_t
string_length(HomeoSpan s)
{
	size_t		i;

	if (s.len == 0 || s.data[0] != '"')
		return 0;
	for (i = 1; i < s.len; i++)
	{
		if (s.data[i] == '"')
			return i + 1;
		if ((unsigned char) s.data[i] < ' ')
			return 0;
		if (s.data[i] != '\\')
			continue;
		if (++i == s.len || strchr("\"\\/bfnrtu", s.data[i]) == NULL ||
			s.data[i] == '\0')
			return 0;
		if (s.data[i] == 'u')
		{
			for (int k = 0; k < 4; k++)
			{
				if (++i >= s.len || s.data[i] == '\0' ||
					strchr("0123456789abcdefABCDEF", s.data[i]) == NULL)
					return 0;
			}
		}
	}
	return 0;
}

static size_t
digits_length(HomeoSpan s)
{
	size_t		n = 0;

	while (n < s.len && agent_is_digit(s.data[n]))
		n++;
	return n;
}

/* Length of the number at the beginning; 0: none. */
static size_t
number_length(HomeoSpan s)
{
	size_t		n = s.len > 0 && s.data[0] == '-' ? 1 : 0;
	size_t		more = digits_length(agent_span_from(s, n));

	if (more == 0 || (s.data[n] == '0' && more > 1))
		return 0;
	n += more;
	if (n < s.len && s.data[n] == '.')
	{
		more = digits_length(agent_span_from(s, n + 1));
		if (more == 0)
			return 0;
		n += 1 + more;
	}
	if (n < s.len && (s.data[n] == 'e' || s.data[n] == 'E'))
	{
		size_t		sign = n + 1 < s.len &&
		(s.data[n + 1] == '+' || s.data[n + 1] == '-') ? 1 : 0;

		more = digits_length(agent_span_from(s, n + 1 + sign));
		if (more == 0)
			return 0;
		n += 1 + sign + more;
	}
	return n;
}

/* Length of a string, number or word at the beginning; 0: none. */
static size_t
scalar_length(HomeoSpan s)
{
	if (s.len == 0)
		return 0;
	if (s.data[0] == '"')
		return string_length(s);
	if (agent_span_starts(s, "true") || agent_span_starts(s, "null"))
		return 4;
	if (agent_span_starts(s, "false"))
		return 5;
	return number_length(s);
}

/* Takes "key": off an object's text. */
static bool
take_key(HomeoSpan *s)
{
	size_t		n = string_length(*s);

	if (n == 0)
		return false;
	*s = skip_blanks(agent_span_from(*s, n));
	if (s->len == 0 || s->data[0] != ':')
		return false;
	*s = skip_blanks(agent_span_from(*s, 1));
	return true;
}

/*
 * Length of the value at the beginning; 0: none.  Without recursion, so that
 * no text can use up the stack.
 */
static size_t
value_length(HomeoSpan s)
{
	char		closers[MAX_NESTING];
	int			depth = 0;
	const char *start = s.data;

	for (;;)
	{
		size_t		n;

		/* A value begins here. */
		if (s.len > 0 && (s.data[0] == '{' || s.data[0] == '['))
		{
			if (depth == MAX_NESTING)
				return 0;
			closers[depth++] = s.data[0] == '{' ? '}' : ']';
			s = skip_blanks(agent_span_from(s, 1));
			if (s.len > 0 && s.data[0] == closers[depth - 1])
			{
				s = agent_span_from(s, 1);
				depth--;
			}
			else if (closers[depth - 1] == '}' && !take_key(&s))
				return 0;
			else
				continue;
		}
		else
		{
			n = scalar_length(s);
			if (n == 0)
				return 0;
			s = agent_span_from(s, n);
		}

		/* A value has ended here. */
		for (;;)
		{
			if (depth == 0)
				return (size_t) (s.data - start);
			s = skip_blanks(s);
			if (s.len == 0)
				return 0;
			if (s.data[0] != closers[depth - 1])
				break;
			s = agent_span_from(s, 1);
			depth--;
		}
		if (s.data[0] != ',')
			return 0;
		s = skip_blanks(agent_span_from(s, 1));
		if (closers[depth - 1] == '}' && !take_key(&s))
			return 0;
	}
}

bool
agent_json_valid(HomeoSpan text)
{
	size_t		n;

	text = agent_span_trim(text);

	n = value_length(text);
	return n > 0 && n == text.len;
}

bool
agent_json_open(HomeoSpan value, HomeoJsonCursor *cursor)
{
	value = agent_span_trim(value);
	if (value.len < 2 || (value.data[0] != '{' && value.data[0] != '['))
		return false;
	cursor->closer = value.data[0] == '{' ? '}' : ']';
	cursor->rest = agent_span_from(value, 1);
	cursor->first = true;
	return true;
}

bool
agent_json_next(HomeoJsonCursor *cursor, HomeoSpan *key, HomeoSpan *value)
{
	HomeoSpan	s = skip_blanks(cursor->rest);
	size_t		n;

	*key = agent_span("", 0);
	if (!cursor->first && s.len > 0 && s.data[0] == ',')
		s = skip_blanks(agent_span_from(s, 1));
	cursor->first = false;
	if (s.len == 0 || s.data[0] == cursor->closer)
		return false;
	if (cursor->closer == '}')
	{
		n = string_length(s);
		if (n < 2)
			return false;
		*key = agent_span(s.data + 1, n - 2);
		if (!take_key(&s))
			return false;
	}
	n = value_length(s);
	if (n == 0)
		return false;
	*value = agent_span(s.data, n);
	cursor->rest = agent_span_from(s, n);
	return true;
}

static unsigned
read_hex(const char *p)
{
	unsigned	value = 0;

	for (int i = 0; i < 4; i++)
	{
		char		c = p[i];

		value = value * 16 + (unsigned) (agent_is_digit(c) ? c - '0' :
										 (c | 0x20) - 'a' + 10);
	}
	return value;
}

static void
add_character(HomeoBuffer *out, unsigned c)
{
	if (c == 0)
		agent_buffer_add_string(out, "\\x00");
	else if (c < 0x80)
		agent_buffer_add_char(out, (char) c);
	else
	{
		if (c < 0x800)
			agent_buffer_add_char(out, (char) (0xc0 | c >> 6));
		else
		{
			if (c < 0x10000)
				agent_buffer_add_char(out, (char) (0xe0 | c >> 12));
			else
			{
				agent_buffer_add_char(out, (char) (0xf0 | c >> 18));
				agent_buffer_add_char(out, (char) (0x80 | (c >> 12 & 0x3f)));
			}
			agent_buffer_add_char(out, (char) (0x80 | (c >> 6 & 0x3f)));
		}
		agent_buffer_add_char(out, (char) (0x80 | (c & 0x3f)));
	}
}

/* \uNNNN at s, or two of them; returns the bytes used. */
static size_t
add_unicode_escape(HomeoSpan s, HomeoBuffer *out)
{
	unsigned	c = read_hex(s.data + 2);
	size_t		used = 6;

	if (c >= 0xd800 && c < 0xdc00 && s.len >= 12 && s.data[6] == '\\' &&
		s.data[7] == 'u')
	{
		unsigned	low = read_hex(s.data + 8);

		if (low >= 0xdc00 && low < 0xe000)
		{
			c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
			used = 12;
		}
	}
	if (c >= 0xd800 && c < 0xe000)
		c = 0xfffd;
	add_character(out, c);
	return used;
}

void
agent_json_text(HomeoSpan value, HomeoBuffer *out)
{
	static const char escapes[] = "bfnrt";
	static const char meanings[] = "\b\f\n\r\t";

	if (value.len < 2 || value.data[0] != '"')
	{
		agent_buffer_add(out, value.data, value.len);
		return;
	}
	value = agent_span(value.data + 1, value.len - 2);
	while (value.len > 0)
	{
		const char *escape = memchr(value.data, '\\', value.len);
		size_t		n = escape == NULL ? value.len :
		(size_t) (escape - value.data);
		const char *known;

		agent_buffer_add(out, value.data, n);
		value = agent_span_from(value, n);
		if (value.len < 2)
			break;
		if (value.data[1] == 'u' && value.len >= 6)
		{
			value = agent_span_from(value, add_unicode_escape(value, out));
			continue;
		}
		known = strchr(escapes, value.data[1]);
		agent_buffer_add_char(out, known == NULL ? value.data[1] :
							  meanings[known - escapes]);
		value = agent_span_from(value, 2);
	}
}

/* Length of the UTF-8 character at p; 0: it is none. */
static size_t
utf8_length(const unsigned char *p, size_t len)
{
	size_t		n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 :
	p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;

	if (n == 0 || n > len)
		return 0;
	for (size_t k = 1; k < n; k++)
	{
		if ((p[k] & 0xc0) != 0x80)
			return 0;
	}
	/* Not the shortest form, a surrogate, or beyond Unicode. */
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] >= 0xa0) ||
		(p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] >= 0x90))
		return 0;
	return n;
}

void
agent_json_write(HomeoBuffer *out, HomeoSpan text)
{
	const unsigned char *p = (const unsigned char *) text.data;
	size_t		i = 0;

	agent_buffer_add_char(out, '"');
	while (i < text.len)
	{
		size_t		n = utf8_length(p + i, text.len - i);

		if (n == 0 || p[i] == 0)
		{
			agent_buffer_print(out, "\\\\x%02X", p[i]);
			n = 1;
		}
		else if (p[i] == '"' || p[i] == '\\')
			agent_buffer_print(out, "\\%c", p[i]);
		else if (p[i] == '\n')
			agent_buffer_add(out, "\\n", 2);
		else if (p[i] == '\t')
			agent_buffer_add(out, "\\t", 2);
		else if (p[i] < ' ' || p[i] == 0x7f)
			agent_buffer_print(out, "\\u%04x", p[i]);
		else
		{
			/* As many as need nothing, at once. */
			while (n == 1 && i + n < text.len && p[i + n] >= ' ' &&
				   p[i + n] < 0x7f && p[i + n] != '"' && p[i + n] != '\\')
			{
				agent_buffer_add_char(out, (char) p[i]);
				i++;
			}
			agent_buffer_add(out, p + i, n);
		}
		i += n;
	}
	agent_buffer_add_char(out, '"');
}

/*
 * A jsonb writes a number without exponent, so that a few bytes can become
 * many thousands, or more than a numeric may have.
 */
static bool
is_tame_number(HomeoSpan value)
{
	const char *e;
	size_t		exponent;

	if (value.len > AGENT_JSON_NUMBER)
		return false;
	e = memchr(value.data, 'e', value.len);
	if (e == NULL)
		e = memchr(value.data, 'E', value.len);
	if (e == NULL)
		return true;
	exponent = value.len - (size_t) (e + 1 - value.data);
	if (e[1] == '+' || e[1] == '-')
		exponent--;
	return exponent <= 2;
}

static void
copy_value(HomeoBuffer *out, HomeoSpan value, HomeoBuffer *scratch, int depth)
{
	HomeoJsonCursor cursor;
	HomeoSpan	key;
	HomeoSpan	item;
	bool		object = value.data[0] == '{';
	bool		first = true;

	if (value.data[0] == '"' ||
		((object || value.data[0] == '[') && depth == AGENT_JSON_DEPTH) ||
		((value.data[0] == '-' || agent_is_digit(value.data[0])) &&
		 !is_tame_number(value)))
	{
		agent_buffer_clear(scratch);
		agent_json_text(value, scratch);
		agent_json_write(out, agent_buffer_span(scratch));
		return;
	}
	if (!agent_json_open(value, &cursor))
	{
		agent_buffer_add(out, value.data, value.len);
		return;
	}
	agent_buffer_add_char(out, object ? '{' : '[');
	while (agent_json_next(&cursor, &key, &item))
	{
		if (!first)
			agent_buffer_add_char(out, ',');
		first = false;
		if (object)
		{
			agent_buffer_clear(scratch);
			agent_json_text(agent_span(key.data - 1, key.len + 2), scratch);
			agent_json_write(out, agent_buffer_span(scratch));
			agent_buffer_add_char(out, ':');
		}
		copy_value(out, item, scratch, depth + 1);
	}
	agent_buffer_add_char(out, object ? '}' : ']');
}

void
agent_json_copy(HomeoBuffer *out, HomeoSpan value)
{
	HomeoBuffer scratch = {0};

	value = agent_span_trim(value);
	if (value.len > 0)
		copy_value(out, value, &scratch, 0);
	agent_buffer_free(&scratch);
}

size_t
agent_json_length(HomeoSpan value)
{
	size_t		length = value.len;
	bool		quoted = false;

	for (size_t i = 0; i < value.len; i++)
	{
		char		c = value.data[i];

		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && (c == ',' || c == ':'))
			length++;
		else if (!quoted && (c == 'e' || c == 'E'))
			length += AGENT_JSON_NUMBER;
	}
	return length;
}

void
agent_json_to_ascii(HomeoBuffer *out, HomeoSpan json)
{
	for (size_t i = 0; i < json.len; i++)
	{
		unsigned char c = (unsigned char) json.data[i];

		if (c < 0x80)
			agent_buffer_add_char(out, (char) c);
		else
			agent_buffer_print(out, "\\\\x%02X", c);
	}
}

size_t
agent_utf8_clip(HomeoSpan text, size_t limit)
{
	size_t		len = limit;

	if (text.len <= limit)
		return text.len;

	/* At most three bytes of a character that goes on behind the limit. */
	while (len > 0 && limit - len < 3 &&
		   ((unsigned char) text.data[len] & 0xc0) == 0x80)
		len--;
	return ((unsigned char) text.data[len] & 0xc0) == 0x80 ? limit : len;
}
