/*
 * lua_listener.c - listeners for Lua: a descriptor, what its connections
 * inherit, and the TLS configuration that they begin with.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "lua_stream.h"
#include "proxy.h"

struct listener {
	int fd;				/* -1: closed */
	const struct sk_scheme *scheme;
	struct sk_conf *conf;		/* NULL: in the clear, or chosen */
	char *url;			/* as bound */
	struct sk_file file;
	struct sk_lua_bounds accept;
	struct sk_lua_bounds bounds;	/* what connections inherit */
	unsigned char nodelay;		/* the caller has decided on it */
	unsigned char chooses;		/* a conf for each ClientHello */
	unsigned char proxied;		/* connections begin with a header */
	unsigned char waiting;		/* a coroutine waits in accept */
};

static struct listener *
self(lua_State *L)
{
	return sk_lua_self(L, SK_TYPE_LISTENER);
}

static int
fail(lua_State *L, struct listener *l, struct sk_err *err)
{
	return sk_lua_fail_on(L, l->url, err);
}

/* 0, or 3 with nil, message, "closed" pushed. */
static int
closed(lua_State *L, struct listener *l)
{
	struct sk_err err = { 0 };

	if (l->fd != -1)
		return 0;
	(void)sk_fail(&err, SK_CLOSED, "the listener is closed");
	return fail(L, l, &err);
}

static struct listener *
listener_new(lua_State *L)
{
	struct listener *l = sk_lua_new(L, sizeof(*l), SK_TYPE_LISTENER);

	l->fd = -1;
	l->accept.forever = l->bounds.forever = 1;
	return l;
}

/*
 * The name that the socket got (port 0 was a wish for any), and the file to
 * remove at the end. The descriptor is the listener's from here on.
 */
static int
take_over(struct listener *l, int fd, const struct sk_scheme *scheme,
    int remove, struct sk_err *err)
{
	char text[SK_URL_MAX];
	struct sk_addr addr;

	l->fd = fd;
	l->scheme = scheme;
	if (sk_fd_local(fd, &addr, err) == SK_FAIL)
		return SK_FAIL;
	if (sk_addr_text(&addr, scheme->name, text) == 0)
		(void)snprintf(text, sizeof(text), "descriptor %d", fd);
	if ((l->url = strdup(text)) == NULL)
		return sk_fail(err, SK_MEMORY, "out of memory");
	return remove ? sk_file_note(&l->file, text, err) : 0;
}

static void
let_go(struct listener *l)
{
	sk_file_remove(&l->file);
	sk_fd_close(l->fd);
	l->fd = -1;
	sk_conf_drop(l->conf);
	l->conf = NULL;
}

/*
 * Sets what TLS begins with: the conf at that index, true for one that is
 * chosen for each client, or nothing for none. 0 or SK_FAIL.
 */
static int
set_conf(lua_State *L, int index, struct listener *l, struct sk_err *err)
{
	struct sk_conf *conf = NULL;
	int chooses = lua_isboolean(L, index) && lua_toboolean(L, index);

	if (!lua_isnoneornil(L, index) && !lua_isboolean(L, index)) {
		conf = sk_lua_conf(L, index);
		if (sk_conf_server(conf, err) == NULL)
			return SK_FAIL;
		sk_conf_hold(conf);
	}
	sk_conf_drop(l->conf);
	l->conf = conf;
	l->chooses = (unsigned char)chooses;
	return 0;
}

/*
 * listen(url, addresses | nil, options | nil, conf | true | nil): a listener.
 * url is canonical.
 */
static int
listener_listen(lua_State *L)
{
	size_t n;
	const char *text = luaL_checklstring(L, 1, &n);
	struct listener *l;
	struct sk_fd_options options;
	struct sk_addr *list, local;
	struct sk_url url;
	struct sk_err err = { 0 };
	int i, count, fd = -1;

	lua_settop(L, 4);
	l = listener_new(L);
	if (set_conf(L, 4, l, &err) != 0)
		return sk_lua_fail_on(L, text, &err);
	if (sk_url_parse(&url, text, n, SK_PORT_IN_URL, &err) != 0 ||
	    sk_lua_options(L, 3, &options, &local, &err) != 0 ||
	    (count = sk_lua_addresses(L, 2, &url, &list, &err)) == SK_FAIL)
		return sk_lua_fail_on(L, text, &err);
	l->nodelay = options.nodelay != -1;
	for (i = 0; fd < 0 && i < count; i++) {
		sk_err_clear(&err);
		fd = sk_fd_listen(&list[i], &options, &err);
	}
	free(list);
	if (fd < 0)
		return sk_lua_fail_on(L, text, &err);
	if (take_over(l, fd, url.scheme, 1, &err) != 0) {
		let_go(l);
		return sk_lua_fail_on(L, text, &err);
	}
	return 1;
}

