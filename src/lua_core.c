/*
 * lua_core.c - urlsock.core: what all its parts share, and the module.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "lua_urlsock.h"
#include "thread.h"

#define SHELF "urlsock.shelf"

/* The record is let go of before Lua, which may raise, copies the text. */
int
sk_lua_fail_on(lua_State *L, const char *what, struct sk_err *err)
{
	char text[1024];
	const char *code = sk_code_name(err->code);

	(void)snprintf(text, sizeof(text), "%s%s%s", what != NULL ? what : "",
	    what != NULL ? ": " : "", sk_err_text(err));
	sk_err_clear(err);
	lua_pushnil(L);
	lua_pushstring(L, text);
	lua_pushstring(L, code);
	return 3;
}

int
sk_lua_fail(lua_State *L, struct sk_err *err)
{
	return sk_lua_fail_on(L, NULL, err);
}

/*
 * Classes
 */

int
sk_lua_metatable(lua_State *L, const char *type)
{
	int fresh = luaL_newmetatable(L, type);

	if (fresh) {
		lua_pushstring(L, type);
		lua_setfield(L, -2, "__name");
	}
	return fresh;
}

void
sk_lua_class(lua_State *L, const char *type, const luaL_Reg *functions,
    const luaL_Reg *meta)
{
	sk_lua_metatable(L, type);
	sk_lua_setfuncs(L, meta, 0);	/* they look their type up by name */
	lua_newtable(L);
	lua_pushvalue(L, -2);
	sk_lua_setfuncs(L, functions, 1);
	lua_pushvalue(L, -2);
	lua_setfield(L, -2, "metatable");
	lua_remove(L, -2);
}

/* A step has no name that its caller would know; see sk_lua_badarg(). */
static void *
bad_self(lua_State *L, const char *type)
{
	lua_Debug ar;
	int is_step = lua_getstack(L, 0, &ar) && lua_getinfo(L, "n", &ar) &&
	    ar.name != NULL && strcmp(ar.name, "step") == 0;

	luaL_where(L, is_step ? 2 : 1);
	lua_pushfstring(L, "calling a method on bad self (%s expected, got %s)",
	    type, luaL_typename(L, 1));
	lua_concat(L, 2);
	(void)lua_error(L);
	return NULL;
}

void *
sk_lua_self(lua_State *L, const char *type)
{
	void *p = lua_touserdata(L, 1);
	int same;

	if (p != NULL && lua_getmetatable(L, 1)) {
		same = lua_rawequal(L, -1, lua_upvalueindex(1));
		lua_pop(L, 1);
		if (same)
			return p;
	}
	return bad_self(L, type);
}

void *
sk_lua_new(lua_State *L, size_t size, const char *type)
{
	void *p = sk_lua_newuserdata(L, size);

	memset(p, 0, size);
	luaL_getmetatable(L, type);
	lua_setmetatable(L, -2);
	return p;
}

void *
sk_lua_test(lua_State *L, int index, const char *type)
{
	void *p = lua_touserdata(L, index);
	int same;

	if (p == NULL || !lua_getmetatable(L, index))
		return NULL;
	luaL_getmetatable(L, type);
	same = lua_rawequal(L, -1, -2);
	lua_pop(L, 2);
	return same ? p : NULL;
}

/*
 * Arguments
 */

int
sk_lua_badarg(lua_State *L, int arg, const char *method, const char *why)
{
	luaL_where(L, 2);	/* 0 is the step, 1 the method, 2 its caller */
	lua_pushfstring(L, "bad argument #%d to '%s' (%s)", arg, method, why);
	lua_concat(L, 2);
	return lua_error(L);
}

const char *
sk_lua_bytes(lua_State *L, int arg, const char *method, size_t *n)
{
	const char *p = lua_tolstring(L, arg + 1, n);

	if (p == NULL)
		(void)sk_lua_badarg(L, arg, method, lua_pushfstring(L,
		    "string expected, got %s", luaL_typename(L, arg + 1)));
	return p;
}

int
sk_lua_choice(lua_State *L, int arg, const char *method,
    const char *const *names)
{
	size_t n;
	const char *text = sk_lua_bytes(L, arg, method, &n);
	int i;

	for (i = 0; names[i] != NULL; i++) {
		if (strcmp(names[i], text) == 0)
			return i;
	}
	return sk_lua_badarg(L, arg, method, lua_pushfstring(L,
	    "invalid option '%s'", text));
}

