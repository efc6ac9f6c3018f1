/*
 * lua_dgram_io.c - a datagram socket's messages for Lua.
 */
#include <stdlib.h>

#include "dgram.h"
#include "lua_dgram.h"

static int
unfinished(lua_State *L, struct sk_lua_datagram *d, ssize_t result,
    struct sk_err *err)
{
	if (result == SK_FAIL)
		return sk_lua_datagram_fail(L, d, err);
	d->want = result == SK_WANT_READ ? 'r' : 'w';
	lua_pushboolean(L, 0);
	lua_pushlstring(L, &d->want, 1);
	return 2;
}

/* Sends the second argument to the address, or the peer: a step. */
static int
send_to(lua_State *L, struct sk_lua_datagram *d, const struct sk_addr *to)
{
	struct sk_err err = { 0 };
	size_t n;
	const char *data = lua_tolstring(L, 2, &n);
	int r = sk_dgram_send(d->fd, data, n, to, &err);

	/* poll(2) knows only of our own buffer, and not of the receiver's. */
	if (r == SK_WANT_WRITE && to != NULL && to->ss.ss_family == AF_UNIX) {
		lua_pushboolean(L, 0);
		lua_pushliteral(L, "nap");
		return 2;
	}
	if (r != 0)
		return unfinished(L, d, r, &err);
	d->want = 0;
	lua_settop(L, 1);
	return 1;
}

/* send(socket, data): a step: the socket. */
static int
datagram_send(lua_State *L)
{
	struct sk_lua_datagram *d = sk_lua_datagram_self(L);
	size_t n;

	(void)sk_lua_bytes(L, 1, "send", &n);
	return sk_lua_datagram_unusable(L, d, d->writing) ? 3 :
	    send_to(L, d, NULL);
}

/*
 * sendto(socket, data, url, addresses | nil): the same. Where the URL's host
 * is a name, the addresses have to be given.
 */
static int
datagram_sendto(lua_State *L)
{
	struct sk_lua_datagram *d = sk_lua_datagram_self(L);
	size_t n, length;
	const char *text = luaL_checklstring(L, 3, &length);
	struct sk_addr *list = NULL;
	struct sk_url url;
	struct sk_err err = { 0 };
	int results;

	(void)sk_lua_bytes(L, 1, "sendto", &n);
	if (sk_lua_datagram_unusable(L, d, d->writing))
		return 3;
	if (sk_url_parse(&url, text, length, SK_PORT_IN_URL, &err) != 0 ||
	    sk_lua_addresses(L, 4, &url, &list, &err) == SK_FAIL)
		return sk_lua_datagram_fail(L, d, &err);
	results = send_to(L, d, list);
	free(list);
	return results;
}

/*
 * A datagram of at most that many bytes, which is pushed: 0, or the number of
 * results of a failure.
 */
static int
take(lua_State *L, struct sk_lua_datagram *d, size_t max, struct sk_addr *from,
    int *truncated)
{
	struct sk_err err = { 0 };
	char *room;
	ssize_t n;

	if (sk_lua_datagram_unusable(L, d, d->reading))
		return 3;
	if ((room = sk_buf_room(&d->in, max, d->shelf)) == NULL) {
		(void)sk_fail(&err, SK_MEMORY, "receive: out of memory");
		return sk_lua_datagram_fail(L, d, &err);
	}
	n = sk_dgram_receive(d->fd, room, max, from, truncated, &err);
	if (n < 0) {
		sk_buf_free(&d->in, d->shelf);
		return unfinished(L, d, n, &err);
	}
	d->want = 0;
	lua_pushlstring(L, room, (size_t)n);
	sk_buf_free(&d->in, d->shelf);
	return 0;
}

static size_t
limit(lua_State *L, const char *method)
{
	if (lua_isnoneornil(L, 2))
		return SK_BLOCK;
	return (size_t)sk_lua_count(L, 1, method, 0, 1 << 30);
}

/*
 * receive(socket, max | nil): a step: the datagram, and true where more than
 * max bytes were sent.
 */
static int
datagram_receive(lua_State *L)
{
	struct sk_lua_datagram *d = sk_lua_datagram_self(L);
	int truncated = 0, results;

	results = take(L, d, limit(L, "receive"), NULL, &truncated);
	if (results != 0 || !truncated)
		return results != 0 ? results : 1;
	lua_pushboolean(L, 1);
	return 2;
}

/*
 * receivefrom(socket, max | nil): a step: the datagram, the sender's URL or
 * false, and whether more than max bytes were sent.
 */
static int
datagram_receivefrom(lua_State *L)
{
	struct sk_lua_datagram *d = sk_lua_datagram_self(L);
	struct sk_addr from;
	char text[SK_URL_MAX];
	int truncated = 0, results;

	results = take(L, d, limit(L, "receivefrom"), &from, &truncated);
	if (results != 0)
		return results;
	if (sk_addr_text(&from, d->scheme->name, text) > 0)
		lua_pushstring(L, text);
	else
		lua_pushboolean(L, 0);
	lua_pushboolean(L, truncated);
	return 3;
}

const luaL_Reg sk_lua_datagram_io[] = {
	{ "send", datagram_send },
	{ "sendto", datagram_sendto },
	{ "receive", datagram_receive },
	{ "receivefrom", datagram_receivefrom },
	{ NULL, NULL }
};