/*
 * adopt(fd, scheme, conf | true | nil): a listener around a listening descriptor,
 * which is the caller's again if this fails.
 */
static int
listener_adopt(lua_State *L)
{
	int fd = (int)sk_lua_whole(L, 1, 0, 2147483647.0);
	const char *scheme = luaL_checkstring(L, 2);
	struct listener *l;
	struct sk_err err = { 0 };

	lua_settop(L, 3);
	l = listener_new(L);
	if (set_conf(L, 3, l, &err) != 0)
		return sk_lua_fail_on(L, "adopt", &err);
	if (sk_fd_prepare(fd, &err) != 0 ||
	    take_over(l, fd, sk_scheme_find(scheme, strlen(scheme)), 0,
	    &err) != 0) {
		l->fd = -1;
		return sk_lua_fail_on(L, "adopt", &err);
	}
	return 1;
}

/* Makes the accepted layer a stream; takes it over, also when it fails. */
static int
start_stream(struct listener *l, struct sk_lua_stream *u, struct sk_layer *fd,
    const struct sk_addr *peer, struct sk_err *err)
{
	char text[SK_URL_MAX], *url;
	struct sk_layer *top = fd;

	if (sk_addr_text(peer, l->scheme->name, text) == 0)
		(void)snprintf(text, sizeof(text), "client of %s", l->url);
	if ((url = strdup(text)) == NULL)
		(void)sk_fail(err, SK_MEMORY, "out of memory");
	if (url == NULL ||
	    (l->proxied && (top = sk_proxy_new(fd, err)) == NULL)) {
		free(url);
		fd->ops->free(fd);
		return SK_FAIL;
	}
	sk_lua_stream_start(u, top, l->scheme, url, 1);
	u->nodelay = l->nodelay;
	u->bounds = l->bounds;
	if (l->bounds.limited)
		u->s.limit = l->bounds.limit;
	if ((l->conf != NULL || l->chooses) &&
	    sk_lua_stream_tls(u, l->conf, err) != 0) {
		sk_stream_close(&u->s);
		return SK_FAIL;
	}
	return 0;
}

/* accept(listener): a step: a stream and its peer's URL (nil: no name). */
static int
listener_accept(lua_State *L)
{
	struct listener *l = self(L);
	struct sk_lua_stream *u;
	struct sk_layer *fd;
	struct sk_addr peer;
	struct sk_err err = { 0 };
	char text[SK_URL_MAX];
	size_t n;
	int r;

	if (closed(L, l))
		return 3;
	if (l->waiting) {
		(void)sk_fail(&err, SK_BUSY,
		    "another coroutine is in an accept of this listener");
		return fail(L, l, &err);
	}
	u = sk_lua_stream_new(L);
	if ((r = sk_fd_accept(l->fd, &fd, &peer, &err)) == SK_WANT_READ) {
		lua_pushboolean(L, 0);
		lua_pushliteral(L, "r");
		return 2;
	}
	if (r == SK_FAIL || start_stream(l, u, fd, &peer, &err) != 0)
		return fail(L, l, &err);
	if ((n = sk_addr_text(&peer, l->scheme->name, text)) > 0)
		lua_pushlstring(L, text, n);
	else
		lua_pushnil(L);
	return 2;
}

/* settls(listener, conf | true): for connections from now on. */
static int
listener_settls(lua_State *L)
{
	struct listener *l = self(L);
	struct sk_err err = { 0 };

	if (closed(L, l))
		return 3;
	if (set_conf(L, 2, l, &err) != 0)
		return fail(L, l, &err);
	lua_pushboolean(L, 1);
	return 1;
}

/*
 * inherit(listener, timeout | nil, limit | nil, proxied | nil): what
 * connections get, and whether they begin with a header of the PROXY protocol.
 */
static int
listener_inherit(lua_State *L)
{
	struct listener *l = self(L);

	l->bounds.forever = !sk_lua_seconds(L, 2, &l->bounds.timeout);
	if (!lua_isnoneornil(L, 3)) {
		l->bounds.limit = (size_t)sk_lua_whole(L, 3, 1, SK_LUA_HUGE);
		l->bounds.limited = 1;
	}
	l->proxied = (unsigned char)lua_toboolean(L, 4);
	return 0;
}

