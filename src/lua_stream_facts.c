/*
 * lua_stream_facts.c - what is known of a stream and its peer, for Lua.
 */
#include <stdio.h>
#include <string.h>

#include "lua_stream.h"
#include "peer.h"
#include "proxy.h"

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

/* Appends the top of the stack to the list in a field of the table below. */
static void
append(lua_State *L, const char *field)
{
	lua_getfield(L, -2, field);
	if (lua_isnil(L, -1)) {
		lua_pop(L, 1);
		lua_newtable(L);
		lua_pushvalue(L, -1);
		lua_setfield(L, -4, field);
	}
	lua_insert(L, -2);
	lua_rawseti(L, -2, (int)sk_lua_rawlen(L, -2) + 1);
	lua_pop(L, 1);
}

/*
 * What is in the certificate itself. Its bytes go to memory of Lua's, since
 * all that follows may raise.
 */
static void
set_certificate(lua_State *L, const struct sk_layer *top)
{
	struct sk_pem der;
	struct sk_cert cert;
	struct sk_der value;
	enum sk_name_kind kind;
	char text[SK_CERT_TEXT];
	void *bytes;
	size_t n, i;
	int r;

	if (sk_peer_chain(top, &n) == NULL)
		return;
	bytes = sk_lua_newuserdata(L, n);
	if ((r = sk_peer_leaf(top, &der, &cert)) != 0) {
		if (r == -2)
			luaL_error(L, "not enough memory");
		lua_pop(L, 1);
		return;
	}
	memcpy(bytes, der.p, der.n);
	n = der.n;
	sk_pem_free(&der);
	lua_insert(L, -2);
	(void)sk_cert_parse(&cert, bytes, n);
	lua_newtable(L);
	lua_setfield(L, -2, "names");
	while (sk_cert_name(&cert.names, &kind, &value) == 0) {
		lua_pushstring(L, sk_cert_text(kind, &value, text));
		append(L, kind == SK_NAME_EMAIL ? "emails" :
		    kind == SK_NAME_URI ? "uris" : "names");
	}
	if (cert.commonname.n > 0)
		set_string(L, "commonname", sk_cert_text(SK_NAME_DNS,
		    &cert.commonname, text));
	for (i = 0; i < cert.serial.n && i < 64; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", cert.serial.p[i]);
	text[2 * i] = '\0';
	set_string(L, "serial", text);
	lua_remove(L, -2);
}

static void
set_peer(lua_State *L, const struct sk_layer *top, const struct sk_peer *p)
{
	lua_newtable(L);
	set_string(L, "subject", p->subject);
	set_string(L, "issuer", p->issuer);
	set_string(L, "hash", p->hash);
	set_time(L, "notbefore", p->notbefore);
	set_time(L, "notafter", p->notafter);
	set_certificate(L, top);
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
set_tls(lua_State *L, const struct sk_layer *top, const struct sk_peer *p)
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
	set_peer(L, top, p);
	if (p->ocsp_url != NULL || p->ocsp_status >= 0)
		set_ocsp(L, p);
}

/* What the header of the PROXY protocol said. */
static void
set_proxy(lua_State *L, const struct sk_proxy *x)
{
	lua_newtable(L);
	set_number(L, "version", (uint64_t)x->version);
	if (x->source[0] != '\0')
		set_string(L, "source", x->source);
	if (x->destination[0] != '\0')
		set_string(L, "destination", x->destination);
	lua_setfield(L, -2, "proxy");
}

/* The host of the URL, where it has one. */
static void
set_host(lua_State *L, const char *text)
{
	struct sk_url url;
	struct sk_err ignored = { 0 };

	if (sk_url_parse(&url, text, strlen(text), SK_PORT_IN_URL,
	    &ignored) == 0 && url.host.n > 0) {
		lua_pushlstring(L, url.host.p, url.host.n);
		lua_setfield(L, -2, "host");
	}
	sk_err_clear(&ignored);
}

/* The layer of the peer's TLS; NULL where there is none but a proxy's. */
static const struct sk_layer *
peer_of(const struct sk_lua_stream *u)
{
	return u->s.sealed > u->s.way ? u->s.top : NULL;
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
	tls = u->s.opened && sk_peer_facts(peer_of(u), &peer) == 0;
	lua_newtable(L);
	set_string(L, "url", u->url);
	set_string(L, "scheme", u->scheme->name);
	set_host(L, u->url);
	set_flag(L, "tls", tls);
	set_number(L, "bytes_in", u->s.bytes_in);
	set_number(L, "bytes_out", u->s.bytes_out);
	if (tls)
		set_tls(L, u->s.top, &peer);
	if (sk_proxy_of(u->s.top) != NULL)
		set_proxy(L, sk_proxy_of(u->s.top));
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
	if ((pem = sk_peer_chain(peer_of(u), &n)) == NULL) {
		(void)sk_fail(&err, SK_UNSUPPORTED, "peerchain: there is no "
		    "certificate of the peer (yet)");
		return sk_lua_stream_fail(L, u, &err);
	}
	lua_pushlstring(L, pem, n);
	return 1;
}

/* binding(stream, "tls-server-end-point"): its bytes. */
static int
facts_binding(lua_State *L)
{
	static const char *const types[] = { "tls-server-end-point", NULL };
	struct sk_lua_stream *u = sk_lua_stream_self(L);
	struct sk_err err = { 0 };
	unsigned char bytes[32];

	(void)luaL_checkoption(L, 2, NULL, types);
	if (sk_stream_usable(&u->s, &err) == 0) {
		if (sk_seal_is_server(peer_of(u)))
			(void)sk_fail(&err, SK_UNSUPPORTED, "binding: libtls "
			    "tells no hash of a server's own certificate");
		else
			(void)sk_peer_binding(peer_of(u), bytes, &err);
	}
	if (err.code != SK_NONE)
		return sk_lua_stream_fail(L, u, &err);
	lua_pushlstring(L, (const char *)bytes, sizeof(bytes));
	return 1;
}

/*
 * A handshake that waits for its configuration
 */

/* hello(stream): what the client asks for: {servername, alpn}, or nil. */
static int
facts_hello(lua_State *L)
{
	struct sk_lua_stream *u = sk_lua_stream_self(L);
	const struct sk_hello *h;
	size_t i, n;
	int k;

	if (u->s.top == NULL || (h = sk_seal_hello(u->s.top)) == NULL)
		return 0;
	lua_newtable(L);
	set_string(L, "servername", h->servername);
	lua_newtable(L);
	for (i = 0, k = 1; i < h->nalpn; i += n + 1, k++) {
		n = (unsigned char)h->alpn[i];
		lua_pushlstring(L, h->alpn + i + 1, n);
		lua_rawseti(L, -2, k);
	}
	lua_setfield(L, -2, "alpn");
	return 1;
}

/* configure(stream, conf): true, or nil, message, code. */
static int
facts_configure(lua_State *L)
{
	struct sk_lua_stream *u = sk_lua_stream_self(L);
	struct sk_conf *conf = sk_lua_conf(L, 2);
	struct sk_err err = { 0 };

	if (sk_stream_usable(&u->s, &err) != 0 ||
	    sk_conf_server(conf, &err) == NULL)
		return sk_lua_stream_fail(L, u, &err);
	if (sk_seal_hello(u->s.top) != NULL)
		sk_seal_configure(u->s.top, conf);
	lua_pushboolean(L, 1);
	return 1;
}

/* refuse(stream, message): the next step of the handshake fails with it. */
static int
facts_refuse(lua_State *L)
{
	struct sk_lua_stream *u = sk_lua_stream_self(L);
	const char *text = luaL_checkstring(L, 2);
	struct sk_err err = { 0 };

	if (u->s.top != NULL && sk_seal_hello(u->s.top) != NULL) {
		(void)sk_fail(&err, SK_TLS, "handshake: %s", text);
		(void)sk_seal_refuse(u->s.top, &err);
	}
	sk_err_clear(&err);
	return 0;
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
	{ "binding", facts_binding },
	{ "hello", facts_hello },
	{ "configure", facts_configure },
	{ "refuse", facts_refuse },
	{ "localname", facts_localname },
	{ "peername", facts_peername },
	{ "getoption", facts_getoption },
	{ "setoption", facts_setoption },
	{ "origin", facts_origin },
	{ NULL, NULL }
};
