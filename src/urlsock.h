/*
 * urlsock.h - for C programs that embed Lua, or modules in C: a descriptor
 * becomes a stream, and a stream tells its descriptor. Nothing is to be
 * linked: it goes by way of the Lua state.
 */
#ifndef URLSOCK_H
#define URLSOCK_H

#include <lauxlib.h>
#include <lua.h>
#include <string.h>

/*
 * Pushes a socket around a descriptor that is connected (a stream), listens
 * (a listener) or takes datagrams. url names the peer in messages, and its
 * host is what starttls verifies; NULL: the socket's own address.
 *
 * Returns 1 and pushes the socket, which owns the descriptor; or 0 and pushes
 * nil, message and code, and the descriptor is the caller's still. Raises
 * what require may raise.
 */
static inline int
urlsock_push(lua_State *L, int fd, const char *url)
{
	int top = lua_gettop(L);

	lua_getglobal(L, "require");
	lua_pushliteral(L, "urlsock");
	lua_call(L, 1, 1);
	lua_getfield(L, -1, "adopt");
	lua_remove(L, -2);
	lua_pushinteger(L, fd);
	lua_newtable(L);
	if (url != NULL) {
		lua_pushstring(L, url);
		lua_setfield(L, -2, "url");
	}
	lua_call(L, 2, 3);
	if (lua_isnil(L, top + 1))
		return 0;
	lua_settop(L, top + 1);
	return 1;
}

/*
 * The descriptor of the socket at that index, which owns it; -1 for a closed
 * one, and for anything else.
 */
static inline int
urlsock_tofd(lua_State *L, int index)
{
	int fd = -1;

	lua_pushvalue(L, index);
	if (lua_isuserdata(L, -1) && luaL_getmetafield(L, -1, "__name")) {
		const char *name = lua_tostring(L, -1);

		if (name != NULL && (strcmp(name, "urlsock.stream") == 0 ||
		    strcmp(name, "urlsock.listener") == 0 ||
		    strcmp(name, "urlsock.datagram") == 0)) {
			lua_getfield(L, -2, "fd");
			lua_pushvalue(L, -3);
			lua_call(L, 1, 1);
			if (lua_isnumber(L, -1))
				fd = (int)lua_tointeger(L, -1);
			lua_pop(L, 1);
		}
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
	return fd;
}

#endif
