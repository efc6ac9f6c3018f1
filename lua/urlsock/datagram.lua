--- Datagram sockets.
-- @classmod datagram

local core = require "urlsock.core"
local loop = require "urlsock.loop"
local options = require "urlsock.options"
local resolve = require "urlsock.resolve"

local class, finish = core.datagram, loop.finish
local datagram = {}

--- Sends one datagram on a connected socket, whole or not at all.
-- @tparam string data
-- @treturn[1] datagram
-- @treturn[2] nil
-- @treturn[2] string message
-- @treturn[2] string code `"limit"`, `"refused"`, `"timeout"`, `"closed"`, `"busy"`
-- @function datagram:send
datagram.send = loop.method(class, "send", false, true)

--- Sends one datagram to a URL; the sender's URL of `receivefrom` is one.
-- @tparam string data
-- @tparam string url
-- @treturn[1] datagram
-- @treturn[2] nil, message, code
function datagram:sendto(data, url)
  if type(data) ~= "string" and type(data) ~= "number" then
    error(("bad argument #1 to 'sendto' (string expected, got %s)"):format(type(data)), 2)
  end
  if type(url) ~= "string" then
    error(("bad argument #2 to 'sendto' (string expected, got %s)"):format(type(url)), 2)
  end
  local u, message, code = core.parse(url)
  if not u then return nil, message, code end
  if core.schemes[u.scheme].kind ~= "datagram" then
    return nil, ("%s: no destination of a datagram"):format(u.url), "unsupported"
  end
  if u.port == 0 then return nil, ("%s: port 0 is only to listen"):format(u.url), "url" end
  local deadline = loop.deadline(class.gettimeout(self))
  -- a name has addresses of both families, and a socket speaks one
  local family
  if not u.path then
    local own = class.localname(self)
    family = own and (own:find("[", 1, true) and "inet6" or "inet")
  end
  local addresses
  addresses, message, code = resolve(u, family, deadline)
  if addresses == nil then return nil, message, code end
  return finish(class, "sendto", self, deadline, false, true, data, u.url, addresses or nil)
end

--- Receives one datagram; an empty one is `""`.
-- @tparam[opt=65536] number max bytes; what a datagram has more is lost
-- @treturn[1] string data
-- @treturn[1] ?boolean true where it was cut
-- @treturn[2] nil
-- @treturn[2] string message
-- @treturn[2] string code `"timeout"`, `"refused"`, `"closed"`, `"busy"`
-- @function datagram:receive
datagram.receive = loop.method(class, "receive", true, false)

local receivefrom = loop.method(class, "receivefrom", true, false)

--- Receives one datagram and tells who sent it.
-- @tparam[opt=65536] number max bytes
-- @treturn[1] string data
-- @treturn[1] ?string the sender's URL; nil where it has no name
-- @treturn[1] boolean whether it was cut
-- @treturn[2] nil, message, code
function datagram:receivefrom(max)
  if max ~= nil and (not options.is_whole(max) or max > 2 ^ 30) then
    error("bad argument #1 to 'receivefrom' (whole number up to 2^30 expected)", 2)
  end
  local data, url, cut = receivefrom(self, max)
  if data == nil then return nil, url, cut end
  return data, url or nil, cut
end

--- Closes; the file of a bound Unix socket is removed.
-- @treturn boolean true
function datagram:close()
  loop.closing(self)
  return class.close(self)
end

--- The bare descriptor; the socket is closed, and its file stays.
-- @function datagram:detach
-- @treturn[1] number
-- @treturn[2] nil, message, code
datagram.detach = loop.method(class, "detach", true, true)

for _, name in ipairs {
  "settimeout", "gettimeout", "localname", "peername", "getoption", "setoption", "fd", "want",
} do
  datagram[name] = class[name]
end

loop.pollable(datagram, class)
loop.closable(datagram, class)
class.metatable.__index = datagram

return datagram
