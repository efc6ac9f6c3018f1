/*
 * lua_stream_io.c - a stream's bytes for Lua: reading, writing, waiting.
 */
#include <math.h>
#include <string.h>

#include "item.h"
#include "lua_stream.h"

#define VALUES 16		/* of one write, without an allocation */

/* Pushes the item, and only then drops it: pushing may raise. */
static int
item_done(lua_State *L, struct sk_lua_stream *u, const struct sk_span *item,
    size_t take)
{
	u->want = 0;
	lua_pushlstring(L, item->n > 0 ? item->p : "", item->n);
	sk_item_take(&u->s, take);
	return 1;
}

static int
read_count(lua_State *L, struct sk_lua_stream *u, struct sk_span *item,
    size_t *take, struct sk_err *err)
{
	double n = lua_tonumber(L, 2);

	if (!(fabs(n) <= SK_LUA_HUGE) || floor(n) < n)
		return sk_lua_badarg(L, 1, "read", "whole number expected");
	if (n < 0)
		return sk_item_some(&u->s, (size_t)-n, item, take, err);
	return sk_item_exact(&u->s, (size_t)n, item, take, err);
}

static int
read_format(lua_State *L, struct sk_lua_stream *u, struct sk_span *item,
    size_t *take, struct sk_err *err)
{
	const char *format = "l";
	size_t n = 1;

	if (!lua_isnoneornil(L, 2))
		format = sk_lua_bytes(L, 1, "read", &n);
	if (*format == '*') {
		format++;
		n--;
	}
	if (n != 1)
		return sk_lua_badarg(L, 1, "read", "invalid format");
	switch (*format) {
	case 'l':
		return sk_item_line(&u->s, 1, item, take, err);
	case 'L':
		return sk_item_line(&u->s, 0, item, take, err);
	case 'a':
		return sk_item_all(&u->s,
		    u->bounds.limited ? u->bounds.limit : 0, item, take, err);
	default:
		return sk_lua_badarg(L, 1, "read", "invalid format");
	}
}

/* read(stream, format): a step. */
static int
io_read(lua_State *L)
{
	struct sk_lua_stream *u = sk_lua_stream_self(L);
	struct sk_span item = { NULL, 0 };
	struct sk_err err = { 0 };
	size_t take = 0;
	int r;

	if (u->reading)
		return sk_lua_stream_busy(L, u, "read");
	if (lua_type(L, 2) == LUA_TNUMBER)
		r = read_count(L, u, &item, &take, &err);
	else
		r = read_format(L, u, &item, &take, &err);
	if (r == 0)
		return item_done(L, u, &item, take);
	return sk_lua_stream_unfinished(L, u, r, &err);
}

/* readuntil(stream, delimiter, limit | nil): a step. */
static int
io_readuntil(lua_State *L)
{
	struct sk_lua_stream *u = sk_lua_stream_self(L);
	size_t n, limit = u->s.limit;
	const char *delimiter = sk_lua_bytes(L, 1, "readuntil", &n);
	struct sk_span item;
	struct sk_err err = { 0 };
	size_t take;
	int r;

	if (n == 0)
		return sk_lua_badarg(L, 1, "readuntil",
		    "the delimiter is empty");
	if (!lua_isnoneornil(L, 3))
		limit = (size_t)sk_lua_count(L, 2, "readuntil", 0,
		    SK_LUA_HUGE);
	if (u->reading)
		return sk_lua_stream_busy(L, u, "read");
	r = sk_item_until(&u->s, delimiter, n, limit, &item, &take, &err);
	if (r == 0)
		return item_done(L, u, &item, take);
	return sk_lua_stream_unfinished(L, u, r, &err);
}

/* peek(stream, n | nil): a step. */
static int
io_peek(lua_State *L)
{
	struct sk_lua_stream *u = sk_lua_stream_self(L);
	size_t n = (size_t)-1;
	struct sk_span item;
	struct sk_err err = { 0 };
	size_t take;
	int r;

	if (!lua_isnoneornil(L, 2))
		n = (size_t)sk_lua_count(L, 1, "peek", 1, SK_LUA_HUGE);
	if (u->reading)
		return sk_lua_stream_busy(L, u, "read");
	r = sk_item_some(&u->s, n, &item, &take, &err);
	if (r == 0)
		return item_done(L, u, &item, 0);
	return sk_lua_stream_unfinished(L, u, r, &err);
}

/* A write that failed: what was taken of it must not be sent again. */
static int
write_failed(lua_State *L, struct sk_lua_stream *u, struct sk_err *err)
{
	size_t taken = sk_stream_giveup(&u->s);

	(void)sk_lua_stream_fail(L, u, err);
	lua_pushinteger(L, (lua_Integer)taken);
	return 4;
}

