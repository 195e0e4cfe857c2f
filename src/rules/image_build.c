/*
 * image_build.c
 *		Makes an image of rules.
 *
 * Rules are found by their most selective condition.  Those that share it, and whose
 * pattern has parts that a text must contain, cost a search for these, a twentieth of a microsecond
 * each; where they are many, one scan looks for the parts of all of them.  The others
 * are tried.
 */
#include "postgres.h"

#include "rules/image_build.h"

#include "base/hash128.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "rules/scan.h"
#include "rules/scan_compile.h"
#include "rules/syntax.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

/* With more than so many to be searched for, they are scanned for. */
#define MAX_SEARCHED		16

/* To compile so many literals holds up interrupts for a fifth of a second. */
#define LITERALS_AT_ONCE	65536

/* Numbers of rules. */
typedef struct Ranks
{
	int			n;
	int			room;
	uint32	   *ranks;
} Ranks;

typedef struct Pattern
{
	HomeoSlice	source;
	int			kind;			/* HomeoPatternKind: what it is for */
	uint8		key[16];		/* hash for regex.c */
	int			literals;		/* see HomeoSyntax */
	bool		caseless;
	bool		starts_at_offset;
	int			nparts;
	HomeoSlice *parts;
} Pattern;

/* What a scan looks for: a part of patterns of rules. */
typedef struct Part
{
	HomeoPatternKind kind;		/* of the patterns */
	HomeoScanLiteral literal;
	Ranks		rules;			/* that are found by it */
} Part;

/* A database of Vectorscan, serialised. */
typedef struct Database
{
	HomeoPatternKind kind;		/* of the text that is scanned */
	const Part **parts;			/* of each expression */
	int			n;
	char	   *bytes;
	size_t		len;
} Database;

typedef struct Condition
{
	int32		kind;
	HomeoSlice	value;
	HomeoImageText text;		/* the value in the image */
	Ranks		rules;
} Condition;

/* One of the two above, by its text. */
typedef struct NumberKey
{
	int32		kind;
	uint8		hash[16];
} NumberKey;

typedef struct NumberEntry
{
	NumberKey	key;
	int			number;
} NumberEntry;

/* A rule on its way into the image. */
typedef struct Ranked
{
	const HomeoRule *rule;
	HomeoRankKey key;
	int			patterns[HOMEO_PATTERN_COUNT];	/* numbers; -1: none */
	bool		scanned;
} Ranked;

typedef struct Building
{
	StringInfoData out;
	HTAB	   *numbers;
	int			nrules;
	Ranked	   *rules;			/* by rank */
	int			npatterns;
	Pattern    *patterns;
	int			nparts;
	int			parts_room;
	Part	   *parts;
	int			nconditions;
	int			conditions_room;
	Condition  *conditions;
	List	   *databases;
} Building;

static void
add_rank(Ranks *ranks, uint32 rank)
{
	if (ranks->n == ranks->room)
	{
		ranks->room = Max(ranks->room * 2, 4);
		ranks->ranks = ranks->n == 0 ?
			palloc(ranks->room * sizeof(*ranks->ranks)) :
			repalloc(ranks->ranks, ranks->room * sizeof(*ranks->ranks));
	}
	ranks->ranks[ranks->n++] = rank;
}

/* The key of a text of this kind; it has no gaps. */
static NumberKey
number_key(int32 kind, HomeoSlice value)
{
	NumberKey	key = {.kind = kind};

	homeo_hash128(value.data, value.len, 0, key.hash);
	return key;
}

/*
 * The number that was given to a text.  *found tells whether there was one;
 * else it is next from now on.
 */
static int
number_of(Building *b, NumberKey key, int next, bool *found)
{
	NumberEntry *entry;

	entry = hash_search(b->numbers, &key, HASH_ENTER, found);
	if (!*found)
		entry->number = next;
	return entry->number;
}

/* ----------------------------------------------------------------
 * What is to be in the image
 * ----------------------------------------------------------------
 */
