/*
 * lua_stream.c - a stream's life for Lua: how it comes to be, its end.
 *
 * Steps answer with a value, with false and "r" or "w", or with nil, message
 * and code. A userdata is born closed: whatever may raise comes first, then
 * what has to be let go of again.
 */
#include "lua_stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "proxy.h"

struct sk_lua_stream *
sk_lua_stream_self(lua_State *L)
{
	return sk_lua_self(L, SK_TYPE_STREAM);
}

int
sk_lua_stream_fail(lua_State *L, struct sk_lua_stream *u, struct sk_err *err)
{
	u->want = 0;
	return sk_lua_fail_on(L, u->url, err);
}

int
sk_lua_stream_unfinished(lua_State *L, struct sk_lua_stream *u, int result,
    struct sk_err *err)
{
	if (result == SK_FAIL)
		return sk_lua_stream_fail(L, u, err);
	lua_pushboolean(L, 0);
	if (result == SK_WANT_CONF) {
		lua_pushliteral(L, "hello");
		return 2;
	}
	u->want = result == SK_WANT_WRITE ? 'w' : 'r';
	if (result == SK_WANT_TURN)
		lua_pushliteral(L, "turn");
	else if (result == SK_WANT_READ)
		lua_pushliteral(L, "r");
	else
		lua_pushliteral(L, "w");
	return 2;
}

int
sk_lua_stream_busy(lua_State *L, struct sk_lua_stream *u, const char *what)
{
	struct sk_err err = { 0 };

	(void)sk_fail(&err, SK_BUSY,
	    "another coroutine is in a %s of this stream", what);
	return sk_lua_fail_on(L, u->url, &err);
}

int
sk_lua_stream_answer(lua_State *L, struct sk_lua_stream *u, int result,
    struct sk_err *err)
{
	if (result != 0)
		return sk_lua_stream_unfinished(L, u, result, err);
	u->want = 0;
	lua_settop(L, 1);
	return 1;
}

/*
 * Beginnings
 */

struct sk_lua_stream *
sk_lua_stream_new(lua_State *L)
{
	struct sk_lua_stream *u = sk_lua_new(L, sizeof(*u), SK_TYPE_STREAM);

	u->s.shelf = sk_shelf_hold(sk_lua_shelf(L));
	u->bounds.forever = 1;
	return u;
}

void
sk_lua_stream_start(struct sk_lua_stream *u, struct sk_layer *lowest,
    const struct sk_scheme *scheme, char *url, int accepted)
{
	sk_stream_start(&u->s, lowest);
	u->scheme = scheme;
	u->url = url;
	u->accepted = (unsigned char)accepted;
}

/*
 * dial(url, addresses | nil, options | nil): a stream, whose open step then
 * connects. url is canonical.
 */
static int
stream_dial(lua_State *L)
{
	size_t n;
	const char *text = luaL_checklstring(L, 1, &n);
	struct sk_lua_stream *u;
	struct sk_fd_options options;
	struct sk_addr *list, local;
	struct sk_layer *fd;
	struct sk_url url;
	struct sk_err err = { 0 };
	char *copy;
	int count;

	lua_settop(L, 3);
	u = sk_lua_stream_new(L);
	if (sk_url_parse(&url, text, n, SK_PORT_IN_URL, &err) != 0 ||
	    sk_lua_options(L, 3, &options, &local, &err) != 0 ||
	    (count = sk_lua_addresses(L, 2, &url, &list, &err)) == SK_FAIL)
		return sk_lua_fail_on(L, text, &err);
	u->nodelay = options.nodelay != -1;
	if (!u->nodelay && url.scheme->tls)
		options.nodelay = 1;		/* see hurry() */
	fd = sk_fd_dial(list, (size_t)count, &options, &err);
	if (fd == NULL)
		return sk_lua_fail_on(L, text, &err);
	if ((copy = strdup(text)) == NULL) {
		fd->ops->free(fd);
		(void)sk_fail(&err, SK_MEMORY, "out of memory");
		return sk_lua_fail(L, &err);
	}
	sk_lua_stream_start(u, fd, url.scheme, copy, 0);
	return 1;
}

/* Gives a stream a descriptor that is connected; takes it over. */
static int
start_fd(struct sk_lua_stream *u, int fd, const char *url, const char *scheme,
    struct sk_err *err)
{
	struct sk_layer *l;
	char *copy = strdup(url);

