/*
 * lua_tls.c - urlsock.tls: TLS configurations for Lua.
 */
#include <string.h>

#include "lua_urlsock.h"

#define PINS_MAX 32
#define PAIRS_MAX 64
#define TICKETS_MAX 8

struct tls_object {
	struct sk_conf *conf;		/* NULL: closed */
};

struct session_object {
	struct sk_session *session;	/* NULL: closed */
};

/*
 * Fields of the table at an index; the table keeps the strings. What may
 * raise is all here: nothing is acquired before they are read.
 */

static struct sk_span
string_field(lua_State *L, int index, const char *name)
{
	struct sk_span s = { NULL, 0 };

	lua_getfield(L, index, name);
	if (!lua_isnil(L, -1)) {
		if (lua_type(L, -1) != LUA_TSTRING)
			luaL_error(L, "option '%s': string expected, got %s",
			    name, luaL_typename(L, -1));
		s.p = lua_tolstring(L, -1, &s.n);
		if (s.n == 0)
			luaL_error(L, "option '%s' is empty", name);
	}
	lua_pop(L, 1);
	return s;
}

static const char *
text_field(lua_State *L, const char *name)
{
	struct sk_span s = string_field(L, 1, name);

	if (s.p != NULL && strlen(s.p) != s.n)
		luaL_error(L, "option '%s': a NUL byte", name);
	return s.p;
}

static int
flag_field(lua_State *L, const char *name)
{
	int value;

	lua_getfield(L, 1, name);
	if (!lua_isnil(L, -1) && !lua_isboolean(L, -1))
		luaL_error(L, "option '%s': boolean expected, got %s", name,
		    luaL_typename(L, -1));
	value = lua_toboolean(L, -1);
	lua_pop(L, 1);
	return value;
}

/* A whole number, or -1 where there is none. */
static long
whole_field(lua_State *L, const char *name)
{
	double value = -1;

	lua_getfield(L, 1, name);
	if (!lua_isnil(L, -1)) {
		value = lua_type(L, -1) == LUA_TNUMBER ?
		    lua_tonumber(L, -1) : -1;
		if (!(value >= 0 && value <= 86400))
			luaL_error(L, "option '%s': a whole number of 0 to "
			    "86400 expected", name);
	}
	lua_pop(L, 1);
	return (long)value;
}

/* "require", or nothing. */
static int
require_field(lua_State *L, const char *name, struct sk_err *err)
{
	const char *p = text_field(L, name);

	if (p != NULL && strcmp(p, "require") != 0)
		(void)sk_fail(err, SK_TLS, "%s: 'require' expected", name);
	return p != NULL;
}

/* The i-th string of the list in a field (a string is a list of one). */
static const char *
list_item(lua_State *L, const char *name, int i, size_t *n)
{
	const char *p = NULL;

	lua_getfield(L, 1, name);
	if (lua_type(L, -1) == LUA_TSTRING && i == 1)
		p = lua_tolstring(L, -1, n);
	else if (lua_istable(L, -1)) {
		lua_rawgeti(L, -1, i);
		if (lua_type(L, -1) == LUA_TSTRING)
			p = lua_tolstring(L, -1, n);
		else if (!lua_isnil(L, -1))
			luaL_error(L, "option '%s': a list of strings "
			    "expected", name);
		lua_pop(L, 1);
	} else if (!lua_isnil(L, -1) && lua_type(L, -1) != LUA_TSTRING)
		luaL_error(L, "option '%s': a string or a list expected",
		    name);
	lua_pop(L, 1);
	return p;
}

/* The names of alpn, joined by commas, as a string on the stack, or NULL. */
static const char *
push_alpn(lua_State *L, struct sk_err *err)
{
	const char *p;
	size_t n;
	int i;

	if (list_item(L, "alpn", 1, &n) == NULL) {
		lua_pushnil(L);
		return NULL;
	}
	lua_pushliteral(L, "");
	for (i = 1; (p = list_item(L, "alpn", i, &n)) != NULL; i++) {
		if (n == 0 || n > 255 || memchr(p, ',', n) != NULL ||
		    memchr(p, '\0', n) != NULL)
			(void)sk_fail(err, SK_TLS, "alpn: a name is 1 to 255 "
			    "bytes without commas");
		if (i > 1) {
			lua_pushliteral(L, ",");
			lua_concat(L, 2);
		}
		lua_pushlstring(L, p, n);
		lua_concat(L, 2);
	}
	return lua_tostring(L, -1);
}

