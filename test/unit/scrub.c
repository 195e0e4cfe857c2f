/*
 * scrub.c
 *		Tests of what is a secret and what only looks like one.
 */
#include "intake/scrub.h"

#include <stdlib.h>

#include "tap.h"

typedef struct Case
{
	const char *text;
	const char *expected;		/* NULL: stays as it is */
} Case;

/* Whatever is secret here has "S3" or "CRET" in it, or is a card's number. */
static const Case cases[] = {
	{"create role bob login password 'S3CRET'",
	"create role bob login password '***'"},
	{"ALTER USER bob WITH ENCRYPTED PASSWORD E'it\\'s S3CRET' VALID UNTIL 'x'",
	"ALTER USER bob WITH ENCRYPTED PASSWORD E'***' VALID UNTIL 'x'"},
	{"alter role bob password 'a''S3CRET' valid until 'x'",
	"alter role bob password '***' valid until 'x'"},
	{"alter role bob password $$S3CRET$$ login",
	"alter role bob password $$***$$ login"},
	{"alter role bob password $t$S3$CRET$t$ login",
	"alter role bob password $t$***$t$ login"},
	{"alter role bob password U&'S3CRET' login",
	"alter role bob password U&'***' login"},
	{"alter role bob password null", NULL},
	{"create user bob identified by 'S3CRET'",
	"create user bob identified by '***'"},
	{"create user mapping for x server y options (user 'bob', password 'S3CRET')",
	"create user mapping for x server y options (user 'bob', password '***')"},
	{"create subscription s connection 'host=h user=u password=S3CRET dbname=d' publication p",
	"create subscription s connection 'host=h user=u password=*** dbname=d' publication p"},
	{"create subscription s connection 'host=h password=''S3 CRET'' dbname=d' publication p",
	"create subscription s connection 'host=h password=''***'' dbname=d' publication p"},
	{"host=h password='S3 \\' CRET' sslpassword=S3CRET passwd = S3CRET dbname=x",
	"host=h password='***' sslpassword=*** passwd = *** dbname=x"},
	{"host=h password=S3CRET", "host=h password=***"},
	{"passphrase=S3CRET secret_key_base=S3CRET X-Amz-Signature=S3CRET",
	"passphrase=*** secret_key_base=*** X-Amz-Signature=***"},
	{"select encrypt_iv(d, 'S3CRET', '') || pgp_sym_encrypt_bytea(d, 'S3CRET')",
	"select encrypt_iv(d, '***', '') || pgp_sym_encrypt_bytea(d, '***')"},
	{"postgres://bob:S3CRET@host:5432/db and postgres://bob@h/d http://h:80/x@y http://[::1]:80/a@b",
	"postgres://bob:***@host:5432/db and postgres://bob@h/d http://h:80/x@y http://[::1]:80/a@b"},
	{"redis://:S3C@RET@host/0 amqp://u:S3/CRET@h x://u:S3CRET",
	"redis://:***@host/0 amqp://u:***@h x://u:***"},
	{"http://localhost:8080 postgres://h:5432,h2:5433/db", NULL},
	{"Authorization: Bearer S3CRET next", "Authorization: Bearer *** next"},
	{"authorization: basic S3CRET==", "authorization: basic ***"},
	{"-H 'Authorization: Bearer S3CRET' -X",
	"-H 'Authorization: Bearer ***' -X"},
	{"{\"Authorization\": \"Bearer S3CRET\", \"x\": 1}",
	"{\"Authorization\": \"Bearer ***\", \"x\": 1}"},
	{"[\"authorization\",\"Basic S3CRET\",\"x\"]",
	"[\"authorization\",\"Basic ***\",\"x\"]"},
	{"Authorization: Digest username=\"x\", response=\"S3CRET\"",
	"Authorization: Digest ***"},
	{"Authorization: S3CRET12345", "Authorization: ***"},
	{"authorization: not granted to user", NULL},
	{"bearer S3CRET12345 bearer token required",
	"bearer *** bearer token required"},
	{"jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.SflKxwRJ_S3CRET-x end",
	"jwt *** end"},
	{"jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOi", "jwt ***"},
	{"api_key=S3CRET apikey: S3CRET1 x-api-key: S3CRET1 secret=S3CRET token=S3CRET access_token=S3CRET&x=1",
	"api_key=*** apikey: *** x-api-key: *** secret=*** token=*** access_token=***&x=1"},
	{"AKIAS3CRET7EXAMPLEX sk-S3CRETabcdefghijkl0 ghp_S3CRETabcdefghijkl0 sk-learn",
	"AKIA*** sk-*** ghp_*** sk-learn"},
	{"-----BEGIN RSA PRIVATE KEY-----\\nS3CRET\\n-----END RSA PRIVATE KEY----- x",
	"-----BEGIN RSA PRIVATE KEY-----***-----END RSA PRIVATE KEY----- x"},
	{"-----BEGIN PRIVATE KEY-----S3CRET", "-----BEGIN PRIVATE KEY-----***"},
	{"card 4111 1111 1111 1111, 4111111111111111 5500-0000-0000-0004 378282246310005 1700000000000 4111111111111112",
	"card **** **** **** 1111, ************1111 ****-****-****-0004 ***********0005 1700000000000 4111111111111112"},
	{"{\"password\": \"S3CRET\", \"user\": \"bob\"} {\\\"password\\\":\\\"S3\\\\\\\"CRET\\\",\\\"x\\\":1} {'password': 'S3CRET'}",
	"{\"password\": \"***\", \"user\": \"bob\"} {\\\"password\\\":\\\"***\\\",\\\"x\\\":1} {'password': '***'}"},
	{"{\"password\":\"\",\"user\":\"x\"} {\"password\": null, \"token\": 15} {\"token\": \"S3CRET\"}",
	"{\"password\":\"\",\"user\":\"x\"} {\"password\": null, \"token\": 15} {\"token\": \"***\"}"},
	{"Unexpected token in JSON at position 5", NULL},
	{"Unexpected token 'x', \"{\"a\" is not valid JSON", NULL},
	{"unexpected token: foo", NULL},
	{"invalid token \"x\"", NULL},
	{"password authentication failed for user \"x\"", NULL},
	{"no password supplied", NULL},
	{"password: must not be blank", NULL},
	{"password: S3CRET", "password: ***"},
	{"column \"password\" of relation \"users\" does not exist", NULL},
	{"select * from t where password = $1 and token = $2 and a.password = b.password",
	NULL},
	{"update u set password = excluded.password", NULL},
	{"update u set password = crypt('S3CRET', gen_salt('bf'))",
	"update u set password = ***', gen_salt('bf'))"},
	{"update u set password = 'S3CRET' where id = 5",
	"update u set password = '***' where id = 5"},
	{"password_encryption = 'scram-sha-256'", NULL},
	{"select password::text, length(password) from u", NULL},
	{"mysql --password=S3CRET --password S3CRET --password is required",
	"mysql --password=*** --password *** --password is required"},
	{"PWD=/home/app OLDPWD=/x pwd=S3CRET;Server=x;",
	"PWD=/home/app OLDPWD=/x pwd=***;Server=x;"},
	{"Server=x;Uid=y;Pwd={S3;CRET};z=1", "Server=x;Uid=y;Pwd=***};z=1"},
	{"<password>S3CRET</password><ns:secret>S3CRET</ns:secret>",
	"<password>***</password><ns:secret>***</ns:secret>"},
	{"set password for bob = password('S3CRET')",
	"set password for bob = password('***')"},
	{"PGPASSWORD=S3CRET psql", "PGPASSWORD=*** psql"},
	{"{user=bob, password=S3,CRET, host=y} user=x,password=S3CRET,host=z",
	"{user=bob, password=***, host=y} user=x,password=***,host=z"},
	{"config['password'] = 'S3CRET'", "config['password'] = '***'"},
	{"Cookie: session=S3CRET; x=S3CRET", "Cookie: ***"},
	{"secret \"db-creds\" not found", NULL},
	{"password \"S3CRET", "password \"***"},
	{"password=S3CRET\"}", "password=***\"}"},
	{"password 'S3CRET", "password '***"},
	{"ASIAS3CRETabcdefghijk AIzaS3CRETabcdefghijklmnopqrstuvwxyz0123 gho_S3CRETabcdefghijkl0",
	"ASIA*** AIza*** gho_***"},
	{"ghu_S3CRETabcdefghijkl0 ghs_S3CRETabcdefghijkl0 ghr_S3CRETabcdefghijkl0",
	"ghu_*** ghs_*** ghr_***"},
	{"github_pat_S3CRETabcdefghijkl0 glpat-S3CRETabcdefghijkl0 npm_S3CRETabcdefghijklmnopqrstuvwxyz0123",
	"github_pat_*** glpat-*** npm_***"},
	{"xoxa-S3CRETabc xoxb-S3CRETabc xoxp-S3CRETabc xoxr-S3CRETabc xoxs-S3CRETabc",
	"xoxa-*** xoxb-*** xoxp-*** xoxr-*** xoxs-***"},
	{"sk_live_S3CRETabc sk_test_S3CRETabc rk_live_S3CRETabc",
	"sk_live_*** sk_test_*** rk_live_***"},
	{"SCRAM-SHA-256$4096:S3CRET$x:y= z", "SCRAM-SHA-256$*** z"},
	{"compass=1 bypass=2 pass=S3CRET db_pass: S3CRET1",
	"compass=1 bypass=2 pass=*** db_pass: ***"},
	{"clientSecret: \"S3CRET\" client_secret 'S3CRET'",
	"clientSecret: \"***\" client_secret '***'"},
	{"Key (password)=(S3 CRET) already exists.",
	"Key (password)=(***) already exists."},
	{"Key (user_id, api_token)=(5, S3CRET) already exists.",
	"Key (user_id, api_token)=(***) already exists."},
	{"pass: 12, fail: 3 sig=S3CRET", "pass: 12, fail: 3 sig=***"},
	{"password=a\\ S3CRET x", "password=*** x"},
	{"Authorization: Bearer", NULL},
	{"{\"password\": 123456, \"x\": 1}", "{\"password\": 0, \"x\": 1}"},
	{"[\"Cookie: a=S3CRET; b=S3CRET\", \"x\"]", "[\"Cookie: ***\", \"x\"]"},
	{"\"Authorization: Digest a=\\\"x\\\", b=\\\"S3CRET\\\"\", \"x\"",
	"\"Authorization: Digest ***\", \"x\""},
	{"{\"h\": \"\\\"Cookie: a=S3CRET\\\", x\"}",
	"{\"h\": \"\\\"Cookie: ***\\\", x\"}"},
	{"alter role bob password /* x */ 'S3CRET' login",
	"alter role bob password /* x */ '***' login"},
	{"alter role bob password -- x\n'S3CRET' login",
	"alter role bob password -- x\n'***' login"},
	{"alter role bob password/**/E'S3CRET'",
	"alter role bob password/**/E'***'"},
	{"alter role bob password 'S3X'\n  'CRET' login",
	"alter role bob password '***'\n  '***' login"},
	{"update u set password = 'S3X' || 'CRET' where id = 1",
	"update u set password = '***' || '***' where id = 1"},
	{"execute 'alter role bob password ' || quote_literal('S3CRET')",
	"execute 'alter role bob password ' || quote_literal(***"},
	{"execute 'alter role bob password ''' || 'S3CRET' || ''''",
	"execute 'alter role bob password ''' || ***"},
	{"do $$begin execute 'alter role bob password ' || $x$S3CRET$x$; end$$",
	"do $$begin execute 'alter role bob password ' || ***"},
	{"do $$begin execute format('alter role %I password %L', 'bob', 'S3CRET'); end$$",
	"do $$begin execute format('alter role %I password %L', ***"},
	{"select format('password = ''%1$s''', 'S3CRET')",
	"select format('password = ''%1$s''', ***"},
	{"execute concat('alter role bob password ', 'S3CRET')",
	"execute concat('alter role bob password ', ***"},
	{"execute 'alter role bob password ''S3CRET'''",
	"execute 'alter role bob password ''***'''"},
	{"do 'begin execute ''alter role bob password ''''S3CRET''''''; end'",
	"do 'begin execute ''alter role bob password ''''***''''''; end'"},
	{"select dblink('host=h password=' || 'S3CRET', 'select 1')",
	"select dblink('host=h password=' || ***"},
	{"select dblink_connect('host=h password=''!S3 CRET'' user=u')",
	"select dblink_connect('host=h password=''***'' user=u')"},
	{"select dblink_connect('c', 'postgresql://bob:S3CRET@h/d?x=1')",
	"select dblink_connect('c', 'postgresql://bob:***@h/d?x=1')"},
	{"select dblink_connect('postgresql://h/d?user=bob&password=S3CRET&x=1')",
	"select dblink_connect('postgresql://h/d?user=bob&password=***&x=1')"},
	{"alter user mapping for bob server s options (add user 'bob', set password E'S3\\'CRET')",
	"alter user mapping for bob server s options (add user 'bob', set password E'***')"},
	{"alter subscription s connection $$host=h password=S3CRET user=u$$",
	"alter subscription s connection $$host=h password=*** user=u$$"},
	{"create subscription s connection E'host=h password=\\'S3 CRET\\' dbname=d' publication p",
	"create subscription s connection E'host=h password=\\'***\\' dbname=d' publication p"},
	{"alter system set primary_conninfo = 'host=h password=S3CRET'",
	"alter system set primary_conninfo = 'host=h password=***'"},
	{"select set_config('app.api_token', 'S3CRET', false)",
	"select set_config('app.api_token', '***', false)"},
	{"select jsonb_build_object('password', 'S3CRET', 'x', 1)",
	"select jsonb_build_object('password', '***', 'x', 1)"},
	{"alter database d set app.token to 'S3CRET'",
	"alter database d set app.token to '***'"},
	{"set app.secret_key to e'S3\\'CRET'",
	"set app.secret_key to e'***'"},
	{"insert into users (name, password) values ('bob', 'S3CRET')",
	"insert into users (name, password) values (***"},
	{"insert into users (\"password\", x) select 'S3CRET', 1",
	"insert into users (\"password\", x) select ***"},
	{"update users set (name, password) = ('bob', 'S3CRET') where id = 1",
	"update users set (name, password) = (***"},
	{"update users set (\"password\", name) = row ('S3CRET', 'bob')",
	"update users set (\"password\", name) = row (***"},
	{"select from users where (name, password) = ('bob', 'S3CRET')",
	"select from users where (name, password) = (***"},
	{"update users set (name, password) = ($1, $2) where x = 'bob'",
	"update users set (name, password) = ($1, $2) where x = ***"},
	{"update users set (name, age) = ('bob', 7)", NULL},
	{"select (name, password) from users where name = 'bob'", NULL},
	{"select 'x' as passenger, 'y' as password_id, password as p, '' as password", NULL},
	{"select f('x'), 1 as password", NULL},
	{"select crypt('S3CRET', gen_salt('bf'))", "select crypt('***', gen_salt('bf'))"},
	{"select crypt('S3CRET', gen_salt('S3CRET", "select crypt('***', gen_salt('***"},
	{"select encrypt(gen_salt('bf', 4), 'S3CRET', 'S3CRET')", "select encrypt(gen_salt('bf', 4), '***', '***')"},
	{"select crypt(x, gen_salt('password=S3CRET'))", "select crypt(x, gen_salt('***'))"},
	{"select * from t where hash = crypt('S3CRET', hash) and x = 'y'",
	"select * from t where hash = crypt('***', hash) and x = 'y'"},
	{"insert into t values (pgp_sym_encrypt(lower(data), 'S3CRET'), 'x')",
	"insert into t values (pgp_sym_encrypt(lower(data), '***'), 'x')"},
	{"select pgp_sym_decrypt(c, $$S3CRET$$)", "select pgp_sym_decrypt(c, ***"},
	{"execute format('select hmac(d, ''S3CRET'', ''sha256'')')",
	"execute format('select hmac(d, ***"},
	{"crypt(3) failed for 'bob'; select encrypt(data, key), 'x'", NULL},
	{"decrypt the file 'x' (encrypt it first)", NULL},
	{"login of bob with password S3CRET99 failed", "login of bob with password *** failed"},
	{"passwd 12345S3CRET", "passwd ***"},
	{"create table u (password varchar(255), api_key character(32))", NULL},
	{"password authentication failed; the password must have 8 characters", NULL},
	{"select password from users2024 order by password limit 10", NULL},
	{"curl -s -u bob:S3CRET https://h/x", "curl -s -u bob:*** https://h/x"},
	{"curl --user 'bob:S3 CRET' h", "curl --user 'bob:***' h"},
	{"curl --user=bob:S3CRET -uann:S3CRET h", "curl --user=bob:*** -uann:*** h"},
	{"curl -u bob https://h:80/x; curl -u https://h:80/", NULL},
	{"docker run -u 1000:1000 image", NULL},
	{"insert into users (name, password) values ($1, $2)", NULL},
	{"insert into users (name) values ('bob')", NULL},
	{"COPY users, line 3, column password: \"S3CRET\"",
	"COPY users, line 3, column password: \"***\""},
	{"COPY users, line 1: \"bob\tpassword=S3CRET\"",
	"COPY users, line 1: \"bob\tpassword=***\""},
	{"insert into c values ('{\"db\": {\"password\" : \"S3\\\"CRET\"}}')",
	"insert into c values ('{\"db\": {\"password\" : \"***\"}}')"},
	{"aws_secret_access_key = S3CRET/abcdef x",
	"aws_secret_access_key = *** x"},
	{"card=5500-0000-0000-0004 ('4111 1111 1111 1111')",
	"card=****-****-****-0004 ('**** **** **** 1111')"},
	{"update u set password = %s where name = %s", NULL},
	{"password changed to administrator", NULL},
};

