/*
 * lua_stream.h - a stream as Lua sees it.
 */
#ifndef SK_LUA_STREAM_H
#define SK_LUA_STREAM_H

#include "lua_urlsock.h"
#include "stream.h"

struct sk_lua_stream {
	struct sk_stream s;
	struct sk_lua_bounds bounds;
	const struct sk_scheme *scheme;	/* what its names are spelled under */
	char *url;			/* what messages are about */
	unsigned char accepted;		/* its role in a handshake: server */
	unsigned char nodelay;		/* the caller has decided on it */
	unsigned char upgrading;	/* starttls has pushed its seal */
	unsigned char reading;		/* a coroutine waits in a read ... */
	unsigned char writing;		/* ... or in a write */
	char want;			/* of the last unfinished call: r, w, 0 */
};

/* The stream at index 1 of a function of its class. */
struct sk_lua_stream *sk_lua_stream_self(lua_State *);

/* nil, message, code, the message beginning with the URL. */
int sk_lua_stream_fail(lua_State *, struct sk_lua_stream *, struct sk_err *);

/* What a step answered that is not done: false and "r" or "w"; or a failure. */
int sk_lua_stream_unfinished(lua_State *, struct sk_lua_stream *, int result,
    struct sk_err *);

/* The same, or the stream itself where the step is done (0). */
int sk_lua_stream_answer(lua_State *, struct sk_lua_stream *, int result,
    struct sk_err *);

/* nil, message, "busy" where another coroutine waits in that direction. */
int sk_lua_stream_busy(lua_State *, struct sk_lua_stream *, const char *what);

/* The functions of the class that stand in other files. */
extern const luaL_Reg sk_lua_stream_io[];	/* read, write ... */
extern const luaL_Reg sk_lua_stream_tls_steps[];	/* starttls ... */
extern const luaL_Reg sk_lua_stream_pass[];	/* sendfd, peercred ... */
extern const luaL_Reg sk_lua_stream_facts[];	/* info, peerchain ... */

#endif
