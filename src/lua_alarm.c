/*
 * lua_alarm.c - alarms for the hosts in Lua that know no time.
 */
#include "alarm.h"
#include "lua_urlsock.h"

/* alarm(fd | nil, "r" | "w", seconds | nil): the object, or nil, message, code. */
static int
alarm_new(lua_State *L)
{
	int fd = lua_isnil(L, 1) ? -1 :
	    (int)sk_lua_whole(L, 1, 0, 2147483647.0);
	int for_write = *luaL_checkstring(L, 2) == 'w';
	double seconds = -1;
	struct sk_alarm *a;
	struct sk_err err = { 0 };

	(void)sk_lua_seconds(L, 3, &seconds);
	a = sk_lua_new(L, sizeof(*a), SK_TYPE_ALARM);
	a->fd = a->timer = -1;
	if (sk_alarm_open(a, fd, for_write, seconds, &err) != 0)
		return sk_lua_fail(L, &err);
	return 1;
}

static int
alarm_fd(lua_State *L)
{
	struct sk_alarm *a = luaL_checkudata(L, 1, SK_TYPE_ALARM);

	lua_pushinteger(L, a->fd);
	return 1;
}

static int
alarm_ring(lua_State *L)
{
	sk_alarm_ring(luaL_checkudata(L, 1, SK_TYPE_ALARM));
	return 0;
}

static int
alarm_close(lua_State *L)
{
	sk_alarm_close(luaL_checkudata(L, 1, SK_TYPE_ALARM));
	return 0;
}

void
sk_lua_open_alarm(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "new", alarm_new },
		{ "fd", alarm_fd },
		{ "ring", alarm_ring },
		{ "close", alarm_close },
		{ NULL, NULL }
	};
	static const luaL_Reg meta[] = {
		{ "__gc", alarm_close },
		{ NULL, NULL }
	};

	sk_lua_class(L, SK_TYPE_ALARM, functions, meta);
	lua_setfield(L, -2, "alarm");
}
