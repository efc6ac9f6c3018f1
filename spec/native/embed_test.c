/*
 * embed_test.c - the module in a program of its own: states that come and go,
 * the header for hosts, fork(2), and a Lua state in each of several threads.
 */
#include <sys/socket.h>
#include <sys/wait.h>

#include <lualib.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "urlsock.h"

#define THREADS 6

static lua_State *
state_new(void)
{
	lua_State *L = luaL_newstate();

	luaL_openlibs(L);
	if (luaL_dostring(L, "urlsock = require 'urlsock'") != 0) {
		fprintf(stderr, "%s\n", lua_tostring(L, -1));
		abort();
	}
	return L;
}

/* Does the chunk return true? */
static int
run_chunk(lua_State *L, const char *chunk)
{
	int r;

	if (luaL_dostring(L, chunk) != 0) {
		fprintf(stderr, "%s\n", lua_tostring(L, -1));
		lua_settop(L, 0);
		return 0;
	}
	r = lua_toboolean(L, -1);
	lua_settop(L, 0);
	return r;
}

static void
header(void)
{
	lua_State *L = state_new();
	int fds[2];

	check(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	check(urlsock_push(L, fds[0], "tcp://mail.test:25") == 1);
	check(lua_gettop(L) == 1);
	check(urlsock_tofd(L, -1) == fds[0]);
	check(strstr(luaL_tolstring(L, -1, NULL), "mail.test") != NULL);
	lua_pop(L, 1);
	lua_setglobal(L, "s");
	check(write(fds[1], "hello\n", 6) == 6);
	check(run_chunk(L, "return s:read() == 'hello'"));
	check(run_chunk(L, "return s:close()"));
	lua_getglobal(L, "s");
	check(urlsock_tofd(L, -1) == -1);
	lua_pushliteral(L, "x");
	check(urlsock_tofd(L, -1) == -1);
	check(urlsock_tofd(L, 1) == -1);
	lua_settop(L, 0);
	check(luaL_dostring(L, "return urlsock.tls({}), urlsock.session(), "
	    "setmetatable({}, {__name = 'urlsock.stream'}), io.stdout") == 0);
	while (lua_gettop(L) > 0) {
		check(urlsock_tofd(L, -1) == -1);
		lua_pop(L, 1);
	}
	check(urlsock_push(L, 0x7fffffff, NULL) == 0);
	check(lua_gettop(L) == 3 && lua_isnil(L, 1));
	lua_close(L);
	(void)close(fds[1]);
}

/*
 * What the chunk answers in a child by fork(2), which then ends as usual, and
 * the other one meanwhile in the parent.
 */
static int
in_both(lua_State *L, const char *chunk, const char *meanwhile)
{
	int status, answer;
	pid_t pid = fork();

	if (pid == 0) {
		int ok = run_chunk(L, chunk);

		lua_close(L);		/* collects every socket */
		_exit(ok ? 0 : 1);
	}
	answer = run_chunk(L, meanwhile);
	return waitpid(pid, &status, 0) == pid && status == 0 && answer;
}

static int
in_child(lua_State *L, const char *chunk)
{
	return in_both(L, chunk, "return true");
}

static void
plain_fork(void)
{
	lua_State *L = state_new();

	check(run_chunk(L, "path = os.tmpname() os.remove(path) "
	    "l = assert(urlsock.listen('unix://' .. path)) "
	    "a = assert(urlsock.connect('unix://' .. path)) "
	    "b = assert(l:accept()) a:setvbuf('full') "
	    "a:write('buffered\\n') b:write('waiting\\n') return true"));
	check(in_child(L, "a:close() b:close() l:close() return true"));
	check(in_child(L, "return true"));
	check(run_chunk(L, "a:settimeout(2) b:settimeout(2) "
	    "assert(a:read() == 'waiting') assert(a:flush()) "
	    "assert(b:read() == 'buffered') "
	    "assert(urlsock.connect('unix://' .. path)):close() "
	    "a:close() return select(3, b:read()) == 'eof'"));
	check(run_chunk(L, "l = assert(urlsock.listen('tcp://127.0.0.1:0')) "
	    "a = assert(urlsock.connect(l:localname())) "
	    "b = assert(l:accept()) a:write('one\\n') "
	    "return b:read() == 'one'"));
	check(in_both(L, "return b:read() == 'two' and b:write('three\\n')",
	    "b:close() a:write('two\\n') return a:read() == 'three' "
	    "and select(3, a:read()) == 'eof'"));
	lua_close(L);
}

static void
tls_fork(void)
{
	lua_State *L = state_new();

	check(run_chunk(L, "support = require 'spec.support.init' "
	    "a, b = support.upgrade(support.client) return a:info().tls"));
	check(in_child(L, "local ok, message, code = a:write('x') "
	    "assert(not ok and code == 'tls' and message:find('forked')) "
	    "b:settimeout(1) ok, message, code = b:read() "
	    "assert(not ok and code == 'tls', code) "
	    "a:close() return true"));
	check(run_chunk(L, "assert(a:write('still\\n')) a:close() "
	    "return b:read() == 'still' and select(3, b:read()) == 'eof'"));
	lua_close(L);
}

static void *
talk(void *arg)
{
	lua_State *L = state_new();
	int i, *ok = arg;

	*ok = 1;
	for (i = 0; i < 10 && *ok; i++)
		*ok = run_chunk(L,
		    "local support = require 'spec.support.init' "
		    "local a, b = support.upgrade(support.client) "
		    "assert(a:write('hello\\n')) assert(b:read() == 'hello') "
		    "local s, m, code = urlsock.connect('tcp://localhost:1') "
		    "assert(code == 'refused', m) "
		    "a:close() return select(3, b:read()) == 'eof'");
	lua_close(L);
	return NULL;
}

static void
threads(void)
{
	pthread_t t[THREADS];
	int ok[THREADS], i;

	for (i = 0; i < THREADS; i++)
		check(pthread_create(&t[i], NULL, talk, &ok[i]) == 0);
	for (i = 0; i < THREADS; i++) {
		(void)pthread_join(t[i], NULL);
		check(ok[i]);
	}
}

/* A host that has a state for each request: nothing is left of one. */
static void
states(void)
{
	size_t before = 0;
	int i;

	for (i = 0; i < 220; i++) {
		lua_State *L = state_new();

		check(run_chunk(L, "return urlsock.tls({}) ~= nil"));
		lua_close(L);
		if (i == 19)
			before = mallinfo2().uordblks;
	}
	check(mallinfo2().uordblks < before + 16384);
}

int
main(void)
{
	(void)setenv("LUA_PATH_5_4", "lua/?.lua;./?.lua;;", 1);
	if (getenv("LUA_CPATH_5_4") == NULL)
		(void)setenv("LUA_CPATH_5_4", "build/5.4/?.so;;", 1);
	run(states);
	run(header);
	run(plain_fork);
	run(tls_fork);
	run(threads);
	return report("embed");
}