/* The same where the name is behind the secret, and a cut may part them. */
static const Case named_behind[] = {
	{"select 'S3CRET' as password, 'x' as name", "select '***' as password, 'x' as name"},
	{"select 'it''s S3CRET' AS \"password\"", "select '***' AS \"password\""},
	{"select E'a\\'S3CRET'::text as db_password", "select E'***'::text as db_password"},
	{"select 'S3CRET' as api_key, 'S3CRET' as token", "select '***' as api_key, '***' as token"},
};

/* In memory of exactly its size, so that reading beyond it is seen. */
static size_t
scrub(const char *text, size_t len, char *out)
{
	char	   *copy = malloc(len);
	size_t		n;

	if (len > 0)
		memcpy(copy, text, len);
	n = homeo_scrub(copy, len);
	if (n > 0)
		memcpy(out, copy, n);
	free(copy);
	return n;
}

static void
check(const Case *list, size_t n)
{
	char		out[1000];
	size_t		i;

	for (i = 0; i < n; i++)
	{
		const char *expected = list[i].expected;
		size_t		len = scrub(list[i].text, strlen(list[i].text), out);

		if (expected == NULL)
			expected = list[i].text;
		tap_same(out, len, expected, expected);
	}
}

static void
test_cases(void)
{
	check(cases, sizeof(cases) / sizeof(cases[0]));
	check(named_behind, sizeof(named_behind) / sizeof(named_behind[0]));
}

