/*
 * lua_dgram.h - a datagram socket as Lua sees it.
 */
#ifndef SK_LUA_DGRAM_H
#define SK_LUA_DGRAM_H

#include "file.h"
#include "lua_urlsock.h"

struct sk_lua_datagram {
	int fd;				/* -1: closed */
	const struct sk_scheme *scheme;
	char *url;			/* connected or bound to */
	struct sk_file file;
	struct sk_shelf *shelf;
	struct sk_buf in;		/* lent while a receive runs */
	struct sk_lua_bounds bounds;
	unsigned char reading;		/* a coroutine waits in a receive ... */
	unsigned char writing;		/* ... or in a send */
	char want;
};

/* The socket at index 1 of a function of its class. */
struct sk_lua_datagram *sk_lua_datagram_self(lua_State *);

/* nil, message, code, the message beginning with the URL. */
int sk_lua_datagram_fail(lua_State *, struct sk_lua_datagram *,
    struct sk_err *);

/*
 * 0 where the socket can be used; 3 with nil, message, code pushed, also where
 * it is held by another call.
 */
int sk_lua_datagram_unusable(lua_State *, struct sk_lua_datagram *, int held);

/* The functions of the class that move messages. */
extern const luaL_Reg sk_lua_datagram_io[];

#endif
