/*
 * lua_stream_tls.c - a stream and TLS for Lua: how it begins, how it ends.
 */
#include <stdlib.h>
#include <string.h>

#include "lua_stream.h"
#include "opt.h"

/*
 * Under TLS small packets go out at once, unless the caller has decided: a
 * server's session tickets are two of them, and with Nagle's algorithm its
 * first answer would wait for the client's delayed acknowledgement, 40 ms.
 */
static void
hurry(struct sk_lua_stream *u)
{
	const struct sk_opt *o = sk_opt_find("nodelay");
	struct sk_err ignored = { 0 };

	if (!u->nodelay && u->scheme->transport == SK_TCP)
		(void)sk_opt_set(sk_fd_of(u->s.top), o, 1, &ignored);
	sk_err_clear(&ignored);
}

int
sk_lua_stream_tls(struct sk_lua_stream *u, struct sk_conf *conf,
    struct sk_err *err)
{
	struct sk_seal_options o = { 0 };

	hurry(u);
	o.conf = conf;
	o.server = 1;
	return sk_stream_push(&u->s, &o, err);
}

/* tls(stream, conf, servername | nil): for a client, before it is opened. */
static int
tls_push(lua_State *L)
{
	struct sk_lua_stream *u = sk_lua_stream_self(L);
	struct sk_seal_options o = { 0 };
	struct sk_err err = { 0 };

	o.conf = sk_lua_conf(L, 2);
	o.servername = luaL_optstring(L, 3, NULL);
	return sk_lua_stream_answer(L, u, sk_stream_push(&u->s, &o, &err), &err);
}

/* May TLS begin now? An answer of 0 harms nothing. */
static int
may_upgrade(struct sk_lua_stream *u, int nested, struct sk_err *err)
{
	if (sk_stream_usable(&u->s, err) != 0)
		return 0;
	if (u->s.sealed == u->s.way || nested || u->upgrading)
		return 1;
	(void)sk_fail(err, SK_TLS, "starttls: the stream is under tls "
	    "already (nested = true lays another over it)");
	return 0;
}

/*
 * upgradable(stream, nested): the stream where TLS may begin on it. It is
 * asked before anything that is final.
 */
static int
tls_upgradable(lua_State *L)
{
	struct sk_lua_stream *u = sk_lua_stream_self(L);
	struct sk_err err = { 0 };

	if (u->reading || u->writing)
		return sk_lua_stream_busy(L, u, "call");
	return sk_lua_stream_answer(L, u, may_upgrade(u,
	    lua_toboolean(L, 2), &err) ? 0 : SK_FAIL, &err);
}

/*
 * starttls(stream, conf | nil, role, servername | nil, nested): role is
 * "client", "server" or nil for what the socket is. Without a conf a server
 * then asks for one ("hello"). A failure is final: the stream is closed and
 * keeps the reason.
 */
static int
tls_starttls(lua_State *L)
{
	struct sk_lua_stream *u = sk_lua_stream_self(L);
	struct sk_seal_options o = { 0 };
	struct sk_err err = { 0 };
	const char *role = luaL_optstring(L, 3, NULL);
	int r = 0;

	if (u->reading || u->writing)
		return sk_lua_stream_busy(L, u, "call");
	if (!u->upgrading) {
		o.conf = lua_isnil(L, 2) ? NULL : sk_lua_conf(L, 2);
		o.server = role != NULL ? *role == 's' : u->accepted;
		o.servername = luaL_optstring(L, 4, NULL);
		o.late = 1;
		luaL_argcheck(L, o.conf != NULL || o.server, 2,
		    "a client needs a configuration");
		if (!may_upgrade(u, lua_toboolean(L, 5), &err))
			return sk_lua_stream_fail(L, u, &err);
		r = sk_stream_seal(&u->s, &o, &err);
		u->upgrading = r == 0;
		if (r == 0)
			hurry(u);
	}
	if (r == 0)
		r = sk_stream_open(&u->s, &err);
	if (r == 0 || r == SK_FAIL)
		u->upgrading = 0;
	if (r == SK_FAIL)
		sk_stream_kill(&u->s, &err);
	return sk_lua_stream_answer(L, u, r, &err);
}

/*
 * arrive(stream, url): what is there now is the way to the peer that url
 * names, canonical: TLS on it was with a proxy.
 */
static int
tls_arrive(lua_State *L)
{
	struct sk_lua_stream *u = sk_lua_stream_self(L);
	size_t n;
	const char *text = luaL_checklstring(L, 2, &n);
	struct sk_url url;
	struct sk_err err = { 0 };
	char *copy;

	if (sk_stream_usable(&u->s, &err) != 0 ||
	    sk_url_parse(&url, text, n, SK_PORT_IN_URL, &err) != 0)
		return sk_lua_stream_fail(L, u, &err);
	if ((copy = strdup(text)) == NULL) {
		(void)sk_fail(&err, SK_MEMORY, "out of memory");
		return sk_lua_stream_fail(L, u, &err);
	}
	free(u->url);
	u->url = copy;
	u->scheme = url.scheme;
	u->s.way = u->s.sealed;
	return sk_lua_stream_answer(L, u, 0, &err);
}

static int
tls_stoptls(lua_State *L)
{
	struct sk_lua_stream *u = sk_lua_stream_self(L);
	struct sk_err err = { 0 };

	if (u->reading || u->writing)
		return sk_lua_stream_busy(L, u, "call");
	return sk_lua_stream_answer(L, u, sk_stream_unseal(&u->s, &err), &err);
}

/* kill(stream, message, code): every later call answers with these. */
static int
tls_kill(lua_State *L)
{
	struct sk_lua_stream *u = sk_lua_stream_self(L);
	const char *text = luaL_checkstring(L, 2);
	const char *name = luaL_checkstring(L, 3);
	struct sk_err err = { 0 };
	int code = SK_NONE + 1;

	while (code < SK_SYSTEM &&
	    strcmp(sk_code_name((enum sk_code)code), name) != 0)
		code++;
	(void)sk_fail(&err, (enum sk_code)code, "%s", text);
	sk_stream_kill(&u->s, &err);
	sk_err_clear(&err);
	u->upgrading = 0;
	return 0;
}

const luaL_Reg sk_lua_stream_tls_steps[] = {
	{ "tls", tls_push },
	{ "upgradable", tls_upgradable },
	{ "starttls", tls_starttls },
	{ "arrive", tls_arrive },
	{ "stoptls", tls_stoptls },
	{ "kill", tls_kill },
	{ NULL, NULL }
};
