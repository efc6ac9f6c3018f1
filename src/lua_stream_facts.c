/*
 * lua_stream_facts.c - what is known of a stream and its peer, for Lua.
 */
#include "lua_stream.h"
#include "peer.h"

static void
set_string(lua_State *L, const char *key, const char *value)
{
	if (value == NULL)
		return;
	lua_pushstring(L, value);
	lua_setfield(L, -2, key);
}

static void
set_number(lua_State *L, const char *key, uint64_t value)
{
	lua_pushinteger(L, (lua_Integer)value);
	lua_setfield(L, -2, key);
}

static void
set_time(lua_State *L, const char *key, time_t value)
{
	if (value == (time_t)-1)
		return;
	lua_pushinteger(L, (lua_Integer)value);
	lua_setfield(L, -2, key);
}

static void
set_flag(lua_State *L, const char *key, int value)
{
	lua_pushboolean(L, value);
	lua_setfield(L, -2, key);
}

static void
set_peer(lua_State *L, const struct sk_peer *p)
{
	lua_newtable(L);
	set_string(L, "subject", p->subject);
	set_string(L, "issuer", p->issuer);
	set_string(L, "hash", p->hash);
	set_time(L, "notbefore", p->notbefore);
	set_time(L, "notafter", p->notafter);
	lua_setfield(L, -2, "peer");
}

static void
set_ocsp(lua_State *L, const struct sk_peer *p)
{
	static const char *const words[] = { "good", "revoked", "unknown" };

	lua_newtable(L);
	set_string(L, "url", p->ocsp_url);
	if (p->ocsp_status >= 0 && p->ocsp_status <= 2) {
		set_string(L, "status", words[p->ocsp_status]);
		set_string(L, "result", p->ocsp_result);
		set_time(L, "thisupdate", p->ocsp_this_update);
		set_time(L, "nextupdate", p->ocsp_next_update);
		set_time(L, "revoked", p->ocsp_revocation_time);
	}
	lua_setfield(L, -2, "ocsp");
}

static void
set_tls(lua_State *L, const struct sk_peer *p)
{
	set_string(L, "version", p->version);
	set_string(L, "cipher", p->cipher);
	if (p->bits > 0)
		set_number(L, "bits", (uint64_t)p->bits);
	set_string(L, "alpn", p->alpn);
	set_string(L, "servername", p->servername);
	set_flag(L, "resumed", p->resumed);
	if (!p->certificate)
		return;
	set_peer(L, p);
	if (p->ocsp_url != NULL || p->ocsp_status >= 0)
		set_ocsp(L, p);
}

/* info(stream): a table of facts. url names what it was opened from. */
static int
facts_info(lua_State *L)
{
	struct sk_lua_stream *u = sk_lua_stream_self(L);
	struct sk_peer peer;
	struct sk_err err = { 0 };
	int tls;

	if (sk_stream_usable(&u->s, &err) != 0)
		return sk_lua_stream_fail(L, u, &err);
	tls = u->s.opened && sk_peer_facts(u->s.top, &peer) == 0;
	lua_newtable(L);
	set_string(L, "url", u->url);
	set_string(L, "scheme", u->scheme->name);
	set_flag(L, "tls", tls);
	set_number(L, "bytes_in", u->s.bytes_in);
	set_number(L, "bytes_out", u->s.bytes_out);
	if (tls)
		set_tls(L, &peer);
	return 1;
}

static int
facts_peerchain(lua_State *L)
{
	struct sk_lua_stream *u = sk_lua_stream_self(L);
	struct sk_err err = { 0 };
	const char *pem;
	size_t n;

	if (sk_stream_usable(&u->s, &err) != 0)
		return sk_lua_stream_fail(L, u, &err);
	if ((pem = sk_peer_chain(u->s.top, &n)) == NULL) {
		(void)sk_fail(&err, SK_UNSUPPORTED, "peerchain: there is no "
		    "certificate of the peer (yet)");
		return sk_lua_stream_fail(L, u, &err);
	}
	lua_pushlstring(L, pem, n);
	return 1;
}

/*
 * Names and options
 */

/* The descriptor, or -1 with nil, message, code pushed. */
static int
open_fd(lua_State *L, struct sk_lua_stream *u)
{
	struct sk_err err = { 0 };
	int fd = -1;

	if (sk_stream_usable(&u->s, &err) == 0 &&
	    (fd = sk_fd_of(u->s.top)) == -1)
		(void)sk_fail(&err, SK_CLOSED, "there is no descriptor yet");
	if (fd == -1)
		(void)sk_lua_stream_fail(L, u, &err);
	return fd;
}

static int
facts_localname(lua_State *L)
{
	struct sk_lua_stream *u = sk_lua_stream_self(L);
	int fd = open_fd(L, u);

	return fd == -1 ? 3 : sk_lua_name(L, fd, 0, u->scheme->name);
}

static int
facts_peername(lua_State *L)
{
	struct sk_lua_stream *u = sk_lua_stream_self(L);
	int fd = open_fd(L, u);

	return fd == -1 ? 3 : sk_lua_name(L, fd, 1, u->scheme->name);
}

static int
facts_getoption(lua_State *L)
{
	struct sk_lua_stream *u = sk_lua_stream_self(L);
	int fd = open_fd(L, u);

	return fd == -1 ? 3 : sk_lua_getoption(L, fd, u->url);
}

static int
facts_setoption(lua_State *L)
{
	struct sk_lua_stream *u = sk_lua_stream_self(L);
	int fd = open_fd(L, u);

	return fd == -1 ? 3 : sk_lua_setoption(L, fd, u->url);
}

/* origin(stream): the URL it was opened from, and whether by accept. */
static int
facts_origin(lua_State *L)
{
	struct sk_lua_stream *u = sk_lua_stream_self(L);

	lua_pushstring(L, u->url);
	lua_pushboolean(L, u->accepted);
	return 2;
}

const luaL_Reg sk_lua_stream_facts[] = {
	{ "info", facts_info },
	{ "peerchain", facts_peerchain },
	{ "localname", facts_localname },
	{ "peername", facts_peername },
	{ "getoption", facts_getoption },
	{ "setoption", facts_setoption },
	{ "origin", facts_origin },
	{ NULL, NULL }
};