/* Whoever scrubs a text again must find nothing new. */
static void
test_again(void)
{
	char		once[1000];
	char		twice[1000];
	bool		same = true;
	size_t		i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		size_t		n = scrub(cases[i].text, strlen(cases[i].text), once);
		size_t		m = scrub(once, n, twice);

		if (n != m || memcmp(once, twice, n) != 0)
		{
			tap_show("changes again: ", once, n);
			same = false;
		}
	}
	tap_ok(same, "what was scrubbed stays as it is");
}

static bool
holds(const char *bytes, size_t len, const char *needle)
{
	size_t		n = strlen(needle);
	size_t		i;

	for (i = 0; i + n <= len; i++)
	{
		if (memcmp(bytes + i, needle, n) == 0)
			return true;
	}
	return false;
}

/*
 * Cut anywhere, as a statement is at its limit, no secret may be left that
 * the whole text would not have left.
 */
static void
test_cut(void)
{
	char		out[1000];
	bool		clean = true;
	size_t		i;
	size_t		len;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		for (len = 0; len <= strlen(cases[i].text); len++)
		{
			size_t		n = scrub(cases[i].text, len, out);

			if (n > len || holds(out, n, "S3C") || holds(out, n, "CRET"))
			{
				tap_show("left: ", out, n);
				clean = false;
			}
		}
	}
	tap_ok(clean, "a secret that is cut off is removed, too");
}

