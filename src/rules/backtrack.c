/*
 * backtrack.c
 *		Which patterns may take PCRE2 a time that explodes with the text.
 *
 * Where two repeats can take the same characters and stand so that a run of
 * these can be divided between them in many ways, PCRE2 tries all of them when
 * what follows fails: as many as the run has places, or, where one repeat is
 * in another, two to the power of that.  That is told from the pattern:
 * "trailing" are the characters of the repeats that an element can end with,
 * "leading" those of the repeats that it can begin with.
 *
 * A warning, not a proof: PCRE2 may know better, and no pattern gets further
 * than homeostasis.match_limit.
 *
 * Anybody may call it, also without PostgreSQL.
 */
#include "rules/backtrack.h"

#include "rules/pattern_tree.h"

/* From so many times on a bounded repeat is as bad as one without a bound. */
#define MANY		32

static const HomeoCharSet no_chars = {{0, 0}, false};

/* What is being looked for in which tree. */
typedef struct Search
{
	const HomeoNode *nodes;
	HomeoBacktrack found;
} Search;

static void check(Search *search, int number, bool fails_after);

static bool
overlap(HomeoCharSet a, HomeoCharSet b)
{
	return (a.low[0] & b.low[0]) != 0 || (a.low[1] & b.low[1]) != 0 ||
		(a.high && b.high);
}

/*
 * Have the sets a letter in common?  Runs of letters are as long as texts are;
 * those of digits or blanks are not, unless somebody means it.
 */
static bool
share_letters(HomeoCharSet a, HomeoCharSet b)
{
	return (a.low[1] & b.low[1] & UINT64_C(0x07fffffe07fffffe)) != 0;
}

static void
unite(HomeoCharSet *set, HomeoCharSet other)
{
	set->low[0] |= other.low[0];
	set->low[1] |= other.low[1];
	set->high = set->high || other.high;
}

static bool
is_loop(const HomeoNode *node)
{
	return node->kind == HOMEO_NODE_REPEAT && !node->atomic &&
		(node->max < 0 || node->max >= MANY);
}

/* May it fail where nothing is left to be consumed? */
static bool
can_fail(const HomeoNode *nodes, int number)
{
	const HomeoNode *node = &nodes[number];

	if (node->kind == HOMEO_NODE_ASSERTION || node->kind == HOMEO_NODE_REFERENCE)
		return true;
	if (node->kind == HOMEO_NODE_SEQUENCE)
	{
		for (int child = node->first; child != 0; child = nodes[child].next)
		{
			if (can_fail(nodes, child))
				return true;
		}
		return false;
	}
	if (node->kind == HOMEO_NODE_CHOICE)
	{
		for (int child = node->first; child != 0; child = nodes[child].next)
		{
			if (!can_fail(nodes, child))
				return false;
		}
		return true;
	}
	if (node->kind == HOMEO_NODE_REPEAT)
		return node->min > 0 && can_fail(nodes, node->first);
	return node->kind == HOMEO_NODE_CHARS;
}

/* May something fail that is in it behind its beginning? */
static bool
fails_within(const HomeoNode *nodes, int number)
{
	const HomeoNode *node = &nodes[number];

	if (node->kind != HOMEO_NODE_SEQUENCE && node->kind != HOMEO_NODE_CHOICE)
		return false;
	for (int child = node->first; child != 0; child = nodes[child].next)
	{
		if (fails_within(nodes, child) ||
			(node->kind == HOMEO_NODE_SEQUENCE && child != node->first &&
			 can_fail(nodes, child)))
			return true;
	}
	return false;
}

/* What it can begin with. */
static HomeoCharSet
first_chars(const HomeoNode *nodes, int number)
{
	const HomeoNode *node = &nodes[number];
	HomeoCharSet set = no_chars;

	if (node->kind == HOMEO_NODE_CHARS)
		return node->set;
	if (node->kind == HOMEO_NODE_REPEAT)
		return first_chars(nodes, node->first);
	if (node->kind != HOMEO_NODE_SEQUENCE && node->kind != HOMEO_NODE_CHOICE)
		return set;
	for (int child = node->first; child != 0; child = nodes[child].next)
	{
		unite(&set, first_chars(nodes, child));
		if (node->kind == HOMEO_NODE_SEQUENCE && !nodes[child].nullable)
			break;
	}
	return set;
}

/* The characters of an element that takes exactly one; false if it doesn't. */
static bool
single_char(const HomeoNode *nodes, int number, HomeoCharSet *set)
{
	const HomeoNode *node = &nodes[number];

	if (node->kind == HOMEO_NODE_CHARS)
	{
		unite(set, node->set);
		return true;
	}
	if (node->kind == HOMEO_NODE_SEQUENCE)
		return node->first != 0 && node->first == node->last &&
			!node->atomic && single_char(nodes, node->first, set);
	if (node->kind != HOMEO_NODE_CHOICE)
		return false;
	for (int child = node->first; child != 0; child = nodes[child].next)
	{
		if (!single_char(nodes, child, set))
			return false;
	}
	return true;
}

/* The characters of the repeats that it can end, or else begin, with. */
static HomeoCharSet
edge_loops(const HomeoNode *nodes, int number, bool trailing)
{
	const HomeoNode *node = &nodes[number];
	HomeoCharSet set = no_chars;
	int			child;

	if (node->atomic)
		return set;
	if (node->kind == HOMEO_NODE_REPEAT)
	{
		if (is_loop(node) && single_char(nodes, node->first, &set))
			return set;
		return edge_loops(nodes, node->first, trailing);
	}
	if (node->kind != HOMEO_NODE_SEQUENCE && node->kind != HOMEO_NODE_CHOICE)
		return set;
	for (child = trailing ? node->last : node->first; child != 0;
		 child = trailing ? nodes[child].previous : nodes[child].next)
	{
		unite(&set, edge_loops(nodes, child, trailing));
		if (node->kind == HOMEO_NODE_SEQUENCE && !nodes[child].nullable)
			break;
	}
	return set;
}

