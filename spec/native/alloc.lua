-- luacheck: globals arm close
-- What alloc_test.c plays while memory runs out: a little of everything.
local urlsock = require "urlsock"

local client = { ca = "build/ca/ca.pem", servername = "localhost" }
local server = { cert = "build/ca/server-ec.pem", key = "build/ca/server-ec.key" }
local role = { cert = server.cert, key = server.key, role = "server" }

local function ok(value, message, code)
  if value == nil then error(tostring(message) .. " (" .. tostring(code) .. ")", 0) end
  return value, message, code
end

-- Two functions that take turns; an error of either is raised.
local function together(f, g)
  local threads = { coroutine.create(f), coroutine.create(g) }
  urlsock.use { wait = function() coroutine.yield() end }
  while true do
    local alive = 0
    for _, thread in ipairs(threads) do
      if coroutine.status(thread) ~= "dead" then
        alive = alive + 1
        local fine, message = coroutine.resume(thread)
        if not fine then error(message, 0) end
      end
    end
    if alive == 0 then break end
  end
  urlsock.use "plain"
end

-- Lua needs memory to call a finalizer, and where there is none it gives the object up unfinished:
-- that is not the subject here. All are called when the state is closed.
collectgarbage "stop"
arm()

urlsock.settimeout(5)
ok(urlsock.parse "tls://example.org:443")
assert(select(3, urlsock.parse "http://example.org") == "scheme")
assert(select(3, urlsock.connect "tcp://127.0.0.1:1") ~= nil)

-- A pair, in the clear and under TLS.
local a, b = ok(urlsock.pair())
ok(a:write("one\n", 2, "--three--rest"))
assert(ok(b:read()) == "one")
assert(ok(b:readuntil "--") == "2")
assert(ok(b:peek(3)) == "thr")
assert(ok(b:read(7)) == "three--")
assert(#ok(urlsock.select({ b }, { a }, 0)) == 1)
assert(ok(b:read(-100)) == "rest")
together(function() ok(a:starttls(client)) end, function() ok(b:starttls(role)) end)
assert(ok(a:info()).peer.names)
assert(ok(a:peerchain()))
ok(a:binding "tls-server-end-point")
ok(a:write "under tls\n")
assert(ok(b:read "L") == "under tls\n")
together(function() ok(a:stoptls()) end, function() ok(b:stoptls()) end)

-- A detached descriptor, adopted; where that fails it is nobody's but ours.
local fd = ok(a:detach())
local fine, again, message, code = pcall(urlsock.adopt, fd)
if not fine or not again then
  close(fd)
  ok(nil, message or again, code)
end
ok(again:write "bye\n")
again:close()
assert(ok(b:read "a") == "bye\n")
b:close()

-- A listener and its client, datagrams, options.
local l = ok(urlsock.listen("unix://@urlsock-alloc-" .. urlsock.now()))
together(function()
  local c = ok(urlsock.connect(l:localname()))
  ok(c:starttls(client))
  ok(c:write "x\n")
  assert(c:read "a" == "y")
  c:close()
end, function()
  local s = ok(l:accept())
  ok(s:starttls(server))
  assert(ok(s:read()) == "x")
  ok(s:write "y")
  s:close()
end)
l:close()
l = ok(urlsock.listen("tls://127.0.0.1:0", { tls = server }))
assert(urlsock.type(l) == "listener")
l:close()

local x, y = ok(urlsock.pair "datagram")
ok(x:send "datagram")
assert(ok(y:receive()) == "datagram")
x:close()
y:close()
local u = ok(urlsock.listen "udp://127.0.0.1:0")
ok(u:setoption("recvbuffer", 8192))
ok(u:getoption "recvbuffer")
u:close()
local t = ok(urlsock.tls(client))
assert(tostring(t))
