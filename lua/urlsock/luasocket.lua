--- What `require "socket"` gives, on the sockets of this library: for code that is written for
-- LuaSocket. It waits by the library's hook, so it runs under any scheduler.
--
--     require("urlsock.luasocket").install()
--     local http = require "socket.http"
-- @module urlsock.luasocket

local core = require "urlsock.core"
local dns = require "urlsock.luasocket.dns"
local except = require "urlsock.luasocket.except"
local pump = require "urlsock.luasocket.pump"
local tcp = require "urlsock.luasocket.tcp"
local udp = require "urlsock.luasocket.udp"
local unixdgram = require "urlsock.luasocket.unixdgram"
local waits = require "urlsock.luasocket.select"

local socket = {
  _VERSION = "LuaSocket 3.0.0 on urlsock", BLOCKSIZE = 2048, _SETSIZE = 1024,
  _DATAGRAMSIZE = 8192, _SOCKETINVALID = -1,
  dns = dns, select = waits.select, sleep = waits.sleep, gettime = core.wall,
  newtry = except.newtry, protect = except.protect, try = except.newtry(),
  choose = pump.choose, sink = pump.sink, source = pump.source, sinkt = pump.sinkt,
  sourcet = pump.sourcet,
}
pump.socket, waits.socket = socket, socket

function socket.tcp() return tcp.new() end
function socket.tcp4() return tcp.new "inet" end
function socket.tcp6() return tcp.new "inet6" end
function socket.udp() return udp.new() end
function socket.udp4() return udp.new "inet" end
function socket.udp6() return udp.new "inet6" end

--- `socket.unix()`, and as a table what `require "socket.unix"` gives.
socket.unix = setmetatable({
  stream = tcp.unix, tcp = tcp.unix, dgram = unixdgram.new, udp = unixdgram.new,
}, { __call = tcp.unix })

--- Its arguments but for the first n.
function socket.skip(n, ...)
  return select(n + 1, ...)
end

--- A client that is connected; a local address and a family may be said.
function socket.connect(host, port, local_host, local_port, family)
  if family ~= nil and family ~= "inet" and family ~= "inet6" and family ~= "unspec" then
    error(("bad argument #5 to 'connect' (invalid option '%s')"):format(tostring(family)), 2)
  end
  local client = tcp.new(family ~= "unspec" and family or nil)
  if local_host then
    local ok, word = client:bind(local_host, local_port or 0)
    if not ok then return nil, word end
  end
  local ok, word = client:connect(host, port)
  if ok then return client end
  client:close()
  return nil, word
end

function socket.connect4(host, port, local_host, local_port)
  return socket.connect(host, port, local_host, local_port, "inet")
end

function socket.connect6(host, port, local_host, local_port)
  return socket.connect(host, port, local_host, local_port, "inet6")
end

--- A server on the first address of the host that can be bound.
function socket.bind(host, port, backlog)
  local list, word = dns.getaddrinfo(host == "*" and "0.0.0.0" or host)
  if not list then return nil, word end
  word = "no info on address"
  for _, entry in ipairs(list) do
    local server = tcp.new(entry.family)
    local bound, why = server:bind(entry.addr, port)
    if bound and server:listen(backlog) then return server end
    word = why or "setsockopt failed"
    server:close()
  end
  return nil, word
end

function socket.__unload() end

-- Whoever asks for `_DEBUG` wants the fourth result of a build for debugging, and gets it.
setmetatable(socket, {
  __index = function(_, key)
    if key ~= "_DEBUG" then return nil end
    if tcp.times == nil then tcp.times = true end
    return tcp.times
  end,
  __newindex = function(_, key, value)
    if key == "_DEBUG" then
      tcp.times = value
    else
      rawset(socket, key, value)
    end
  end,
})

--- A client object around a connected stream of ours.
socket.wrap = tcp.wrap

--- Takes LuaSocket's place for every `require` to come.
function socket.install()
  package.loaded["socket"], package.loaded["socket.core"] = socket, socket
  package.loaded["socket.unix"] = socket.unix
  return socket
end

return socket
