--- UDP and Unix datagram objects: unconnected and connected.
-- @module urlsock.luasocket.udp

local base = require "urlsock.luasocket.base"
local options = require "urlsock.luasocket.options"
local urlsock = require "urlsock"
local words = require "urlsock.luasocket.words"

local udp = {}
local SIZE = 8192 -- the most that receive takes when nothing is said

local function word_of(message, code)
  if code == "closed" then return "refused" end
  return words.of(message, code)
end

--- Gives an object a socket that is bound to that URL.
local function bound(self, url)
  local given = options.early(self, url)
  given.family = self.family
  local socket, message, code = urlsock.listen(url, given)
  if not socket then return nil, word_of(message, code) end
  base.hold(self, socket)
  if not options.apply(self) then return nil, "setsockopt failed" end
  return 1
end

--- The socket that was made for its descriptor alone is let go.
local function forget_early(self)
  if not self.early then return end
  self.early = nil
  base.methods.close(self)
end

--- A socket there has to be, of the family of the destination.
local function opened(self, url)
  if url and url:find("[", 1, true) and not self.family then forget_early(self) end
  self.early = nil
  if self.socket then return 1 end
  if self.closed then return nil, "refused" end
  local inet6 = self.family == "inet6" or url and url:find("[", 1, true)
  return bound(self, inet6 and "udp://[::]:0" or "udp://0.0.0.0:0")
end

local function timed(self)
  base.start(self)
  self.socket:settimeout(base.left(self))
  return self.socket
end

local function sent(self, data, ok, message, code)
  if not ok then return nil, word_of(message, code) end
  self.sent = self.sent + #data
  return #data
end

local function send(self, data)
  data = base.string(data, 1, "send")
  if not self.socket then return nil, "refused" end
  return sent(self, data, timed(self):send(data))
end

local function sendto(self, data, host, port)
  data, host = base.string(data, 1, "sendto"), base.string(host, 2, "sendto")
  local url, word = base.url("udp", host, base.string(port, 3, "sendto"))
  if not url then return nil, word end
  local ok
  ok, word = opened(self, url)
  if not ok then return nil, word end
  return sent(self, data, timed(self):sendto(data, url))
end

local function receive(self, size)
  local ok, word = opened(self)
  if not ok then return nil, word end
  local data, message, code = timed(self):receive(size or SIZE)
  if not data then return nil, word_of(message, code) end
  self.received = self.received + #data
  return data
end

local function receivefrom(self, size)
  local ok, word = opened(self)
  if not ok then return nil, word end
  local data, url, code = timed(self):receivefrom(size or SIZE)
  if not data then return nil, word_of(url, code) end
  self.received = self.received + #data
  local host, port = base.address(url)
  return data, host, port
end

local function setsockname(self, host, port)
  host, port = base.string(host, 1, "setsockname"), base.string(port, 2, "setsockname")
  forget_early(self)
  if self.socket then return nil, "Invalid argument" end
  local url, word = base.url("udp", base.any(host, self.family), port)
  if not url then return nil, word end
  return bound(self, url)
end

--- The socket is let go, and its address taken by the next.
local function local_url(self)
  forget_early(self)
  local url = self.socket and self.socket:localname()
  base.methods.close(self)
  return url
end

local function disconnect(self)
  local url = local_url(self)
  base.become(self, "unconnected")
  if url then return bound(self, url) end
  return 1
end

--- Connects; `*` takes the peer away again.
local function setpeername(self, host, port)
  host = base.string(host, 1, "setpeername")
  if host == "*" then return disconnect(self) end
  local url, word = base.url("udp", host, base.string(port, 2, "setpeername"))
  if not url then return nil, word end
  local given = options.early(self)
  given.family, given.bind = self.family, local_url(self)
  local socket, message, code = urlsock.connect(url, given)
  if not socket then return nil, word_of(message, code) end
  base.hold(self, socket)
  base.become(self, "connected")
  if not options.apply(self) then return nil, "setsockopt failed" end
  return 1
end

local _, new, only = base.class "udp"

only("connected", "send", send)
only("connected", "getpeername", base.methods.getpeername)
only("unconnected", "sendto", sendto)
only("unconnected", "receivefrom", receivefrom)
only("unconnected", "setsockname", setsockname)
only("any", "receive", receive)
only("any", "setpeername", setpeername)
--- The socket that an object without one gets when its descriptor or an option is asked for.
local function open_early(self)
  if self.socket or self.closed then return end
  if opened(self) then self.early = true end
end

only("any", "getfd", function(self)
  open_early(self)
  return base.methods.getfd(self)
end)

only("any", "getsockname", function(self)
  if not self.early then return base.methods.getsockname(self) end
  if not self.family then return nil, words.unopened end
  return self.family == "inet6" and "::" or "0.0.0.0", "0", self.family
end)

only("any", "setoption", function(self, option, value)
  return options.set(options.udp, self, option, value)
end)

only("any", "getoption", function(self, option)
  if self.family then open_early(self) end
  return options.get(options.udp, self, option)
end)

only("any", "close", function(self)
  self.closed = true
  return base.methods.close(self)
end)

--- An unconnected object; a family is `"inet"` or `"inet6"`.
function udp.new(family) return new("unconnected", { family = family }) end

return udp
