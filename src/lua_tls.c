/*
 * lua_tls.c - urlsock.tls: TLS configurations for Lua.
 */
#include <string.h>

#include "lua_urlsock.h"

#define PINS_MAX 32

struct tls_object {
	struct sk_conf *conf;		/* NULL: closed */
};

/* Fields of the table at index 1; the table keeps the strings. */

static struct sk_span
string_field(lua_State *L, const char *name)
{
	struct sk_span s = { NULL, 0 };

	lua_getfield(L, 1, name);
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
	struct sk_span s = string_field(L, name);

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

/*
 * tls(options): the object, or nil, message, code. Everything that may raise
 * comes before anything is acquired.
 */
static int
tls_new(lua_State *L)
{
	const char *pins[PINS_MAX], *ocsp;
	struct sk_conf_spec spec = { 0 };
	struct sk_err err = { 0 };
	struct tls_object *t;
	size_t n;

	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	spec.ca = string_field(L, "ca");
	spec.cert = string_field(L, "cert");
	spec.key = string_field(L, "key");
	spec.clientca = string_field(L, "clientca");
	spec.ciphers = text_field(L, "ciphers");
	spec.curves = text_field(L, "curves");
	spec.noverifycert = flag_field(L, "insecure_noverifycert");
	spec.noverifyname = flag_field(L, "insecure_noverifyname");
	spec.noverifytime = flag_field(L, "insecure_noverifytime");
	ocsp = text_field(L, "ocsp");
	t = sk_lua_new(L, sizeof(*t), SK_TYPE_TLS);
	spec.alpn = push_alpn(L, &err);
	spec.protocols = protocols_field(L, &err);
	spec.client = client_field(L, &err);
	while (spec.npins < PINS_MAX && (pins[spec.npins] = list_item(L,
	    "pin", (int)spec.npins + 1, &n)) != NULL)
		spec.npins++;
	spec.pins = pins;
	if (spec.npins == PINS_MAX)
		(void)sk_fail(&err, SK_TLS, "pin: too many of them");
	if (ocsp != NULL && strcmp(ocsp, "require") != 0)
		(void)sk_fail(&err, SK_TLS, "ocsp: 'require' expected");
	spec.ocsp_require = ocsp != NULL;
	if (err.code == SK_NONE)
		t->conf = sk_conf_new(&spec, &err);
	if (t->conf == NULL)
		return sk_lua_fail(L, &err);
	lua_settop(L, 2);
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
		{ NULL, NULL }
	};
	static const luaL_Reg meta[] = {
		{ "__gc", tls_gc },
		{ "__tostring", tls_tostring },
		{ NULL, NULL }
	};

	sk_lua_class(L, SK_TYPE_TLS, functions, meta);
	lua_setfield(L, -2, "tls");
}