static unsigned
protocols_field(lua_State *L, struct sk_err *err)
{
	const struct sk_scheme *s;
	const char *p;
	unsigned mask = 0;
	size_t n;
	int i;

	for (i = 1; (p = list_item(L, "protocols", i, &n)) != NULL; i++) {
		s = sk_scheme_find(p, n);
		if (s != NULL && s->refusal != NULL)
			(void)sk_fail(err, SK_REMOVED, "protocols: %s",
			    s->refusal);
		else if (s == NULL || s->version == 0)
			(void)sk_fail(err, SK_TLS, "protocols: 'tlsv1.2' and "
			    "'tlsv1.3' are known, not '%.20s'", p);
		else
			mask |= s->version;
	}
	return mask;
}

static enum sk_client_auth
client_field(lua_State *L, struct sk_err *err)
{
	const char *p = text_field(L, "client");

	if (p == NULL || strcmp(p, "none") == 0)
		return SK_CLIENT_NONE;
	if (strcmp(p, "optional") == 0)
		return SK_CLIENT_OPTIONAL;
	if (strcmp(p, "require") != 0)
		(void)sk_fail(err, SK_TLS, "client: 'none', 'optional' or "
		    "'require' expected");
	return SK_CLIENT_REQUIRE;
}

/* A certificate with what belongs to it, from the table at that index. */
static void
pair_fields(lua_State *L, int index, struct sk_keypair *pair)
{
	pair->cert = string_field(L, index, "cert");
	pair->key = string_field(L, index, "key");
	pair->password = string_field(L, index, "password");
	pair->staple = string_field(L, index, "staple");
	pair->number = 0;
}