static int
listener_settimeout(lua_State *L)
{
	return sk_lua_settimeout(L, &self(L)->accept);
}

static int
listener_gettimeout(lua_State *L)
{
	return sk_lua_gettimeout(L, &self(L)->accept);
}

static int
listener_hold(lua_State *L)
{
	self(L)->waiting = 1;
	return 0;
}

static int
listener_release(lua_State *L)
{
	self(L)->waiting = 0;
	return 0;
}

static int
listener_fd(lua_State *L)
{
	struct listener *l = self(L);

	if (closed(L, l))
		return 3;
	lua_pushinteger(L, l->fd);
	return 1;
}

static int
listener_localname(lua_State *L)
{
	struct listener *l = self(L);

	return closed(L, l) ? 3 : sk_lua_name(L, l->fd, 0, l->scheme->name);
}

static int
listener_getoption(lua_State *L)
{
	struct listener *l = self(L);

	return closed(L, l) ? 3 : sk_lua_getoption(L, l->fd, l->url);
}

static int
listener_setoption(lua_State *L)
{
	struct listener *l = self(L);

	return closed(L, l) ? 3 : sk_lua_setoption(L, l->fd, l->url);
}

/* backlog(listener, n): true. */
static int
listener_backlog(lua_State *L)
{
	struct listener *l = self(L);
	int n = (int)sk_lua_whole(L, 2, 0, 2147483647.0);
	struct sk_err err = { 0 };

	if (closed(L, l))
		return 3;
	if (sk_fd_backlog(l->fd, n, &err) != 0)
		return sk_lua_fail_on(L, l->url, &err);
	lua_pushboolean(L, 1);
	return 1;
}

static int
listener_origin(lua_State *L)
{
	lua_pushstring(L, self(L)->url);
	return 1;
}

static int
listener_close(lua_State *L)
{
	let_go(luaL_checkudata(L, 1, SK_TYPE_LISTENER));
	lua_pushboolean(L, 1);
	return 1;
}

/* The bare descriptor, which goes on listening; its file stays. */
static int
listener_detach(lua_State *L)
{
	struct listener *l = luaL_checkudata(L, 1, SK_TYPE_LISTENER);

	lua_pushinteger(L, l->fd);
	sk_file_leave(&l->file);
	l->fd = -1;
	return 1;
}

static int
listener_gc(lua_State *L)
{
	struct listener *l = luaL_checkudata(L, 1, SK_TYPE_LISTENER);

	let_go(l);
	free(l->url);
	l->url = NULL;
	return 0;
}

static int
listener_tostring(lua_State *L)
{
	struct listener *l = luaL_checkudata(L, 1, SK_TYPE_LISTENER);

	lua_pushfstring(L, "listener (%s%s)", l->fd == -1 ? "closed " : "",
	    l->url != NULL ? l->url : "?");
	return 1;
}

int
sk_lua_listener_fd(lua_State *L, int index)
{
	struct listener *l = sk_lua_test(L, index, SK_TYPE_LISTENER);

	return l != NULL ? l->fd : -2;
}

static int
listener_type(lua_State *L)
{
	struct listener *l = sk_lua_test(L, 1, SK_TYPE_LISTENER);

	if (l == NULL)
		return 0;
	lua_pushstring(L, l->fd == -1 ? "closed listener" : "listener");
	return 1;
}

void
sk_lua_open_listener(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "listen", listener_listen },
		{ "adopt", listener_adopt },
		{ "accept", listener_accept },
		{ "settls", listener_settls },
		{ "inherit", listener_inherit },
		{ "settimeout", listener_settimeout },
		{ "gettimeout", listener_gettimeout },
		{ "hold", listener_hold },
		{ "release", listener_release },
		{ "fd", listener_fd },
		{ "localname", listener_localname },
		{ "getoption", listener_getoption },
		{ "setoption", listener_setoption },
		{ "origin", listener_origin },
		{ "close", listener_close },
		{ "detach", listener_detach },
		{ "backlog", listener_backlog },
		{ "type", listener_type },
		{ NULL, NULL }
	};
	static const luaL_Reg meta[] = {
		{ "__gc", listener_gc },
		{ "__tostring", listener_tostring },
		{ NULL, NULL }
	};

	sk_lua_class(L, SK_TYPE_LISTENER, functions, meta);
	lua_setfield(L, -2, "listener");
}
