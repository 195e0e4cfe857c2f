/*
 * sql_text.c
 *		Tests of what is left of a statement without its values.
 */
#include "text/sql_text.h"

#include "tap.h"

typedef struct Case
{
	const char *text;
	const char *normal;
} Case;

static const Case cases[] = {
	/* literals */
	{"select 1, 'a', E'b\\'c', $1, null, 1.5e-3, .5, 0x1F, 1_000", "select ?"},
	{"select B'01' || X'1f' || N'x' || U&'\\0041' || 'it''s'", "select ?||?||?||?||?"},
	{"select $$a 'b$$, $t$ $$ $t$, a from t", "select ?,a from t"},
	{"select 'a'\n'b'", "select ?"},
	{"select -1, a - 1, a -1, (-1), a = +1", "select-?,a-?,a-?,(?),a=?"},
	{"select 'cut off", "select ?"},
	{"select $t$ cut off", "select ?"},
	{"select 'a\\' || a", "select ?||a"},
	/* names stay what they are */
	{"SELECT Orders.ID FROM Shop.Orders AS \"Order No\"", "select orders.id from shop.orders as \"Order No\""},
	{"select a1, t_2 from \"q\"\"1\"", "select a1,t_2 from \"q\"\"1\""},
	{"select \xc3\xa9t\xc3\xa9 from t$1", "select \xc3\xa9t\xc3\xa9 from t$1"},
	{"select * from tmp_0123456789abcdef01234567", "select*from tmp_?"},
	/* comments and blanks */
	{" select\t-- x\n a /* /* b */ c */ from\n t ;; ", "select a from t"},
	{"select/**/a", "select a"},
	{"select a /* cut off", "select a"},
	/* lists */
	{"select a in (1, 2, 3)", "select a in(?)"},
	{"insert into t values (1, 'x'), (2, 'y') , (3,null)", "insert into t values(?)"},
	{"insert into t values (1, now()), (2, now())", "insert into t values(?,now())"},
	{"insert into t values (1, now()), (now(), 2)", "insert into t values(?,now()),(now(),?)"},
	{"select (a), (a), (b)", "select(a),(b)"},
	{"select ((1), (2)), ((3)), ((4), (5), (6))", "select((?))"},
	{"select f(1) + f(2)", "select f(?)+f(?)"},
	{"select ))((", "select))(("},
	/* names that drivers number */
	{"fetch forward 100 from c_17", "fetch forward ? from c_"},
	{"FETCH NEXT FROM \"cursor 0x7f12\"", "fetch next from \"cursor xf\""},
	{"begin; savepoint sp12; update t1 set a2 = 3", "begin;savepoint sp;update t1 set a2=?"},
	{"declare c9 cursor for select * from t1", "declare c cursor for select*from t1"},
	{"execute p12(3)", "execute p(?)"},
	{"", ""}
};

static void
test_cases(void)
{
	size_t		i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		char		out[256];
		size_t		n = homeo_sql_text_normalize(cases[i].text,
												 strlen(cases[i].text), out,
												 sizeof(out));

		tap_same(out, n, cases[i].normal, cases[i].text);
	}
}

/* A list of any length needs no more room than a short one. */
static void
test_long_list(void)
{
	static char text[20000] = "insert into t values (1, 'a', null)";
	char		out[64];
	size_t		n = strlen(text);

	while (n + 30 < sizeof(text))
		n += (size_t) sprintf(text +n, ", (%d, 'x', %d)", (int) n, -(int) n);
	strcpy(text +n, " returning id");
	n = homeo_sql_text_normalize(text, strlen(text), out, sizeof(out));
	tap_same(out, n, "insert into t values(?)returning id", "a list of 1000 rows");
}

static void
test_innermost(void)
{
	const char *context =
	"SQL statement \"insert into \"a b\" values (1)\"\n"
	"PL/pgSQL function f() line 1 at SQL statement\n"
	"SQL statement \"select f()\"";
	HomeoSlice	found = homeo_sql_text_innermost(homeo_slice(context, strlen(context)));

	tap_same(found.data, found.len, "insert into \"a b\" values (1)",
			 "the innermost statement");
	context = "PL/pgSQL function f() line 1 at SQL statement\nSQL statement \"select 1\"";
	found = homeo_sql_text_innermost(homeo_slice(context, strlen(context)));
	tap_ok(found.len == 0, "none that a function called it from");
	found = homeo_sql_text_innermost(homeo_slice(NULL, 0));
	tap_ok(found.len == 0, "none without a context");
}

int
main(void)
{
	test_cases();
	test_long_list();
	test_innermost();
	return tap_done();
}
