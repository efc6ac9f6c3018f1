/*
 * lua_compat.h - one source for Lua 5.1 to 5.5 and LuaJIT. Every name is
 * prefixed, because LuaJIT declares some of the later ones itself.
 */
#ifndef SK_LUA_COMPAT_H
#define SK_LUA_COMPAT_H

#include <lauxlib.h>
#include <lua.h>

#if LUA_VERSION_NUM >= 502
#define sk_lua_rawlen(L, i) lua_rawlen((L), (i))
#define sk_lua_setfuncs(L, l, n) luaL_setfuncs((L), (l), (n))
#else
#define sk_lua_rawlen(L, i) lua_objlen((L), (i))

/* luaL_setfuncs of 5.2: the functions share copies of n upvalues. */
static inline void
sk_lua_setfuncs(lua_State *L, const luaL_Reg *l, int n)
{
	int i;

	for (; l->name != NULL; l++) {
		for (i = 0; i < n; i++)
			lua_pushvalue(L, -n);
		lua_pushcclosure(L, l->func, n);
		lua_setfield(L, -(n + 2), l->name);
	}
	lua_pop(L, n);
}
#endif

#if LUA_VERSION_NUM >= 504
#define sk_lua_newuserdata(L, n) lua_newuserdatauv((L), (n), 0)
#else
#define sk_lua_newuserdata(L, n) lua_newuserdata((L), (n))
#endif

#if LUA_VERSION_NUM >= 503
#define sk_lua_isinteger(L, i) lua_isinteger((L), (i))
#else
#define sk_lua_isinteger(L, i) 0
#endif

#endif
