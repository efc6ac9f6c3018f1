/*
 * lua_socket.c - what sockets of all three kinds have in common for Lua:
 * options, names, readiness.
 */
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "lua_stream.h"
#include "opt.h"

/*
 * Options, checked before by the Lua layer
 */

static int
flag_field(lua_State *L, int index, const char *name)
{
	int value;

	lua_getfield(L, index, name);
	value = lua_isnil(L, -1) ? -1 : lua_toboolean(L, -1);
	lua_pop(L, 1);
	return value;
}

static double
number_field(lua_State *L, int index, const char *name, double dflt)
{
	double value;

	lua_getfield(L, index, name);
	value = lua_isnil(L, -1) ? dflt : lua_tonumber(L, -1);
	lua_pop(L, 1);
	return value;
}

/* bind is a canonical URL by now, with a numeric host or a path. */
static int
bind_field(lua_State *L, int index, struct sk_addr *local, struct sk_err *err)
{
	struct sk_url url;
	const char *text;
	size_t n;
	int r = 0;

	lua_getfield(L, index, "bind");
	if ((text = lua_tolstring(L, -1, &n)) != NULL) {
		r = sk_url_parse(&url, text, n, SK_PORT_IN_URL, err);
		if (r == 0)
			r = sk_addr_of_url(local, &url, err);
		if (r == 0)
			r = sk_fail(err, SK_URL,
			    "bind: '%s' is no numeric address", text);
	}
	lua_pop(L, 1);
	return r;
}

int
sk_lua_options(lua_State *L, int index, struct sk_fd_options *o,
    struct sk_addr *local, struct sk_err *err)
{
	int r;

	*o = sk_fd_defaults;
	if (!lua_istable(L, index))
		return 0;
	o->nodelay = flag_field(L, index, "nodelay");
	o->keepalive = flag_field(L, index, "keepalive");
	o->reuseport = flag_field(L, index, "reuseport");
	o->ipv6only = flag_field(L, index, "ipv6only");
	o->broadcast = flag_field(L, index, "broadcast");
	o->backlog = (int)number_field(L, index, "backlog", -1);
	o->mode = (long)number_field(L, index, "mode", -1);
	if ((r = bind_field(L, index, local, err)) == SK_FAIL)
		return SK_FAIL;
	if (r > 0)
		o->bind = local;
	return 0;
}

int
sk_lua_settimeout(lua_State *L, struct sk_lua_bounds *b)
{
	luaL_checkany(L, 2);
	b->forever = !sk_lua_seconds(L, 2, &b->timeout);
	lua_pushboolean(L, 1);
	return 1;
}

int
sk_lua_gettimeout(lua_State *L, const struct sk_lua_bounds *b)
{
	if (b->forever)
		lua_pushnil(L);
	else
		lua_pushnumber(L, b->timeout);
	return 1;
}

int
sk_lua_getoption(lua_State *L, int fd, const char *what)
{
	const struct sk_opt *o = sk_opt_find(luaL_checkstring(L, 2));
	struct sk_err err = { 0 };
	double value;

	luaL_argcheck(L, o != NULL, 2, "no such socket option");
	if (sk_opt_get(fd, o, &value, &err) != 0)
		return sk_lua_fail_on(L, what, &err);
	if (o->kind == SK_OPT_FLAG)
		lua_pushboolean(L, value > 0);
	else if (o->kind == SK_OPT_LINGER && value < 0)
		lua_pushboolean(L, 0);
	else if (o->kind == SK_OPT_NUMBER)
		lua_pushinteger(L, (lua_Integer)value);
	else
		lua_pushnumber(L, value);
	return 1;
}

int
sk_lua_setoption(lua_State *L, int fd, const char *what)
{
	const struct sk_opt *o = sk_opt_find(luaL_checkstring(L, 2));
	struct sk_err err = { 0 };
	double value;

	if (o == NULL)
		return luaL_argerror(L, 2, "no such socket option");
	luaL_argcheck(L, o->settable, 2, "this option can only be read");
	if (o->kind == SK_OPT_FLAG) {
		luaL_checktype(L, 3, LUA_TBOOLEAN);
		value = lua_toboolean(L, 3);
	} else if (o->kind == SK_OPT_LINGER && lua_isboolean(L, 3)) {
		luaL_argcheck(L, !lua_toboolean(L, 3), 3,
		    "seconds or false expected");
		value = -1;
	} else
		value = sk_lua_whole(L, 3, o->kind == SK_OPT_NUMBER ?
		    -2147483648.0 : 0, 2147483647.0);
	if (sk_opt_set(fd, o, value, &err) != 0)
		return sk_lua_fail_on(L, what, &err);
	lua_pushboolean(L, 1);
	return 1;
}

/* The names of all options, for the manual and its test. */
static void
push_option_names(lua_State *L)
{
	const struct sk_opt *o;
	int i;

	lua_newtable(L);
	for (o = sk_opts, i = 1; o->name != NULL; o++, i++) {
		lua_pushstring(L, o->name);
		lua_rawseti(L, -2, i);
	}
}

int
sk_lua_name(lua_State *L, int fd, int peer, const char *scheme)
{
	struct sk_addr addr;
	struct sk_err err = { 0 };
	char text[SK_URL_MAX];
	size_t n;
	int r;

	r = peer ? sk_fd_peer(fd, &addr, &err) : sk_fd_local(fd, &addr, &err);
	if (r == SK_FAIL)
		return sk_lua_fail(L, &err);
	n = r > 0 ? sk_addr_text(&addr, scheme, text) : 0;
	if (n > 0)
		lua_pushlstring(L, text, n);
	else
		lua_pushnil(L);
	return 1;
}

