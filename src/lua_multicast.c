/*
 * lua_multicast.c - multicast groups for the LuaSocket facade. Its functions
 * take a descriptor, and answer true or a value, or nil, message, code.
 */
#include "lua_urlsock.h"
#include "opt.h"

static int
descriptor(lua_State *L)
{
	return (int)sk_lua_whole(L, 1, 0, 2147483647.0);
}

/*
 * group(fd, joins, group, interface | nil). interface is an address for a
 * group of IPv4, else a number.
 */
static int
multicast_group(lua_State *L)
{
	int fd = descriptor(L);
	const char *group = luaL_checkstring(L, 3), *interface = NULL;
	unsigned index = 0;
	struct sk_err err = { 0 };

	if (lua_type(L, 4) == LUA_TNUMBER)
		index = (unsigned)sk_lua_whole(L, 4, 0, 4294967295.0);
	else
		interface = luaL_optstring(L, 4, NULL);
	if (sk_opt_group(fd, lua_toboolean(L, 2), group, interface, index,
	    &err) != 0)
		return sk_lua_fail(L, &err);
	lua_pushboolean(L, 1);
	return 1;
}

/* via(fd, address | nil): what it is, after that was set. */
static int
multicast_via(lua_State *L)
{
	int fd = descriptor(L);
	const char *address = luaL_optstring(L, 2, NULL);
	char text[16];
	struct sk_err err = { 0 };

	if ((address != NULL && sk_opt_via(fd, address, &err) != 0) ||
	    sk_opt_get_via(fd, text, &err) != 0)
		return sk_lua_fail(L, &err);
	lua_pushstring(L, text);
	return 1;
}

void
sk_lua_open_multicast(lua_State *L)
{
	lua_newtable(L);
	lua_pushcfunction(L, multicast_group);
	lua_setfield(L, -2, "group");
	lua_pushcfunction(L, multicast_via);
	lua_setfield(L, -2, "via");
	lua_setfield(L, -2, "multicast");
}
