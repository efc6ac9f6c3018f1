/*
 * lua_url.c - parse and transports.
 */
#include "lua_urlsock.h"

static void
set_field(lua_State *L, const char *key, const char *p, size_t n)
{
	if (n == 0)
		return;
	lua_pushlstring(L, p, n);
	lua_setfield(L, -2, key);
}

/* The host's canonical spelling, taken from that of the URL. */
static void
set_host(lua_State *L, const struct sk_url *u, const char *text, size_t n)
{
	size_t start = 0, end;

	while (text[start] != ':')
		start++;
	start += 3;
	for (end = n; text[end - 1] != ':'; end--)
		;
	end--;
	if (text[start] == '[') {
		start++;
		for (end = start; text[end] != '%' && text[end] != ']'; end++)
			;
	}
	set_field(L, "host", text + start, end - start);
	lua_pushinteger(L, (lua_Integer)u->port);
	lua_setfield(L, -2, "port");
	set_field(L, "zone", u->zone.p, u->zone.n);
}

/* parse(url [, port]): a table, or nil, message, code. */
static int
url_parse(lua_State *L)
{
	char text[SK_URL_MAX];
	const char *p;
	size_t n, length;
	struct sk_url u;
	struct sk_err err = { 0 };
	double port = SK_PORT_IN_URL;

	luaL_checktype(L, 1, LUA_TSTRING);
	p = lua_tolstring(L, 1, &n);
	if (!lua_isnoneornil(L, 2)) {
		luaL_checktype(L, 2, LUA_TNUMBER);
		port = lua_tonumber(L, 2);
		if (!(port >= 0 && port <= 65535) || port > (double)(long)port) {
			(void)sk_fail(&err, SK_URL,
			    "a port is a whole number from 0 to 65535");
			return sk_lua_fail(L, &err);
		}
	}
	if (sk_url_parse(&u, p, n, (long)port, &err) != 0)
		return sk_lua_fail(L, &err);
	length = sk_url_text(&u, text);
	lua_createtable(L, 0, 5);
	lua_pushstring(L, u.scheme->name);
	lua_setfield(L, -2, "scheme");
	lua_pushlstring(L, text, length);
	lua_setfield(L, -2, "url");
	if (u.path.n > 0)
		set_field(L, "path", u.path.p, u.path.n);
	else
		set_host(L, &u, text, length);
	return 1;
}

static int
can_open(const struct sk_scheme *s)
{
	return s->refusal == NULL &&
	    (s->version & ~sk_conf_protocols()) == 0;
}

/* transports(): the schemes that this build can open, sorted. */
static int
url_transports(lua_State *L)
{
	const struct sk_scheme *s;
	int i = 0;

	lua_newtable(L);
	for (s = sk_schemes; s->name != NULL; s++) {
		if (!can_open(s))
			continue;
		lua_pushstring(L, s->name);
		lua_rawseti(L, -2, ++i);
	}
	return 1;
}

/* What a scheme opens: "stream" or "datagram", and the version of its TLS. */
static void
push_schemes(lua_State *L)
{
	const struct sk_scheme *s;

	lua_newtable(L);
	for (s = sk_schemes; s->name != NULL; s++) {
		lua_newtable(L);
		lua_pushstring(L, s->transport == SK_UDP ||
		    s->transport == SK_UDG ? "datagram" : "stream");
		lua_setfield(L, -2, "kind");
		lua_pushboolean(L, s->tls);
		lua_setfield(L, -2, "tls");
		if (s->version != 0) {
			lua_pushstring(L, s->name);
			lua_setfield(L, -2, "version");
		}
		lua_setfield(L, -2, s->name);
	}
}

void
sk_lua_open_url(lua_State *L)
{
	lua_pushcfunction(L, url_parse);
	lua_setfield(L, -2, "parse");
	lua_pushcfunction(L, url_transports);
	lua_setfield(L, -2, "transports");
	push_schemes(L);
	lua_setfield(L, -2, "schemes");
}
