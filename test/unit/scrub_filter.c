/*
 * scrub_filter.c
 *		Tests that what the filter clears holds nothing that the scrubber
 *		would remove, and that it clears what is common.
 */
#include "intake/scrub_filter.h"

#include <stdint.h>

#include "intake/scrub.h"
#include "tap.h"

#define TEXTS		300000
#define MOST_PIECES	10

/* What secrets are told by, in whole and nearly, and what is around them. */
static const char *const pieces[] = {
	"password", "PassWd", "passphrase", "pwd", "pass", "sig", "Secret",
	"token", "tokens", "api_key", "apikey", "API-Key", "access_key",
	"accesskey", "account-key", "accountkey", "secretkey", "secret_key_base",
	"private_key", "privatekey", "signing_key", "encryption-key",
	"x-amz-signature", "X_Amz_Signature", "Authorization", "cookie",
	"Set-Cookie", "bearer", "Bearer ", "Basic ", "Digest ", "identified",
	"identified by '", "curl", "curl -u ", "--user ", "insert", "into", "values", "select",
	"crypt", "crypt('", "decrypt_iv('", "hmac", "pgp_sym_encrypt_bytea('",
	"pgp_pub_decrypt", "gen_salt", "AKIA", "ASIAABCDEFGHIJKL", "AIza", "ghp_",
	"gho_", "ghr_", "github_pat_", "glpat-", "npm_", "xoxa-", "xoxb-",
	"xoxz-", "sk_live_", "sk_test_", "rk_live_", "sk-", "SCRAM-SHA-256$",
	"eyJ", "eyJhbGciOi.", "-----BEGIN ", "RSA PRIVATE KEY-----",
	"PRIVATE KEY", "-----END", "://", "http://", "user:", "bob", "@", "host",
	"5432", "4111", "4111 1111 1111 1111", "4111-1111-1111-1111",
	"4111111111111111", "2026-11-27", "378282246310005", "2221000000000009",
	"5", "3", "=", ":", ": ", "= ", "=> ", ":= ", "'", "''", "\"", "\\\"",
	"`", "(", ")", "{", "}", "[", "]", "<", ">", "/", "?", "#", ",", ";", "&",
	"|", "||", " ", "\n", "\t", "\r", "\v", "\f", "\x7f", "-", "_", ".", "$", "$1",
	"$$", "%s", "%L", "*", "\xc3\xa9", "\xff", "a", "b1", "xyzzy12345678",
	" as ", "'x' AS ", "as \xc3\xa9", "cart_token", "('", "\n  ", "e'", "U&'", "to", "key", "Key (", "\\", "null", "0", "--",
	"/*", "*/", "abcdefghijklmnopqrstuvwxyz012345"
};

static uint64_t state = UINT64_C(88172645463325252);

/* Marsaglia's xorshift; the same numbers in each run. */
static unsigned int
choose(unsigned int n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned int) (state >> 16) % n;
}

static size_t
compose(char *str)
{
	size_t		len = 0;
	unsigned int n = 1 + choose(MOST_PIECES);

	while (n-- > 0)
	{
		const char *piece = pieces[choose(sizeof(pieces) / sizeof(pieces[0]))];

		memcpy(str + len, piece, strlen(piece));
		len += strlen(piece);
		if (choose(40) == 0)
			str[len++] = (char) choose(256);
	}
	return len;
}

static void
test_composed(void)
{
	int			ncleared = 0;
	int			nchanged = 0;
	int			nwrong = 0;
	int			i;

	for (i = 0; i < TEXTS; i++)
	{
		char		str[MOST_PIECES * 40];
		char		original[sizeof(str)];
		size_t		len = compose(str);
		bool		cleared = homeo_scrub_filter_clears(str, len);
		bool		changed;

		memcpy(original, str, len);
		changed = homeo_scrub(str, len) != len ||
			memcmp(str, original, len) != 0;
		ncleared += cleared;
		nchanged += changed;
		if (cleared && changed && nwrong++ < 10)
			tap_show("cleared: ", original, len);
	}
	tap_ok(nwrong == 0, "of %d texts none with a secret is cleared", TEXTS);
	tap_ok(nchanged > TEXTS / 10, "%d have one", nchanged);
	tap_ok(ncleared > TEXTS / 10, "and %d are cleared", ncleared);
}

static void
test_common(void)
{
	static const char *const common[] = {
		"duplicate key value violates unique constraint \"orders_pkey\"",
		"Key (id)=(4711) already exists.",
		"Traceback (most recent call last):\n"
		"  File \"/srv/shop/orders.py\", line 128, in place\n"
		"    return self.store(order, timeout=30)\n"
		"  File \"/srv/shop/cart.py\", line 7, in cart_token\n"
		"    value = self.cart_token(order, self.token.id)\nKeyError: 'tokens'",
		"{\"host\": \"web-7\", \"url\": \"https://shop.example/cart?item=12\"}",
		"2026-11-27 03:41:19.595992+00 order 4711000 of 77abc",
		"0b8f2c61-5d0e-4f5a-9c3a-2f1f7c1d9e55",
		""
	};
	size_t		i;

	for (i = 0; i < sizeof(common) / sizeof(common[0]); i++)
		tap_ok(homeo_scrub_filter_clears(common[i], strlen(common[i])),
			   "the common text %d is cleared", (int) i);
}

int
main(void)
{
	tap_ok(!homeo_scrub_filter_clears("", 0),
		   "nothing is cleared without patterns");
	tap_ok(homeo_scrub_filter_init(), "they compile");
	test_composed();
	test_common();
	return tap_done();
}