/*
 * The characters of the repeats before the last character of an element, if it
 * has one that these take, too: in (.*,)* a comma can be the end of one time or
 * in the midst of another.
 */
static HomeoCharSet
delimited_loops(const HomeoNode *nodes, int number)
{
	const HomeoNode *node = &nodes[number];
	HomeoCharSet set = no_chars;
	HomeoCharSet delimiter = no_chars;

	while ((node->kind == HOMEO_NODE_SEQUENCE || node->kind == HOMEO_NODE_CHOICE) &&
		   node->first != 0 && node->first == node->last && !node->atomic)
		node = &nodes[node->first];
	if (node->kind != HOMEO_NODE_SEQUENCE || node->first == node->last ||
		node->atomic || !single_char(nodes, node->last, &delimiter))
		return no_chars;
	for (int child = nodes[node->last].previous; child != 0;
		 child = nodes[child].previous)
	{
		unite(&set, edge_loops(nodes, child, true));
		if (!nodes[child].nullable)
			break;
	}
	return overlap(set, delimiter) ? set : no_chars;
}

/* Notes what was found, unless something was before. */
static void
note(Search *search, HomeoBacktrackKind kind, int number)
{
	if (search->found.kind != HOMEO_BACKTRACK_NONE)
		return;
	search->found.kind = kind;
	search->found.offset = search->nodes[number].offset;
}

/* Is it a choice, two of whose alternatives take one character, and the same? */
static bool
is_ambiguous_choice(const HomeoNode *nodes, int number)
{
	const HomeoNode *node = &nodes[number];
	HomeoCharSet taken = no_chars;

	while (node->kind == HOMEO_NODE_SEQUENCE && node->first != 0 &&
		   node->first == node->last)
		node = &nodes[node->first];
	if (node->kind != HOMEO_NODE_CHOICE)
		return false;
	if (node->first == node->last)
		return node->first != 0 && is_ambiguous_choice(nodes, node->first);
	for (int child = node->first; child != 0; child = nodes[child].next)
	{
		HomeoCharSet set = no_chars;

		if (!single_char(nodes, child, &set))
			continue;
		if (overlap(taken, set))
			return true;
		unite(&taken, set);
	}
	return false;
}

static void
check_repeat(Search *search, int number, bool fails_after)
{
	const HomeoNode *node = &search->nodes[number];
	HomeoCharSet loops = no_chars;

	if (is_loop(node) && fails_after)
	{
		if (is_ambiguous_choice(search->nodes, node->first))
			note(search, HOMEO_BACKTRACK_CHOICE, number);
		unite(&loops, edge_loops(search->nodes, node->first, true));
		unite(&loops, delimited_loops(search->nodes, node->first));
		if (overlap(loops, first_chars(search->nodes, node->first)))
			note(search, HOMEO_BACKTRACK_NESTED, number);
	}
	check(search, node->first, fails_after && !node->atomic);
}

/* Looks at each element, and at each pair of repeats with nothing between. */
static void
check_sequence(Search *search, int number, bool fails_after)
{
	const HomeoNode *nodes = search->nodes;
	const HomeoNode *node = &nodes[number];
	HomeoCharSet leading = no_chars;	/* of repeats that can follow at once,
										 * behind which something can fail */

	if (node->atomic)
		fails_after = false;
	for (int child = node->last; child != 0; child = nodes[child].previous)
	{
		HomeoCharSet begins = edge_loops(nodes, child, false);

		if (share_letters(edge_loops(nodes, child, true), leading))
			note(search, HOMEO_BACKTRACK_ADJACENT, child);
		check(search, child, fails_after);
		if (!nodes[child].nullable)
			leading = no_chars;
		if (fails_after || fails_within(nodes, child))
			unite(&leading, begins);
		fails_after = fails_after || can_fail(nodes, child);
	}
}

/* Looks for it in the element; whether what comes behind it can fail. */
static void
check(Search *search, int number, bool fails_after)
{
	const HomeoNode *node = &search->nodes[number];

	if (search->found.kind != HOMEO_BACKTRACK_NONE || number == 0)
		return;
	switch (node->kind)
	{
		case HOMEO_NODE_REPEAT:
			check_repeat(search, number, fails_after);
			break;
		case HOMEO_NODE_SEQUENCE:
			check_sequence(search, number, fails_after);
			break;
		case HOMEO_NODE_CHOICE:
			for (int child = node->first; child != 0;
				 child = search->nodes[child].next)
				check(search, child, fails_after);
			break;
		case HOMEO_NODE_ASSERTION:
			/* What is behind a lookaround does not make it try again. */
			check(search, node->first, false);
			break;
		default:
			break;
	}
}

HomeoBacktrack
homeo_backtrack_find(HomeoSlice pattern)
{
	HomeoPatternTree tree;
	Search		search = {NULL, {HOMEO_BACKTRACK_NONE, 0}};
	int			characters = 0;

	if (!homeo_pattern_tree_read(pattern, &tree))
		return search.found;
	search.nodes = tree.nodes;
	check(&search, tree.root, false);
	homeo_pattern_tree_free(&tree);

	for (int i = 0; i < search.found.offset; i++)
		characters += ((unsigned char) pattern.data[i] & 0xc0) != 0x80;
	search.found.offset = characters;
	return search.found;
}