double
sk_lua_count(lua_State *L, int arg, const char *method, double lo, double hi)
{
	double n;

	if (!lua_isnumber(L, arg + 1))
		return sk_lua_badarg(L, arg, method, lua_pushfstring(L,
		    "number expected, got %s", luaL_typename(L, arg + 1)));
	n = lua_tonumber(L, arg + 1);
	if (!(n >= lo && n <= hi) || floor(n) < n)
		return sk_lua_badarg(L, arg, method,
		    "whole number expected, in range");
	return n;
}

double
sk_lua_whole(lua_State *L, int index, double lo, double hi)
{
	double n = luaL_checknumber(L, index);

	if (!(n >= lo && n <= hi) || floor(n) < n)
		luaL_argerror(L, index, "whole number expected, in range");
	return n;
}

int
sk_lua_seconds(lua_State *L, int index, double *seconds)
{
	if (lua_isnoneornil(L, index))
		return 0;
	if (lua_type(L, index) != LUA_TNUMBER)
		luaL_argerror(L, index, lua_pushfstring(L,
		    "seconds or nil expected, got %s",
		    luaL_typename(L, index)));
	*seconds = lua_tonumber(L, index);
	if (!(*seconds >= 0) || isinf(*seconds))
		luaL_argerror(L, index,
		    "seconds must be finite and not negative");
	return 1;
}

/*
 * The shelf
 */

struct sk_shelf *
sk_lua_shelf(lua_State *L)
{
	struct sk_shelf **p;

	lua_getfield(L, LUA_REGISTRYINDEX, SHELF);
	p = lua_touserdata(L, -1);
	lua_pop(L, 1);
	return *p;
}

static int
shelf_gc(lua_State *L)
{
	struct sk_shelf **p = lua_touserdata(L, 1);

	sk_shelf_drop(*p);
	*p = NULL;
	return 0;
}

static void
open_shelf(lua_State *L)
{
	static const luaL_Reg meta[] = {
		{ "__gc", shelf_gc },
		{ NULL, NULL }
	};
	struct sk_shelf **p;

	lua_getfield(L, LUA_REGISTRYINDEX, SHELF);
	if (!lua_isnil(L, -1)) {
		lua_pop(L, 1);
		return;
	}
	lua_pop(L, 1);
	p = sk_lua_newuserdata(L, sizeof(*p));
	*p = NULL;
	lua_newtable(L);
	sk_lua_setfuncs(L, meta, 0);
	lua_setmetatable(L, -2);
	if ((*p = sk_shelf_new()) == NULL)
		luaL_error(L, "not enough memory");
	lua_setfield(L, LUA_REGISTRYINDEX, SHELF);
}

/*
 * Functions
 */

static int
core_now(lua_State *L)
{
	lua_pushnumber(L, sk_now());
	return 1;
}

static int
core_wall(lua_State *L)
{
	lua_pushnumber(L, sk_wall());
	return 1;
}

/* poll(fd, "r" | "w", seconds | nil): returns early for a signal. */
static int
core_poll(lua_State *L)
{
	struct pollfd p = { 0 };
	struct sk_err err = { 0 };
	double seconds = -1;

	p.fd = (int)luaL_checknumber(L, 1);
	p.events = *luaL_checkstring(L, 2) == 'w' ? POLLOUT : POLLIN;
	(void)sk_lua_seconds(L, 3, &seconds);
	if (sk_poll(&p, 1, seconds, &err) == SK_FAIL)
		return sk_lua_fail(L, &err);
	lua_pushboolean(L, p.revents != 0);
	return 1;
}

/* The codes of errors, as a list. */
static void
push_codes(lua_State *L)
{
	int code;

	lua_newtable(L);
	for (code = SK_NONE + 1; code < SK_CODES; code++) {
		lua_pushstring(L, sk_code_name((enum sk_code)code));
		lua_rawseti(L, -2, code);
	}
}

__attribute__((visibility("default"))) int luaopen_urlsock_core(lua_State *);

int
luaopen_urlsock_core(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "now", core_now },
		{ "wall", core_wall },
		{ "poll", core_poll },
		{ NULL, NULL }
	};

	lua_settop(L, 0);
	sk_thread_keep_module();
	open_shelf(L);
	lua_newtable(L);
	sk_lua_setfuncs(L, functions, 0);
	push_codes(L);
	lua_setfield(L, -2, "codes");
	sk_lua_open_url(L);
	sk_lua_open_resolver(L);
	sk_lua_open_alarm(L);
	sk_lua_open_socket(L);
	sk_lua_open_tls(L);
	sk_lua_open_stream(L);
	sk_lua_open_listener(L);
	sk_lua_open_datagram(L);
	sk_lua_open_multicast(L);
	sk_lua_open_stdio(L);
	return 1;
}