#define KIND_PART		1000	/* and above, by HomeoPatternKind and case */
#define KIND_PATTERN	(-1)	/* and below, by HomeoPatternKind */

static void
read_syntax(Pattern *pattern)
{
	HomeoSyntax syntax = homeo_syntax_read(pattern->source);
	Size		size = sizeof(HomeoSlice) * syntax.parts.n;

	pattern->literals = syntax.literals;
	pattern->caseless = syntax.caseless;
	pattern->starts_at_offset = syntax.starts_at_offset;
	pattern->nparts = syntax.parts.n;
	pattern->parts = palloc(size);
	memcpy(pattern->parts, syntax.parts.of, size);
}

/* A source that is there for two kinds is two patterns. */
static int
intern_pattern(Building *b, HomeoPatternKind kind, HomeoSlice source)
{
	bool		found;
	NumberKey	key = number_key(KIND_PATTERN - (int32) kind, source);
	int			number = number_of(b, key, b->npatterns, &found);

	if (!found)
	{
		Pattern    *pattern = &b->patterns[b->npatterns++];

		memset(pattern, 0, sizeof(*pattern));
		pattern->source = source;
		pattern->kind = kind;
		homeo_hash128(source.data, source.len, kind == HOMEO_PATTERN_FRAME,
					  pattern->key);
		read_syntax(pattern);
	}
	return number;
}

static int
compare_ranked(const void *a, const void *b)
{
	return homeo_rank_compare(&((const Ranked *) a)->key,
							  &((const Ranked *) b)->key);
}

/* Puts the rules in the order in which they win. */
static void
rank_rules(Building *b, const HomeoRule *rules)
{
	b->patterns = palloc(sizeof(Pattern) * Max(b->nrules, 1) * HOMEO_PATTERN_COUNT);
	b->rules = palloc0(sizeof(Ranked) * Max(b->nrules, 1));
	for (int r = 0; r < b->nrules; r++)
	{
		Ranked	   *ranked = &b->rules[r];
		int			literals[HOMEO_PATTERN_COUNT] = {0};

		ranked->rule = &rules[r];
		for (int i = 0; i < HOMEO_PATTERN_COUNT; i++)
		{
			ranked->patterns[i] = -1;
			if (rules[r].patterns[i].data == NULL)
				continue;
			ranked->patterns[i] = intern_pattern(b, i, rules[r].patterns[i]);
			literals[i] = b->patterns[ranked->patterns[i]].literals;
		}
		ranked->key.specificity = homeo_rank_specificity(&rules[r], literals);
		ranked->key.place = homeo_rank_place(&rules[r]);
		ranked->key.confidence = rules[r].confidence;
		ranked->key.priority = rules[r].priority;
		ranked->key.id = rules[r].id;
	}
	qsort(b->rules, b->nrules, sizeof(Ranked), compare_ranked);
}

static void
index_rule(Building *b, uint32 rank, int32 kind, HomeoSlice value)
{
	bool		found;
	int			number = number_of(b, number_key(kind, value), b->nconditions,
								   &found);

	if (!found)
	{
		Condition  *condition;

		if (b->nconditions == b->conditions_room)
		{
			b->conditions_room *= 2;
			b->conditions = repalloc(b->conditions,
									 sizeof(Condition) * b->conditions_room);
		}
		condition = &b->conditions[b->nconditions++];
		memset(condition, 0, sizeof(*condition));
		condition->kind = kind;
		condition->value = value;
	}
	add_rank(&b->conditions[number].rules, rank);
}