/* cert and key, then the list certs. How many there are. */
static size_t
pairs_field(lua_State *L, struct sk_keypair *pairs, struct sk_err *err)
{
	size_t i, n = 0;

	pair_fields(L, 1, &pairs[0]);
	if (pairs[0].cert.n > 0)
		n = 1;
	else if (pairs[0].key.n + pairs[0].staple.n + pairs[0].password.n > 0)
		(void)sk_fail(err, SK_TLS, "%s: there is no cert to it",
		    pairs[0].key.n > 0 ? "key" :
		    pairs[0].staple.n > 0 ? "staple" : "password");
	lua_getfield(L, 1, "certs");
	for (i = 1; lua_istable(L, -1); i++, n++) {
		lua_rawgeti(L, -1, (int)i);
		if (!lua_istable(L, -1)) {
			lua_pop(L, 1);
			break;
		}
		if (n == PAIRS_MAX) {
			(void)sk_fail(err, SK_TLS, "certs: at most %d",
			    PAIRS_MAX);
			lua_pop(L, 1);
			break;
		}
		pair_fields(L, lua_gettop(L), &pairs[n]);
		pairs[n].number = i;
		if (pairs[n].cert.n == 0)
			(void)sk_fail(err, SK_TLS,
			    "certs[%zu].cert: it is missing", i);
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
	return n;
}

static size_t
tickets_field(lua_State *L, struct sk_span *tickets, struct sk_err *err)
{
	size_t n;

	for (n = 0; n < TICKETS_MAX; n++) {
		tickets[n].p = list_item(L, "ticket_keys", (int)n + 1,
		    &tickets[n].n);
		if (tickets[n].p == NULL)
			return n;
	}
	(void)sk_fail(err, SK_TLS, "ticket_keys: at most four");
	return 0;
}

static size_t
pins_field(lua_State *L, const char **pins, struct sk_err *err)
{
	size_t i, n;

	for (n = 0; n < PINS_MAX; n++) {
		if ((pins[n] = list_item(L, "pin", (int)n + 1, &i)) == NULL)
			return n;
		if (strlen(pins[n]) != i)
			(void)sk_fail(err, SK_TLS, "pin: a NUL byte");
	}
	(void)sk_fail(err, SK_TLS, "pin: too many of them");
	return 0;
}

static struct sk_session *
session_field(lua_State *L)
{
	struct session_object *o;

	lua_getfield(L, 1, "session");
	o = sk_lua_test(L, -1, SK_TYPE_SESSION);
	if (o == NULL && !lua_isnil(L, -1))
		luaL_error(L, "option 'session': urlsock.session expected");
	lua_pop(L, 1);
	return o != NULL ? o->session : NULL;
}

/* The settings that need no room of the caller's. */
static void
plain_fields(lua_State *L, struct sk_conf_spec *spec, struct sk_err *err)
{
	spec->ca = string_field(L, 1, "ca");
	spec->crl = string_field(L, 1, "crl");
	spec->clientca = string_field(L, 1, "clientca");
	spec->ciphers = text_field(L, "ciphers");
	spec->curves = text_field(L, "curves");
	spec->servername = text_field(L, "servername");
	spec->depth = whole_field(L, "depth");
	spec->lifetime = whole_field(L, "lifetime");
	spec->noverifycert = flag_field(L, "insecure_noverifycert");
	spec->noverifyname = flag_field(L, "insecure_noverifyname");
	spec->noverifytime = flag_field(L, "insecure_noverifytime");
	spec->ocsp_require = require_field(L, "ocsp", err);
	spec->san_require = require_field(L, "san", err);
	spec->protocols = protocols_field(L, err);
	spec->client = client_field(L, err);
	spec->session = session_field(L);
}

/* tls(options, at_once): the object, or nil, message, code. */
static int
tls_new(lua_State *L)
{
	struct sk_keypair pairs[PAIRS_MAX + 1];
	struct sk_span tickets[TICKETS_MAX];
	const char *pins[PINS_MAX];
	struct sk_conf_spec spec = { 0 };
	struct sk_err err = { 0 };
	struct tls_object *t;

	luaL_checktype(L, 1, LUA_TTABLE);
	spec.at_once = lua_toboolean(L, 2);
	lua_settop(L, 1);
	t = sk_lua_new(L, sizeof(*t), SK_TYPE_TLS);
	spec.alpn = push_alpn(L, &err);
	plain_fields(L, &spec, &err);
	spec.npairs = pairs_field(L, pairs, &err);
	spec.pairs = pairs;
	spec.ntickets = tickets_field(L, tickets, &err);
	spec.tickets = tickets;
	spec.npins = pins_field(L, pins, &err);
	spec.pins = pins;
	if (err.code == SK_NONE)
		t->conf = sk_conf_new(&spec, &err);
	if (t->conf == NULL)
		return sk_lua_fail(L, &err);
	lua_settop(L, 2);
	return 1;
}

/* session(): what a client keeps of a connection to resume it later. */
static int
session_new(lua_State *L)
{
	struct session_object *o = sk_lua_new(L, sizeof(*o), SK_TYPE_SESSION);
	struct sk_err err = { 0 };

	if ((o->session = sk_session_new(&err)) == NULL)
		return sk_lua_fail(L, &err);
	return 1;
}

static int
session_gc(lua_State *L)
{
	struct session_object *o = luaL_checkudata(L, 1, SK_TYPE_SESSION);

	sk_session_drop(o->session);
	o->session = NULL;
	return 0;
}

static int
session_is(lua_State *L)
{
	lua_pushboolean(L, sk_lua_test(L, 1, SK_TYPE_SESSION) != NULL);
	return 1;
}

struct sk_conf *
sk_lua_conf(lua_State *L, int index)
{
	struct tls_object *t = luaL_checkudata(L, index, SK_TYPE_TLS);

	luaL_argcheck(L, t->conf != NULL, index, "the configuration is gone");
	return t->conf;
}

static int
tls_gc(lua_State *L)
{
	struct tls_object *t = luaL_checkudata(L, 1, SK_TYPE_TLS);

	sk_conf_drop(t->conf);
	t->conf = NULL;
	return 0;
}

static int
tls_tostring(lua_State *L)
{
	lua_pushfstring(L, "tls configuration (%p)",
	    luaL_checkudata(L, 1, SK_TYPE_TLS));
	return 1;
}

/* serves(tls): true where a server can use it. */
static int
tls_serves(lua_State *L)
{
	struct sk_err err = { 0 };

	if (sk_conf_server(sk_lua_conf(L, 1), &err) == NULL)
		return sk_lua_fail(L, &err);
	lua_pushboolean(L, 1);
	return 1;
}

/* Is this a configuration? */
static int
tls_is(lua_State *L)
{
	lua_pushboolean(L, sk_lua_test(L, 1, SK_TYPE_TLS) != NULL);
	return 1;
}

void
sk_lua_open_tls(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "new", tls_new },
		{ "is", tls_is },
		{ "serves", tls_serves },
		{ NULL, NULL }
	};
	static const luaL_Reg meta[] = {
		{ "__gc", tls_gc },
		{ "__tostring", tls_tostring },
		{ NULL, NULL }
	};

	static const luaL_Reg session_functions[] = {
		{ "new", session_new },
		{ "is", session_is },
		{ NULL, NULL }
	};
	static const luaL_Reg session_meta[] = {
		{ "__gc", session_gc },
		{ NULL, NULL }
	};

	sk_lua_class(L, SK_TYPE_TLS, functions, meta);
	lua_setfield(L, -2, "tls");
	sk_lua_class(L, SK_TYPE_SESSION, session_functions, session_meta);
	lua_setfield(L, -2, "session");
}
