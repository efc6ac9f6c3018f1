/*
 * lua_pass.c - descriptors and credentials over Unix sockets, for Lua.
 */
#include <sys/socket.h>

#include "lua_stream.h"
#include "pass.h"

/*
 * The descriptor of a stream that is a Unix socket in the clear; else -1 and
 * nil, message, code are pushed.
 */
static int
local_fd(lua_State *L, struct sk_lua_stream *u, const char *what)
{
	struct sk_fd_kind kind;
	struct sk_err err = { 0 };
	int fd = -1;

	if (sk_stream_usable(&u->s, &err) == 0)
		fd = sk_fd_of(u->s.top);
	if (fd != -1 && (sk_fd_examine(fd, &kind, &err) != 0 ||
	    kind.family != AF_UNIX))
		(void)sk_fail(&err, SK_UNSUPPORTED,
		    "%s: only over unix sockets", what);
	if (fd != -1 && u->s.sealed > 0)
		(void)sk_fail(&err, SK_UNSUPPORTED,
		    "%s: the stream is under tls", what);
	if (fd != -1 && err.code == SK_NONE)
		return fd;
	(void)sk_lua_stream_fail(L, u, &err);
	return -1;
}

static int
done(lua_State *L, struct sk_lua_stream *u, int r, struct sk_err *err)
{
	if (r != 0)
		return sk_lua_stream_unfinished(L, u, r, err);
	u->want = 0;
	return 1;
}

/* sendfd(stream, fd): a step. What was written goes first. */
static int
pass_sendfd(lua_State *L)
{
	struct sk_lua_stream *u = sk_lua_stream_self(L);
	int passed = (int)sk_lua_whole(L, 2, 0, 2147483647.0);
	struct sk_err err = { 0 };
	int fd, r;

	if (u->writing)
		return sk_lua_stream_busy(L, u, "write");
	if ((fd = local_fd(L, u, "sendfd")) == -1)
		return 3;
	lua_settop(L, 1);
	if ((r = sk_stream_flush(&u->s, &err)) == 0)
		r = sk_pass_send(fd, passed, &err);
	return done(L, u, r, &err);
}

/* receivefd(stream): a step: the descriptor, which is the caller's. */
static int
pass_receivefd(lua_State *L)
{
	struct sk_lua_stream *u = sk_lua_stream_self(L);
	struct sk_err err = { 0 };
	int fd, passed = -1, r;

	if (u->reading)
		return sk_lua_stream_busy(L, u, "read");
	if ((fd = local_fd(L, u, "receivefd")) == -1)
		return 3;
	if (sk_buf_len(&u->s.in) > 0) {
		(void)sk_fail(&err, SK_UNSUPPORTED, "receivefd: %zu bytes "
		    "before it have not been read", sk_buf_len(&u->s.in));
		return sk_lua_stream_fail(L, u, &err);
	}
	r = sk_pass_receive(fd, &passed, &err);
	lua_pushinteger(L, passed);
	return done(L, u, r, &err);
}

/* peercred(stream): {pid, uid, gid}. */
static int
pass_peercred(lua_State *L)
{
	struct sk_lua_stream *u = sk_lua_stream_self(L);
	struct sk_cred cred;
	struct sk_err err = { 0 };
	int fd = local_fd(L, u, "peercred");

	if (fd == -1)
		return 3;
	if (sk_pass_peer(fd, &cred, &err) != 0)
		return sk_lua_stream_fail(L, u, &err);
	lua_newtable(L);
	if (cred.pid >= 0) {
		lua_pushinteger(L, (lua_Integer)cred.pid);
		lua_setfield(L, -2, "pid");
	}
	lua_pushinteger(L, (lua_Integer)cred.uid);
	lua_setfield(L, -2, "uid");
	lua_pushinteger(L, (lua_Integer)cred.gid);
	lua_setfield(L, -2, "gid");
	return 1;
}

const luaL_Reg sk_lua_stream_pass[] = {
	{ "sendfd", pass_sendfd },
	{ "receivefd", pass_receivefd },
	{ "peercred", pass_peercred },
	{ NULL, NULL }
};