/* Enters a rule under the condition that fewest events meet. */
static void
index_by_condition(Building *b, uint32 rank)
{
	const HomeoRule *rule = b->rules[rank].rule;
	HomeoSlice	value = {"", 0};

	for (int i = 0; i < HOMEO_EXACT_LANGUAGE; i++)
	{
		if (rule->exact[i].data != NULL)
		{
			index_rule(b, rank, i, rule->exact[i]);
			return;
		}
	}
	for (int i = 0; i < rule->nsqlstates; i++)
	{
		value.data = rule->sqlstates[i];
		value.len = strlen(value.data);
		index_rule(b, rank, HOMEO_CONDITION_SQLSTATE, value);
	}
	if (rule->nsqlstates > 0)
		return;
	for (int i = HOMEO_EXACT_LANGUAGE; i < HOMEO_EXACT_COUNT; i++)
	{
		if (rule->exact[i].data != NULL)
		{
			index_rule(b, rank, i, rule->exact[i]);
			return;
		}
	}
	index_rule(b, rank, HOMEO_CONDITION_NONE, value);
}

/* The pattern that a rule is found by, or NULL; see homeo_image_lead(). */
static Pattern *
lead_pattern(const Building *b, uint32 rank)
{
	for (int kind = 0; kind < HOMEO_PATTERN_LEADS; kind++)
	{
		int			number = b->rules[rank].patterns[kind];

		if (number >= 0)
			return &b->patterns[number];
	}
	return NULL;
}

/* Whether a scan can find the rule. */
static bool
has_parts(const Building *b, uint32 rank)
{
	const Pattern *pattern = lead_pattern(b, rank);

	return pattern != NULL && pattern->nparts > 0;
}

/* Chooses among rules with the same condition. */
static void
choose_among(Building *b, const Ranks *rules)
{
	int			nsearched = 0;

	for (int i = 0; i < rules->n; i++)
		nsearched += has_parts(b, rules->ranks[i]);
	for (int i = 0; i < rules->n && nsearched > MAX_SEARCHED; i++)
		b->rules[rules->ranks[i]].scanned = has_parts(b, rules->ranks[i]);
}

/* A rule is to be found by a part, which is there once for all rules. */
static void
add_part(Building *b, uint32 rank, HomeoPatternKind kind,
		 HomeoScanLiteral literal)
{
	int32		key_kind = KIND_PART + 2 * (int32) kind + literal.caseless;
	bool		found;
	int			number = number_of(b, number_key(key_kind, literal.bytes),
								   b->nparts, &found);
	Part	   *part;

	if (!found)
	{
		if (b->nparts == b->parts_room)
		{
			b->parts_room *= 2;
			b->parts = repalloc_huge(b->parts, sizeof(Part) * b->parts_room);
		}
		part = &b->parts[b->nparts++];
		memset(part, 0, sizeof(*part));
		part->kind = kind;
		part->literal = literal;
	}
	part = &b->parts[number];
	if (part->rules.n == 0 || part->rules.ranks[part->rules.n - 1] != rank)
		add_rank(&part->rules, rank);
}

/* Lists with each part the rules that a scan is to find by it. */
static void
choose_scanned(Building *b)
{
	for (int c = 0; c < b->nconditions; c++)
		choose_among(b, &b->conditions[c].rules);
	for (int r = 0; r < b->nrules; r++)
	{
		const Pattern *pattern = lead_pattern(b, r);

		for (int i = 0; b->rules[r].scanned && i < pattern->nparts; i++)
		{
			HomeoScanLiteral literal = {pattern->parts[i], pattern->caseless};

			add_part(b, r, pattern->kind, literal);
		}
	}
}

/* Adds a database over these parts, which are of this kind. */
static bool
add_database(Building *b, HomeoPatternKind kind, const Part **parts, int n,
			 const char **problem)
{
	Database   *database = palloc(sizeof(*database));
	HomeoScanLiteral *literals = palloc_extended(sizeof(*literals) * n,
												 MCXT_ALLOC_HUGE);
	char	   *bytes;

	for (int i = 0; i < n; i++)
		literals[i] = parts[i]->literal;
	bytes = homeo_scan_compile(literals, n, &database->len, problem);
	pfree(literals);

	if (bytes == NULL)
		return false;
	database->bytes = palloc_extended(database->len,
									  MCXT_ALLOC_NO_OOM | MCXT_ALLOC_HUGE);
	if (database->bytes != NULL)
		memcpy(database->bytes, bytes, database->len);
	free(bytes);
	if (database->bytes == NULL)
	{
		*problem = "out of memory";
		return false;
	}
	database->kind = kind;
	database->n = n;
	database->parts = parts;
	b->databases = lappend(b->databases, database);
	return true;
}

