/*
 * lua_resolver.c - names to addresses, for the loop in Lua.
 */
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lua_urlsock.h"
#include "resolve.h"

struct resolver {
	struct sk_resolve *lookup;
};

struct addresses {
	struct sk_addr *list;
	int count;
};

static int
addresses_gc(lua_State *L)
{
	struct addresses *a = luaL_checkudata(L, 1, SK_TYPE_ADDRESSES);

	free(a->list);
	memset(a, 0, sizeof(*a));
	return 0;
}

/* names(addresses): a list of them as URLs of tcp. */
static int
addresses_names(lua_State *L)
{
	struct addresses *a = luaL_checkudata(L, 1, SK_TYPE_ADDRESSES);
	char text[SK_URL_MAX];
	int i;

	lua_newtable(L);
	for (i = 0; i < a->count; i++) {
		lua_pushlstring(L, text, sk_addr_text(&a->list[i], "tcp", text));
		lua_rawseti(L, -2, i + 1);
	}
	return 1;
}

int
sk_lua_addresses(lua_State *L, int index, const struct sk_url *url,
    struct sk_addr **list, struct sk_err *err)
{
	struct addresses *known = sk_lua_test(L, index, SK_TYPE_ADDRESSES);
	size_t count = known != NULL ? (size_t)known->count : 1;
	int r;

	if ((*list = calloc(count, sizeof(**list))) == NULL)
		return sk_fail(err, SK_MEMORY, "out of memory");
	if (known != NULL) {
		memcpy(*list, known->list, count * sizeof(**list));
		return known->count;
	}
	if ((r = sk_addr_of_url(*list, url, err)) > 0)
		return r;
	free(*list);
	*list = NULL;
	return r;
}

/*
 * start(host, port, family | nil, "stream" | "datagram", names): a look-up
 * under way, or nil, message, code. family is "inet" or "inet6"; names says
 * whether those of the first address are looked up too.
 */
static int
resolver_start(lua_State *L)
{
	const char *host = luaL_checkstring(L, 1);
	unsigned port = (unsigned)sk_lua_whole(L, 2, 0, 65535);
	const char *family = luaL_optstring(L, 3, "");
	int stream = strcmp(luaL_checkstring(L, 4), "stream") == 0;
	struct resolver *r;
	struct sk_err err = { 0 };

	r = sk_lua_new(L, sizeof(*r), SK_TYPE_RESOLVER);
	r->lookup = (lua_toboolean(L, 5) ? sk_resolve_start_names :
	    sk_resolve_start)(host, port,
	    strcmp(family, "inet") == 0 ? AF_INET :
	    strcmp(family, "inet6") == 0 ? AF_INET6 : AF_UNSPEC,
	    stream ? SOCK_STREAM : SOCK_DGRAM, &err);
	return r->lookup != NULL ? 1 : sk_lua_fail(L, &err);
}

/* A step: the addresses, to be handed to what connects, binds or sends. */
static int
resolver_step(lua_State *L)
{
	struct resolver *r = sk_lua_self(L, SK_TYPE_RESOLVER);
	struct addresses *a;
	struct sk_err err = { 0 };
	int n;

	if (r->lookup == NULL) {
		(void)sk_fail(&err, SK_CLOSED, "the look-up is over");
		return sk_lua_fail(L, &err);
	}
	a = sk_lua_new(L, sizeof(*a), SK_TYPE_ADDRESSES);
	n = sk_resolve_step(r->lookup, &a->list, &err);
	if (n == SK_WANT_READ) {
		lua_pushboolean(L, 0);
		lua_pushliteral(L, "r");
		return 2;
	}
	if (n == SK_FAIL)
		return sk_lua_fail(L, &err);
	a->count = n;
	return 1;
}

/* After a step that has found addresses: the host's name and the service's. */
static int
resolver_found(lua_State *L)
{
	struct resolver *r = sk_lua_self(L, SK_TYPE_RESOLVER);
	const char *host, *service;

	if (r->lookup == NULL)
		return 0;
	sk_resolve_names(r->lookup, &host, &service);
	lua_pushstring(L, host);
	lua_pushstring(L, service);
	return 2;
}

static int
resolver_fd(lua_State *L)
{
	struct resolver *r = sk_lua_self(L, SK_TYPE_RESOLVER);

	if (r->lookup == NULL)
		return 0;
	lua_pushinteger(L, sk_resolve_fd(r->lookup));
	return 1;
}

static int
resolver_gc(lua_State *L)
{
	struct resolver *r = luaL_checkudata(L, 1, SK_TYPE_RESOLVER);

	sk_resolve_free(r->lookup);
	r->lookup = NULL;
	return 0;
}

void
sk_lua_open_resolver(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "start", resolver_start },
		{ "step", resolver_step },
		{ "found", resolver_found },
		{ "fd", resolver_fd },
		{ "close", resolver_gc },
		{ "names", addresses_names },
		{ NULL, NULL }
	};
	static const luaL_Reg meta[] = {
		{ "__gc", resolver_gc },
		{ NULL, NULL }
	};
	static const luaL_Reg none[] = {
		{ NULL, NULL }
	};
	static const luaL_Reg addresses_meta[] = {
		{ "__gc", addresses_gc },
		{ NULL, NULL }
	};

	sk_lua_class(L, SK_TYPE_ADDRESSES, none, addresses_meta);
	lua_pop(L, 1);
	sk_lua_class(L, SK_TYPE_RESOLVER, functions, meta);
	lua_setfield(L, -2, "resolver");
}
