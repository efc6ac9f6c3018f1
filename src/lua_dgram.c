/*
 * lua_dgram.c - datagram sockets for Lua: their life, names and options.
 */
#include <sys/socket.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dgram.h"
#include "lua_dgram.h"

struct sk_lua_datagram *
sk_lua_datagram_self(lua_State *L)
{
	return sk_lua_self(L, SK_TYPE_DATAGRAM);
}

int
sk_lua_datagram_fail(lua_State *L, struct sk_lua_datagram *d,
    struct sk_err *err)
{
	d->want = 0;
	return sk_lua_fail_on(L, d->url, err);
}

int
sk_lua_datagram_unusable(lua_State *L, struct sk_lua_datagram *d, int held)
{
	struct sk_err err = { 0 };

	if (d->fd == -1)
		(void)sk_fail(&err, SK_CLOSED, "the socket is closed");
	else if (held)
		(void)sk_fail(&err, SK_BUSY,
		    "another coroutine waits in such a call");
	return err.code == SK_NONE ? 0 : sk_lua_datagram_fail(L, d, &err);
}

static struct sk_lua_datagram *
datagram_new(lua_State *L)
{
	struct sk_lua_datagram *d = sk_lua_new(L, sizeof(*d), SK_TYPE_DATAGRAM);

	d->fd = -1;
	d->shelf = sk_shelf_hold(sk_lua_shelf(L));
	d->bounds.forever = 1;
	return d;
}

static void
let_go(struct sk_lua_datagram *d)
{
	sk_file_remove(&d->file);
	sk_fd_close(d->fd);
	d->fd = -1;
}

/* Gives a socket its descriptor; nothing is kept where this fails. */
static int
start(struct sk_lua_datagram *d, int fd, const char *url, const char *scheme,
    struct sk_err *err)
{
	char text[SK_URL_MAX];
	struct sk_addr addr;
	int r;

	d->scheme = sk_scheme_find(scheme, strlen(scheme));
	if ((r = sk_fd_local(fd, &addr, err)) == SK_FAIL)
		return SK_FAIL;
	if (r == 0 || sk_addr_text(&addr, scheme, text) == 0)
		text[0] = '\0';
	if (url == NULL)
		url = text[0] != '\0' ? text : "datagram";
	if ((d->url = strdup(url)) == NULL)
		return sk_fail(err, SK_MEMORY, "out of memory");
	if (text[0] != '\0' && sk_file_note(&d->file, text, err) != 0)
		return SK_FAIL;
	d->fd = fd;
	return 0;
}

/* Connects, or binds, to the first address that can be had. */
static int
open_socket(lua_State *L, int connects)
{
	size_t n;
	const char *text = luaL_checklstring(L, 1, &n);
	struct sk_lua_datagram *d;
	struct sk_fd_options options;
	struct sk_addr *list, local;
	struct sk_url url;
	struct sk_err err = { 0 };
	int i, count, fd = -1;

	lua_settop(L, 3);
	d = datagram_new(L);
	if (sk_url_parse(&url, text, n, SK_PORT_IN_URL, &err) != 0 ||
	    sk_lua_options(L, 3, &options, &local, &err) != 0 ||
	    (count = sk_lua_addresses(L, 2, &url, &list, &err)) == SK_FAIL)
		return sk_lua_fail_on(L, text, &err);
	for (i = 0; fd < 0 && i < count; i++) {
		sk_err_clear(&err);
		fd = connects ? sk_dgram_connect(&list[i], &options, &err) :
		    sk_dgram_bind(&list[i], &options, &err);
	}
	free(list);
	if (fd < 0)
		return sk_lua_fail_on(L, text, &err);
	if (start(d, fd, connects ? text : NULL, url.scheme->name,
	    &err) != 0) {
		sk_fd_close(fd);
		return sk_lua_fail_on(L, text, &err);
	}
	return 1;
}

/* connect(url, addresses | nil, options | nil); url is canonical. */
static int
datagram_connect(lua_State *L)
{
	return open_socket(L, 1);
}

/* bind(url, addresses | nil, options | nil) */
static int
datagram_bind(lua_State *L)
{
	return open_socket(L, 0);
}

/* pair(): two sockets that are connected with each other. */
static int
datagram_pair(lua_State *L)
{
	struct sk_lua_datagram *a = datagram_new(L), *b = datagram_new(L);
	struct sk_err err = { 0 };
	int fds[2];

	if (sk_fd_pair(SOCK_DGRAM, fds, &err) != 0)
		return sk_lua_fail_on(L, "pair", &err);
	if (start(a, fds[0], "pair", "udg", &err) != 0)
		sk_fd_close(fds[0]);
	if (start(b, fds[1], "pair", "udg", &err) != 0)
		sk_fd_close(fds[1]);
	return err.code == SK_NONE ? 2 : sk_lua_fail_on(L, "pair", &err);
}

/*
 * adopt(fd, scheme): a socket around a descriptor, which is the caller's
 * again if this fails.
 */
static int
datagram_adopt(lua_State *L)
{
	int fd = (int)sk_lua_whole(L, 1, 0, 2147483647.0);
	const char *scheme = luaL_checkstring(L, 2);
	struct sk_lua_datagram *d = datagram_new(L);
	struct sk_err err = { 0 };

	if (sk_fd_prepare(fd, &err) != 0 ||
	    start(d, fd, NULL, scheme, &err) != 0)
		return sk_lua_fail_on(L, "adopt", &err);
	sk_file_leave(&d->file);	/* whoever bound it removes the file */
	return 1;
}

/*
 * What the loop asks, and names and options
 */