/* write(stream, ...): a step that is tried again with the same values. */
static int
io_write(lua_State *L)
{
	struct sk_lua_stream *u = sk_lua_stream_self(L);
	struct sk_span few[VALUES], *values = few;
	struct sk_err err = { 0 };
	int i, r, n = lua_gettop(L) - 1;

	if (n > VALUES)
		values = sk_lua_newuserdata(L, (size_t)n * sizeof(*values));
	for (i = 0; i < n; i++)
		values[i].p = sk_lua_bytes(L, i + 1, "write", &values[i].n);
	if (u->writing)
		return sk_lua_stream_busy(L, u, "write");
	r = sk_stream_write(&u->s, values, (size_t)n, &err);
	if (r == SK_FAIL)
		return write_failed(L, u, &err);
	if (r != 0)
		return sk_lua_stream_unfinished(L, u, r, &err);
	u->want = 0;
	lua_pushvalue(L, 1);
	return 1;
}

/* giveup(stream): the bytes that an unfinished write has taken. */
static int
io_giveup(lua_State *L)
{
	struct sk_lua_stream *u = sk_lua_stream_self(L);

	lua_pushinteger(L, (lua_Integer)sk_stream_giveup(&u->s));
	return 1;
}

static int
io_flush(lua_State *L)
{
	struct sk_lua_stream *u = sk_lua_stream_self(L);
	struct sk_err err = { 0 };
	int r;

	if (u->writing)
		return sk_lua_stream_busy(L, u, "write");
	r = sk_stream_flush(&u->s, &err);
	if (r != 0)
		return sk_lua_stream_unfinished(L, u, r, &err);
	u->want = 0;
	lua_pushvalue(L, 1);
	return 1;
}

/* setvbuf(stream, "no" | "line" | "full", size | nil) */
static int
io_setvbuf(lua_State *L)
{
	static const char *const names[] = { "no", "line", "full", NULL };
	struct sk_lua_stream *u = sk_lua_stream_self(L);
	int mode = luaL_checkoption(L, 2, NULL, names);
	size_t size = SK_RECORD;
	struct sk_err err = { 0 };

	if (!lua_isnoneornil(L, 3))
		size = (size_t)sk_lua_whole(L, 3, 1, 1 << 30);
	if (sk_stream_usable(&u->s, &err) != 0)
		return sk_lua_stream_fail(L, u, &err);
	u->s.buffering = (unsigned char)mode;
	u->s.outsize = size;
	lua_pushboolean(L, 1);
	return 1;
}

/*
 * What the loop asks
 */

/*
 * hold(stream, reads, writes): a coroutine is about to wait in a call of
 * those directions; release(stream, reads, writes) after.
 */
static int
set_holds(lua_State *L, unsigned char value)
{
	struct sk_lua_stream *u = sk_lua_stream_self(L);

	if (lua_toboolean(L, 2))
		u->reading = value;
	if (lua_toboolean(L, 3))
		u->writing = value;
	return 0;
}

static int
io_hold(lua_State *L)
{
	return set_holds(L, 1);
}

static int
io_release(lua_State *L)
{
	return set_holds(L, 0);
}

static int
io_settimeout(lua_State *L)
{
	return sk_lua_settimeout(L, &sk_lua_stream_self(L)->bounds);
}

static int
io_gettimeout(lua_State *L)
{
	return sk_lua_gettimeout(L, &sk_lua_stream_self(L)->bounds);
}

/* setlimit(stream, bytes): of an item; holds for "a" too from now on. */
static int
io_setlimit(lua_State *L)
{
	struct sk_lua_stream *u = sk_lua_stream_self(L);

	u->bounds.limit = (size_t)sk_lua_whole(L, 2, 1, SK_LUA_HUGE);
	u->bounds.limited = 1;
	u->s.limit = u->bounds.limit;
	return 0;
}

static int
io_fd(lua_State *L)
{
	struct sk_lua_stream *u = sk_lua_stream_self(L);
	struct sk_err err = { 0 };
	int fd;

	if (sk_stream_usable(&u->s, &err) != 0)
		return sk_lua_stream_fail(L, u, &err);
	if ((fd = sk_fd_of(u->s.top)) == -1)
		lua_pushnil(L);
	else
		lua_pushinteger(L, fd);
	return 1;
}

static int
io_pending(lua_State *L)
{
	struct sk_lua_stream *u = sk_lua_stream_self(L);

	lua_pushinteger(L, (lua_Integer)sk_stream_pending(&u->s));
	return 1;
}

static int
io_want(lua_State *L)
{
	struct sk_lua_stream *u = sk_lua_stream_self(L);

	if (u->want == 0)
		lua_pushnil(L);
	else
		lua_pushlstring(L, &u->want, 1);
	return 1;
}

const luaL_Reg sk_lua_stream_io[] = {
	{ "read", io_read },
	{ "readuntil", io_readuntil },
	{ "peek", io_peek },
	{ "write", io_write },
	{ "giveup", io_giveup },
	{ "flush", io_flush },
	{ "setvbuf", io_setvbuf },
	{ "hold", io_hold },
	{ "release", io_release },
	{ "settimeout", io_settimeout },
	{ "gettimeout", io_gettimeout },
	{ "setlimit", io_setlimit },
	{ "fd", io_fd },
	{ "pending", io_pending },
	{ "want", io_want },
	{ NULL, NULL }
};