/*
 * Would a read answer at once? An outer TLS layer may hold what no poll(2)
 * tells of: so a stream with two of them is asked.
 */
static int
is_ready(struct sk_stream *s)
{
	struct sk_err ignored = { 0 };
	int r = 0;

	s->turns = 0;
	if (!sk_stream_ready(s) && s->opened && s->sealed > 1)
		r = sk_stream_fill(s, &ignored);
	sk_err_clear(&ignored);
	return r == SK_WANT_TURN || sk_stream_ready(s);
}

/* The descriptor of a socket of any kind: -1 where closed, -2 for no socket. */
static int
socket_fd(lua_State *L, int index, int *ready)
{
	struct sk_lua_stream *u = sk_lua_test(L, index, SK_TYPE_STREAM);
	int fd;

	*ready = 0;
	if (u == NULL) {
		fd = sk_lua_listener_fd(L, index);
		return fd != -2 ? fd : sk_lua_datagram_fd(L, index);
	}
	*ready = is_ready(&u->s);
	return u->s.top != NULL ? sk_fd_of(u->s.top) : -1;
}

/*
 * select(readers, writers, seconds | nil, bare): two lists of those that are
 * ready. What is buffered or at its end counts as readable, and a closed
 * socket as both: a call on it answers at once. With bare, numbers among
 * them are descriptors that are none of ours.
 */

/* Adds the sockets of the list at index; how many of them are ready now. */
static size_t
gather(lua_State *L, int index, short events, struct pollfd *p)
{
	size_t i, n, now = 0;
	int ready;

	n = lua_isnil(L, index) ? 0 : sk_lua_rawlen(L, index);
	for (i = 0; i < n; i++) {
		lua_rawgeti(L, index, (int)i + 1);
		if (lua_toboolean(L, 4) && lua_type(L, -1) == LUA_TNUMBER) {
			p[i].fd = (int)lua_tonumber(L, -1);
			ready = 0;
		} else
			p[i].fd = socket_fd(L, lua_gettop(L), &ready);
		if (p[i].fd == -2)
			luaL_error(L, "bad argument #%d to 'select' "
			    "(item %d is no socket)", index, (int)i + 1);
		lua_pop(L, 1);
		p[i].events = events;
		p[i].revents = 0;
		if (p[i].fd == -1 || (events == POLLIN && ready)) {
			p[i].revents = events;
			now++;
		}
	}
	return now;
}

static void
push_ready(lua_State *L, int index, const struct pollfd *p)
{
	size_t i, n;
	int k = 0;

	n = lua_isnil(L, index) ? 0 : sk_lua_rawlen(L, index);
	lua_newtable(L);
	for (i = 0; i < n; i++) {
		if (p[i].revents == 0)
			continue;
		lua_rawgeti(L, index, (int)i + 1);
		lua_rawseti(L, -2, ++k);
	}
}

/* poll(2) clears revents: what was ready before is noted again after. */
static int
core_select(lua_State *L)
{
	struct pollfd *p;
	struct sk_err err = { 0 };
	size_t nr, nw, i, now;
	double seconds = -1;

	lua_settop(L, 4);
	if (!lua_isnil(L, 1))
		luaL_checktype(L, 1, LUA_TTABLE);
	if (!lua_isnil(L, 2))
		luaL_checktype(L, 2, LUA_TTABLE);
	(void)sk_lua_seconds(L, 3, &seconds);
	nr = lua_isnil(L, 1) ? 0 : sk_lua_rawlen(L, 1);
	nw = lua_isnil(L, 2) ? 0 : sk_lua_rawlen(L, 2);
	p = sk_lua_newuserdata(L, (nr + nw + 1) * sizeof(*p) * 2);
	now = gather(L, 1, POLLIN, p);
	now += gather(L, 2, POLLOUT, p + nr);
	memcpy(p + nr + nw, p, (nr + nw) * sizeof(*p));
	if (sk_poll(p, (nfds_t)(nr + nw), now > 0 ? 0 : seconds, &err) ==
	    SK_FAIL)
		return sk_lua_fail(L, &err);
	for (i = 0; i < nr + nw; i++)
		p[i].revents = (short)(p[i].revents |
		    p[nr + nw + i].revents);
	push_ready(L, 1, p);
	push_ready(L, 2, p + nr);
	return 2;
}

/* examine(fd): "stream", "listener" or "datagram", and its scheme. */
static int
core_examine(lua_State *L)
{
	int fd = (int)sk_lua_whole(L, 1, 0, 2147483647.0);
	struct sk_fd_kind kind;
	struct sk_err err = { 0 };
	int local;

	if (sk_fd_examine(fd, &kind, &err) != 0)
		return sk_lua_fail_on(L, "adopt", &err);
	local = kind.family == AF_UNIX;
	if (kind.type == SOCK_DGRAM) {
		lua_pushliteral(L, "datagram");
		lua_pushstring(L, local ? "udg" : "udp");
	} else {
		lua_pushstring(L, kind.listening ? "listener" : "stream");
		lua_pushstring(L, local ? "unix" : "tcp");
	}
	return 2;
}

void
sk_lua_open_socket(lua_State *L)
{
	lua_pushcfunction(L, core_examine);
	lua_setfield(L, -2, "examine");
	lua_pushcfunction(L, core_select);
	lua_setfield(L, -2, "select");
	push_option_names(L);
	lua_setfield(L, -2, "options");
}