/*
 * Compiles the parts of the patterns of one kind.  Returns false, with
 * *problem, when that can't be done.
 */
static bool
compile_parts(Building *b, HomeoPatternKind kind, const char **problem)
{
	const Part **parts = palloc_extended(sizeof(*parts) * Max(b->nparts, 1),
										 MCXT_ALLOC_HUGE);
	int			n = 0;

	for (int i = 0; i < b->nparts; i++)
	{
		if (b->parts[i].kind == kind)
			parts[n++] = &b->parts[i];
	}
	for (int start = 0; start < n; start += LITERALS_AT_ONCE)
	{
		CHECK_FOR_INTERRUPTS();
		if (!add_database(b, kind, parts + start,
						  Min(n - start, LITERALS_AT_ONCE), problem))
			return false;
	}
	return true;
}

/* Takes the rules out of the index that a scan finds. */
static void
thin_index(Building *b)
{
	for (int c = 0; c < b->nconditions; c++)
	{
		Ranks	   *rules = &b->conditions[c].rules;
		int			kept = 0;

		for (int i = 0; i < rules->n; i++)
		{
			uint32		rank = rules->ranks[i];

			if (!b->rules[rank].scanned)
				rules->ranks[kept++] = rules->ranks[i];
		}
		rules->n = kept;
	}
}

/* ----------------------------------------------------------------
 * The image
 * ----------------------------------------------------------------
 */

/* Appends bytes at a multiple of alignment; returns where they are. */
static uint32
put(StringInfo out, const void *bytes, size_t len, int alignment)
{
	static const char zeros[HOMEO_IMAGE_ALIGNMENT];
	int			padding = (int) (TYPEALIGN(alignment, out->len) - out->len);
	uint32		offset;

	appendBinaryStringInfo(out, zeros, padding);
	offset = out->len;
	if (len > 0)
		appendBinaryStringInfo(out, bytes, (int) len);
	return offset;
}

static HomeoImageText
put_text(StringInfo out, HomeoSlice given)
{
	HomeoImageText result = {0, 0};

	if (given.data == NULL)
		return result;
	result.offset = put(out, given.data, given.len, 1);
	result.len = (uint32) given.len;
	appendStringInfoChar(out, '\0');
	return result;
}

static HomeoImageText
put_string(StringInfo out, const char *given)
{
	HomeoSlice	slice = {given, given != NULL ? strlen(given) : 0};

	return put_text(out, slice);
}

static HomeoImageArray
put_array(StringInfo out, const void *elements, size_t size, int n)
{
	HomeoImageArray result;

	result.offset = put(out, elements, size * n, MAXIMUM_ALIGNOF);
	result.n = n;
	return result;
}

static HomeoImageArray
put_ranks(StringInfo out, const Ranks *ranks)
{
	return put_array(out, ranks->ranks, sizeof(uint32), ranks->n);
}

static void
put_rule(StringInfo out, const Ranked *ranked, HomeoImageRule *to)
{
	const HomeoRule *rule = ranked->rule;
	HomeoImageText *states = palloc(sizeof(*states) * Max(rule->nsqlstates, 1));

	memset(to, 0, sizeof(*to));
	to->revision = rule->revision;
	to->confidence = rule->confidence;
	to->priority = rule->priority;
	to->specificity = ranked->key.specificity;
	to->place = ranked->key.place;
	to->id = put_string(out, rule->id);
	to->root_cause = put_string(out, rule->root_cause);
	to->suggestion = put_string(out, rule->suggestion);
	to->template_name = put_string(out, rule->template_name);
	for (int i = 0; i < HOMEO_EXACT_COUNT; i++)
	{
		to->exact[i] = put_text(out, rule->exact[i]);
		if (rule->exact[i].data != NULL)
			to->has_exact |= (uint32) 1 << i;
	}
	for (int i = 0; i < rule->nsqlstates; i++)
		states[i] = put_string(out, rule->sqlstates[i]);
	to->sqlstates = put_array(out, states, sizeof(*states), rule->nsqlstates);
	for (int i = 0; i < HOMEO_PATTERN_COUNT; i++)
	{
		to->patterns[i] = ranked->patterns[i];
		if (ranked->patterns[i] >= 0)
			to->has_patterns |= (uint32) 1 << i;
	}
	pfree(states);
}