/* The list of parameters does not say which of them is a secret. */
static void
test_parameters(void)
{
	static const Case lists[] = {
		{"portal \"p\" with parameters: $1 = 'bob', $2 = 'it''s S3CRET', $3 = NULL",
		"portal \"p\" with parameters: $1 = '***', $2 = '***', $3 = NULL"},
		{"Parameters: $1 = 'S3CRET'\nPL/pgSQL function f('x')",
		"Parameters: $1 = '***'\nPL/pgSQL function f('x')"},
		{"with parameters: $1 = 'S3CR", "with parameters: $1 = '***"},
		{"with parameters: 'x' and $1 = 'y'", NULL},
		{"parameters", NULL}
	};
	static const char *const taking[] = {
		"insert into users (name, password) values ($1, $2)",
		"update users set api_key = $1", "select crypt($1, salt)", NULL
	};
	static const char *const harmless[] = {
		"insert into users (name) values ($1)", "select crypto($1)", "", NULL
	};
	char		out[1000];
	size_t		i;

	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
	{
		const char *expected = lists[i].expected ? lists[i].expected : lists[i].text;
		size_t		n = strlen(lists[i].text);

		memcpy(out, lists[i].text, n);
		tap_same(out, homeo_scrub_parameters(out, n), expected, expected);
	}
	for (i = 0; taking[i] != NULL; i++)
		tap_ok(homeo_scrub_takes_secrets(taking[i], strlen(taking[i])),
			   "takes a secret: %s", taking[i]);
	for (i = 0; harmless[i] != NULL; i++)
		tap_ok(!homeo_scrub_takes_secrets(harmless[i], strlen(harmless[i])),
			   "takes none: %s", harmless[i]);
}

int
main(void)
{
	test_cases();
	test_again();
	test_cut();
	test_parameters();
	return tap_done();
}