	if (copy == NULL) {
		sk_fd_close(fd);
		return sk_fail(err, SK_MEMORY, "out of memory");
	}
	if ((l = sk_fd_adopt(fd, err)) == NULL) {
		free(copy);
		sk_fd_close(fd);
		return SK_FAIL;
	}
	sk_lua_stream_start(u, l, sk_scheme_find(scheme, strlen(scheme)),
	    copy, 0);
	return 0;
}

/* pair(): two streams that are connected with each other. */
static int
stream_pair(lua_State *L)
{
	struct sk_lua_stream *a = sk_lua_stream_new(L);
	struct sk_lua_stream *b = sk_lua_stream_new(L);
	struct sk_err err = { 0 };
	int fds[2];

	if (sk_fd_pair(SOCK_STREAM, fds, &err) != 0)
		return sk_lua_fail_on(L, "pair", &err);
	if (start_fd(a, fds[0], "pair", "unix", &err) != 0) {
		sk_fd_close(fds[1]);
		return sk_lua_fail_on(L, "pair", &err);
	}
	if (start_fd(b, fds[1], "pair", "unix", &err) != 0)
		return sk_lua_fail_on(L, "pair", &err);
	return 2;
}

/*
 * adopt(fd, scheme, nil, url | nil): a stream around a connected descriptor,
 * which is the caller's again if this fails. url is canonical.
 */
static int
stream_adopt(lua_State *L)
{
	int fd = (int)sk_lua_whole(L, 1, 0, 2147483647.0);
	const char *scheme = luaL_checkstring(L, 2);
	struct sk_lua_stream *u = sk_lua_stream_new(L);
	struct sk_layer *l;
	struct sk_addr peer;
	struct sk_err err = { 0 };
	char text[SK_URL_MAX], *copy;

	if (lua_isstring(L, 4))
		(void)snprintf(text, sizeof(text), "%s", lua_tostring(L, 4));
	else if (sk_fd_peer(fd, &peer, &err) <= 0 ||
	    sk_addr_text(&peer, scheme, text) == 0)
		(void)snprintf(text, sizeof(text), "descriptor %d", fd);
	sk_err_clear(&err);
	if ((copy = strdup(text)) == NULL) {
		(void)sk_fail(&err, SK_MEMORY, "out of memory");
		return sk_lua_fail(L, &err);
	}
	if ((l = sk_fd_adopt(fd, &err)) == NULL) {
		free(copy);
		return sk_lua_fail_on(L, "adopt", &err);
	}
	sk_lua_stream_start(u, l, sk_scheme_find(scheme, strlen(scheme)),
	    copy, 0);
	return 1;
}

static int
stream_open(lua_State *L)
{
	struct sk_lua_stream *u = sk_lua_stream_self(L);
	struct sk_err err = { 0 };

	if (u->s.top != NULL && !u->s.opened && (u->reading || u->writing))
		return sk_lua_stream_busy(L, u, "call");
	return sk_lua_stream_answer(L, u, sk_stream_open(&u->s, &err), &err);
}

/*
 * The end
 */

static int
stream_shutdown(lua_State *L)
{
	static const char *const names[] = { "write", "read", "both", NULL };
	struct sk_lua_stream *u = sk_lua_stream_self(L);
	struct sk_err err = { 0 };
	int r, how = 0;

	if (!lua_isnoneornil(L, 2))
		how = sk_lua_choice(L, 1, "shutdown", names);
	if (u->writing && how != 1)
		return sk_lua_stream_busy(L, u, "write");
	r = sk_stream_usable(&u->s, &err);
	if (r == 0 && how != 1)
		r = sk_stream_shut(&u->s, &err);
	if (r == 0 && how != 0 &&
	    (r = sk_fd_shut_read(u->s.top, &err)) == 0)
		sk_stream_stop_reading(&u->s);
	return sk_lua_stream_answer(L, u, r, &err);
}

/* A step of close(seconds): says goodbye and waits for the peer's end. */
static int
stream_finish(lua_State *L)
{
	struct sk_lua_stream *u = sk_lua_stream_self(L);
	struct sk_err err = { 0 };
	int r = 0;

	if (!u->s.shut_write)
		r = sk_stream_shut(&u->s, &err);
	if (r == 0)
		r = sk_stream_await_end(&u->s, &err);
	return sk_lua_stream_answer(L, u, r, &err);
}

