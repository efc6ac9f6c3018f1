/*
 * lua_stdio.c - standard input and output for the program: steps on
 * descriptors that are no sockets. They stay as they are, blocking: others may
 * share them. What is read or written is what poll(2) says there is, or room
 * for.
 */
#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "clock.h"
#include "lua_urlsock.h"

#define BLOCK 16384

/* POLLOUT promises room for so many bytes in a pipe (POSIX: at least 512). */
#ifdef PIPE_BUF
#define ROOM PIPE_BUF
#else
#define ROOM 512
#endif

/* Is there something to be read, or room? 1, 0, or SK_FAIL. */
static int
is_ready(int fd, short events, struct sk_err *err)
{
	struct pollfd p = { 0 };

	p.fd = fd;
	p.events = events;
	return sk_poll(&p, 1, 0, err);
}

static int
not_yet(lua_State *L, const char *want)
{
	lua_pushboolean(L, 0);
	lua_pushstring(L, want);
	return 2;
}

/* read(fd): a step: 1 to 16,384 bytes; nil, message, "eof" at the end. */
static int
stdio_read(lua_State *L)
{
	int r, fd = (int)sk_lua_whole(L, 1, 0, INT_MAX);
	struct sk_err err = { 0 };
	char block[BLOCK];
	ssize_t n;

	if ((r = is_ready(fd, POLLIN, &err)) == SK_FAIL)
		return sk_lua_fail(L, &err);
	if (r == 0)
		return not_yet(L, "r");
	n = read(fd, block, sizeof(block));
	if (n > 0) {
		lua_pushlstring(L, block, (size_t)n);
		return 1;
	}
	if (n == -1 && (errno == EINTR || errno == EAGAIN))
		return not_yet(L, "r");
	if (n == 0)
		(void)sk_fail(&err, SK_EOF, "the end of the input");
	else
		(void)sk_fail_sys(&err, errno, "read");
	return sk_lua_fail(L, &err);
}

/* write(fd, data, from): a step: the bytes taken, from that one on. */
static int
stdio_write(lua_State *L)
{
	int r, fd = (int)sk_lua_whole(L, 1, 0, INT_MAX);
	size_t length;
	const char *data = luaL_checklstring(L, 2, &length);
	size_t from = (size_t)sk_lua_whole(L, 3, 1, (double)length) - 1;
	struct sk_err err = { 0 };
	ssize_t n;

	if ((r = is_ready(fd, POLLOUT, &err)) == SK_FAIL)
		return sk_lua_fail(L, &err);
	if (r == 0)
		return not_yet(L, "w");
	length -= from;
	n = write(fd, data + from, length < ROOM ? length : ROOM);
	if (n >= 0) {
		lua_pushinteger(L, (lua_Integer)n);
		return 1;
	}
	if (errno == EINTR || errno == EAGAIN)
		return not_yet(L, "w");
	(void)sk_fail_sys(&err, errno, "write");
	return sk_lua_fail(L, &err);
}

/*
 * wait(list, seconds | nil): poll(2) on a list of descriptors, each with "r"
 * or "w" behind it; may return early.
 */
static int
stdio_wait(lua_State *L)
{
	struct pollfd *p;
	struct sk_err err = { 0 };
	double seconds = -1;
	size_t i, n;

	luaL_checktype(L, 1, LUA_TTABLE);
	(void)sk_lua_seconds(L, 2, &seconds);
	n = sk_lua_rawlen(L, 1) / 2;
	p = sk_lua_newuserdata(L, (n + 1) * sizeof(*p));
	for (i = 0; i < n; i++) {
		lua_rawgeti(L, 1, (int)(2 * i) + 1);
		lua_rawgeti(L, 1, (int)(2 * i) + 2);
		p[i].fd = (int)luaL_checknumber(L, -2);
		p[i].events = *luaL_checkstring(L, -1) == 'w' ? POLLOUT :
		    POLLIN;
		p[i].revents = 0;
		lua_pop(L, 2);
	}
	if (sk_poll(p, (nfds_t)n, seconds, &err) == SK_FAIL)
		return sk_lua_fail(L, &err);
	lua_pushboolean(L, 1);
	return 1;
}

/* terminal(fd): is it one? nil where the descriptor is not open. */
static int
stdio_terminal(lua_State *L)
{
	int fd = (int)sk_lua_whole(L, 1, 0, INT_MAX);

	errno = 0;
	if (isatty(fd))
		lua_pushboolean(L, 1);
	else if (errno == EBADF)
		lua_pushnil(L);
	else
		lua_pushboolean(L, 0);
	return 1;
}

void
sk_lua_open_stdio(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "read", stdio_read },
		{ "write", stdio_write },
		{ "wait", stdio_wait },
		{ "terminal", stdio_terminal },
		{ NULL, NULL }
	};

	lua_newtable(L);
	sk_lua_setfuncs(L, functions, 0);
	lua_setfield(L, -2, "stdio");
}