static int
set_holds(lua_State *L, unsigned char value)
{
	struct sk_lua_datagram *d = sk_lua_datagram_self(L);

	if (lua_toboolean(L, 2))
		d->reading = value;
	if (lua_toboolean(L, 3))
		d->writing = value;
	return 0;
}

static int
datagram_hold(lua_State *L)
{
	return set_holds(L, 1);
}

static int
datagram_release(lua_State *L)
{
	return set_holds(L, 0);
}

static int
datagram_settimeout(lua_State *L)
{
	return sk_lua_settimeout(L, &sk_lua_datagram_self(L)->bounds);
}

static int
datagram_gettimeout(lua_State *L)
{
	return sk_lua_gettimeout(L, &sk_lua_datagram_self(L)->bounds);
}

static int
datagram_fd(lua_State *L)
{
	struct sk_lua_datagram *d = sk_lua_datagram_self(L);

	if (sk_lua_datagram_unusable(L, d, 0))
		return 3;
	lua_pushinteger(L, d->fd);
	return 1;
}

static int
datagram_want(lua_State *L)
{
	struct sk_lua_datagram *d = sk_lua_datagram_self(L);

	if (d->want == 0)
		lua_pushnil(L);
	else
		lua_pushlstring(L, &d->want, 1);
	return 1;
}

static int
datagram_localname(lua_State *L)
{
	struct sk_lua_datagram *d = sk_lua_datagram_self(L);

	return sk_lua_datagram_unusable(L, d, 0) ? 3 :
	    sk_lua_name(L, d->fd, 0, d->scheme->name);
}

static int
datagram_peername(lua_State *L)
{
	struct sk_lua_datagram *d = sk_lua_datagram_self(L);

	return sk_lua_datagram_unusable(L, d, 0) ? 3 :
	    sk_lua_name(L, d->fd, 1, d->scheme->name);
}

static int
datagram_getoption(lua_State *L)
{
	struct sk_lua_datagram *d = sk_lua_datagram_self(L);

	return sk_lua_datagram_unusable(L, d, 0) ? 3 :
	    sk_lua_getoption(L, d->fd, d->url);
}

static int
datagram_setoption(lua_State *L)
{
	struct sk_lua_datagram *d = sk_lua_datagram_self(L);

	return sk_lua_datagram_unusable(L, d, 0) ? 3 :
	    sk_lua_setoption(L, d->fd, d->url);
}

static int
datagram_origin(lua_State *L)
{
	lua_pushstring(L, sk_lua_datagram_self(L)->url);
	return 1;
}

static int
datagram_detach(lua_State *L)
{
	struct sk_lua_datagram *d = sk_lua_datagram_self(L);

	if (sk_lua_datagram_unusable(L, d, d->reading || d->writing))
		return 3;
	lua_pushinteger(L, d->fd);
	sk_file_leave(&d->file);
	d->fd = -1;
	return 1;
}

static int
datagram_close(lua_State *L)
{
	let_go(luaL_checkudata(L, 1, SK_TYPE_DATAGRAM));
	lua_pushboolean(L, 1);
	return 1;
}

static int
datagram_gc(lua_State *L)
{
	struct sk_lua_datagram *d = luaL_checkudata(L, 1, SK_TYPE_DATAGRAM);

	let_go(d);
	free(d->url);
	d->url = NULL;
	if (d->shelf == NULL)
		return 0;
	sk_buf_free(&d->in, d->shelf);
	sk_shelf_drop(d->shelf);
	d->shelf = NULL;
	return 0;
}

static int
datagram_tostring(lua_State *L)
{
	struct sk_lua_datagram *d = luaL_checkudata(L, 1, SK_TYPE_DATAGRAM);

	lua_pushfstring(L, "datagram (%s%s)", d->fd == -1 ? "closed " : "",
	    d->url != NULL ? d->url : "?");
	return 1;
}

int
sk_lua_datagram_fd(lua_State *L, int index)
{
	struct sk_lua_datagram *d = sk_lua_test(L, index, SK_TYPE_DATAGRAM);

	return d != NULL ? d->fd : -2;
}

static int
datagram_type(lua_State *L)
{
	struct sk_lua_datagram *d = sk_lua_test(L, 1, SK_TYPE_DATAGRAM);

	if (d == NULL)
		return 0;
	lua_pushstring(L, d->fd == -1 ? "closed datagram" : "datagram");
	return 1;
}

void
sk_lua_open_datagram(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "connect", datagram_connect },
		{ "bind", datagram_bind },
		{ "pair", datagram_pair },
		{ "adopt", datagram_adopt },
		{ "hold", datagram_hold },
		{ "release", datagram_release },
		{ "settimeout", datagram_settimeout },
		{ "gettimeout", datagram_gettimeout },
		{ "fd", datagram_fd },
		{ "want", datagram_want },
		{ "localname", datagram_localname },
		{ "peername", datagram_peername },
		{ "getoption", datagram_getoption },
		{ "setoption", datagram_setoption },
		{ "origin", datagram_origin },
		{ "detach", datagram_detach },
		{ "close", datagram_close },
		{ "type", datagram_type },
		{ NULL, NULL }
	};
	static const luaL_Reg meta[] = {
		{ "__gc", datagram_gc },
		{ "__tostring", datagram_tostring },
		{ NULL, NULL }
	};

	sk_lua_class(L, SK_TYPE_DATAGRAM, functions, meta);
	lua_getfield(L, -1, "metatable");
	sk_lua_setfuncs(L, sk_lua_datagram_io, 1);
	lua_setfield(L, -2, "datagram");
}