static void
let_go(struct sk_stream *s)
{
	if (s->top != NULL)
		sk_fd_part(s->top);
	sk_stream_close(s);
}

static int
stream_close(lua_State *L)
{
	struct sk_lua_stream *u = luaL_checkudata(L, 1, SK_TYPE_STREAM);

	let_go(&u->s);
	u->upgrading = 0;
	u->want = 0;
	lua_pushboolean(L, 1);
	return 1;
}

static int
stream_gc(lua_State *L)
{
	struct sk_lua_stream *u = luaL_checkudata(L, 1, SK_TYPE_STREAM);

	let_go(&u->s);
	sk_err_clear(&u->s.dead);
	free(u->url);
	u->url = NULL;
	sk_shelf_drop(u->s.shelf);
	u->s.shelf = NULL;
	return 0;
}

/* The bare descriptor; the connection is not touched. */
static int
stream_detach(lua_State *L)
{
	struct sk_lua_stream *u = sk_lua_stream_self(L);
	struct sk_err err = { 0 };
	int fd;

	if (sk_stream_usable(&u->s, &err) != 0)
		return sk_lua_stream_fail(L, u, &err);
	if (u->s.sealed > 0)
		(void)sk_fail(&err, SK_UNSUPPORTED, "detach: the stream is "
		    "under tls, whose state would be lost");
	else if (sk_proxy_is_in(u->s.top) && sk_proxy_of(u->s.top) == NULL)
		(void)sk_fail(&err, SK_UNSUPPORTED, "detach: the header of the "
		    "PROXY protocol has not been read (handshake() first)");
	else if (sk_buf_len(&u->s.in) + sk_buf_len(&u->s.out) > 0)
		(void)sk_fail(&err, SK_UNSUPPORTED, "detach: %zu bytes in the "
		    "buffers would be lost (read and flush first)",
		    sk_buf_len(&u->s.in) + sk_buf_len(&u->s.out));
	if (err.code != SK_NONE)
		return sk_lua_stream_fail(L, u, &err);
	fd = sk_fd_release(u->s.top);
	sk_stream_close(&u->s);
	lua_pushinteger(L, fd);
	return 1;
}

static int
stream_tostring(lua_State *L)
{
	struct sk_lua_stream *u = luaL_checkudata(L, 1, SK_TYPE_STREAM);

	lua_pushfstring(L, "stream (%s%s)", u->s.top == NULL ? "closed " : "",
	    u->url != NULL ? u->url : "?");
	return 1;
}

/* "stream" or "closed stream" for a stream, else nothing. */
static int
stream_type(lua_State *L)
{
	struct sk_lua_stream *u = sk_lua_test(L, 1, SK_TYPE_STREAM);

	if (u == NULL)
		return 0;
	lua_pushstring(L, u->s.top == NULL ? "closed stream" : "stream");
	return 1;
}

void
sk_lua_open_stream(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "dial", stream_dial },
		{ "pair", stream_pair },
		{ "adopt", stream_adopt },
		{ "open", stream_open },
		{ "shutdown", stream_shutdown },
		{ "finish", stream_finish },
		{ "close", stream_close },
		{ "detach", stream_detach },
		{ "type", stream_type },
		{ NULL, NULL }
	};
	static const luaL_Reg meta[] = {
		{ "__gc", stream_gc },
		{ "__tostring", stream_tostring },
		{ NULL, NULL }
	};

	sk_lua_class(L, SK_TYPE_STREAM, functions, meta);
	lua_getfield(L, -1, "metatable");
	sk_lua_setfuncs(L, sk_lua_stream_io, 1);
	lua_getfield(L, -1, "metatable");
	sk_lua_setfuncs(L, sk_lua_stream_facts, 1);
	lua_getfield(L, -1, "metatable");
	sk_lua_setfuncs(L, sk_lua_stream_pass, 1);
	lua_getfield(L, -1, "metatable");
	sk_lua_setfuncs(L, sk_lua_stream_tls_steps, 1);
	lua_setfield(L, -2, "stream");
}