static int
compare_revisions(const void *a, const void *b)
{
	int64		x = ((const HomeoImageRevision *) a)->revision;
	int64		y = ((const HomeoImageRevision *) b)->revision;

	return (x > y) - (x < y);
}

static void
put_rules(Building *b, HomeoImage *header)
{
	HomeoImageRule *rules = palloc(sizeof(*rules) * Max(b->nrules, 1));
	HomeoImageRevision *revisions = palloc0(sizeof(*revisions) * Max(b->nrules, 1));

	for (int r = 0; r < b->nrules; r++)
	{
		put_rule(&b->out, &b->rules[r], &rules[r]);
		header->asked |= rules[r].has_exact;
		revisions[r].revision = rules[r].revision;
		revisions[r].rank = r;
	}
	qsort(revisions, b->nrules, sizeof(*revisions), compare_revisions);
	header->rules = put_array(&b->out, rules, sizeof(*rules), b->nrules);
	header->revisions = put_array(&b->out, revisions, sizeof(*revisions),
								  b->nrules);
}

static void
put_patterns(Building *b, HomeoImage *header)
{
	HomeoImagePattern *patterns = palloc0(sizeof(*patterns) * Max(b->npatterns, 1));

	for (int p = 0; p < b->npatterns; p++)
	{
		const Pattern *pattern = &b->patterns[p];
		HomeoImageText parts[HOMEO_SYNTAX_PARTS];

		patterns[p].source = put_text(&b->out, pattern->source);
		for (int i = 0; i < pattern->nparts; i++)
		{
			HomeoSlice	part = pattern->parts[i];

			parts[i].offset = patterns[p].source.offset +
				(uint32) (part.data - pattern->source.data);
			parts[i].len = (uint32) part.len;
		}
		patterns[p].parts = put_array(&b->out, parts, sizeof(*parts),
									  pattern->nparts);
		memcpy(patterns[p].key, pattern->key, sizeof(pattern->key));
		patterns[p].starts_at_offset = pattern->starts_at_offset;
		patterns[p].caseless = pattern->caseless;
		patterns[p].multiline = pattern->kind == HOMEO_PATTERN_FRAME;
	}
	header->patterns = put_array(&b->out, patterns, sizeof(*patterns),
								 b->npatterns);
}

static void
put_conditions(Building *b, HomeoImage *header)
{
	uint32		nplaces = pg_nextpower2_32(Max(b->nconditions, 1) * 2);
	HomeoImageCondition *places = palloc0(sizeof(*places) * nplaces);

	for (uint32 i = 0; i < nplaces; i++)
		places[i].kind = -1;
	for (int c = 0; c < b->nconditions; c++)
		b->conditions[c].text = put_text(&b->out, b->conditions[c].value);
	for (int c = 0; c < b->nconditions; c++)
	{
		const Condition *condition = &b->conditions[c];
		uint32		place =
		homeo_image_condition_place((const HomeoImage *) b->out.data, places,
									nplaces, condition->kind, condition->value);

		places[place].kind = condition->kind;
		places[place].value = condition->text;
		places[place].rules = put_ranks(&b->out, &condition->rules);
	}
	header->conditions = put_array(&b->out, places, sizeof(*places), nplaces);
}

/* Makes room for the databases; they are put there when that has its place. */
static void
put_scans(Building *b, HomeoImage *header)
{
	HomeoImageScan *scans = palloc0(sizeof(*scans) * Max(list_length(b->databases), 1));
	int			n = 0;
	ListCell   *lc;

	foreach(lc, b->databases)
	{
		Database   *database = lfirst(lc);
		size_t		size = homeo_scan_size(database->bytes, database->len);
		HomeoImageArray *parts;

		if (size == 0 || size > MaxAllocSize)
			elog(ERROR, "a database of Vectorscan is damaged");
		scans[n].kind = database->kind;
		parts = palloc_extended(sizeof(*parts) * database->n, MCXT_ALLOC_HUGE);
		for (int i = 0; i < database->n; i++)
			parts[i] = put_ranks(&b->out, &database->parts[i]->rules);
		scans[n].parts = put_array(&b->out, parts, sizeof(*parts), database->n);
		pfree(parts);
		scans[n].database = put(&b->out, NULL, 0, HOMEO_IMAGE_ALIGNMENT);
		enlargeStringInfo(&b->out, (int) size);
		memset(b->out.data + b->out.len, 0, size);
		b->out.len += (int) size;
		n++;
	}
	header->scans = put_array(&b->out, scans, sizeof(*scans), n);
}

/* Puts everything in order; the result is in the given memory. */
static HomeoImage *
make_image(Building *b, MemoryContext memory)
{
	HomeoImage	header = {0};
	HomeoImage *image;
	const HomeoImageScan *scan;
	ListCell   *lc;

	initStringInfo(&b->out);
	(void) put(&b->out, &header, sizeof(header), 1);
	put_rules(b, &header);
	for (int r = 0; r < b->nrules; r++)
		homeo_image_add_revision(header.sums, b->rules[r].rule->revision);
	put_patterns(b, &header);
	put_conditions(b, &header);
	put_scans(b, &header);
	header.size = b->out.len;
	memcpy(b->out.data, &header, sizeof(header));

	image = MemoryContextAllocHuge(memory, header.size + HOMEO_IMAGE_ALIGNMENT);
	image = (HomeoImage *) TYPEALIGN(HOMEO_IMAGE_ALIGNMENT, image);
	memcpy(image, b->out.data, header.size);
	scan = homeo_image_at(image, image->scans.offset);
	foreach(lc, b->databases)
	{
		Database   *database = lfirst(lc);

		if (!homeo_scan_place(database->bytes, database->len,
							  (char *) image + (scan++)->database))
			elog(ERROR, "a database of Vectorscan is damaged");
	}
	return image;
}

HomeoImage *
homeo_image_build(const HomeoRule *rules, int nrules,
				  const char **problem)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext scratch = AllocSetContextCreate(caller,
												  "homeostasis image",
												  ALLOCSET_DEFAULT_SIZES);
	Building	b = {.nrules = nrules};
	HASHCTL		control = {
		.keysize = sizeof(NumberKey),
		.entrysize = sizeof(NumberEntry),
		.hcxt = scratch
	};
	HomeoImage *image;

	MemoryContextSwitchTo(scratch);
	b.numbers = hash_create("homeostasis texts", 256, &control,
							HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	b.conditions_room = 64;
	b.conditions = palloc(sizeof(Condition) * b.conditions_room);
	b.parts_room = 64;
	b.parts = palloc(sizeof(Part) * b.parts_room);
	rank_rules(&b, rules);
	for (int r = 0; r < nrules; r++)
		index_by_condition(&b, r);
	if (problem != NULL)
	{
		bool		compiled = true;

		*problem = NULL;
		choose_scanned(&b);
		for (int kind = 0; kind < HOMEO_PATTERN_LEADS && compiled; kind++)
			compiled = compile_parts(&b, kind, problem);
		if (compiled)
			thin_index(&b);
		else
			b.databases = NIL;
	}
	image = make_image(&b, caller);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);
	return image;
}
