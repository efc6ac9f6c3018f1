--- Unix datagram objects: unconnected and connected. One that is not bound has no socket: each
-- datagram that it sends gets one of its own, nameless as it would have been anyway.
-- @module urlsock.luasocket.unixdgram

local base = require "urlsock.luasocket.base"
local options = require "urlsock.luasocket.options"
local path = require "urlsock.luasocket.path"
local urlsock = require "urlsock"
local waits = require "urlsock.luasocket.select"
local words = require "urlsock.luasocket.words"

local unixdgram = {}
local SIZE = 8192 -- the most that receive takes when nothing is said

local known = { reuseaddr = options.udp.reuseaddr }

local function word_of(message, code)
  if code == "closed" then return "refused" end
  return words.of(message, code)
end

--- The URL of a path, or nil and a word.
local function url_of(name, position, where)
  return path.url("udg", base.string(name, position, where))
end

local function timed(self, socket)
  base.start(self)
  socket:settimeout(base.left(self))
  return socket
end

--- Holds a socket, and sets the options that waited for it.
local function hold(self, socket)
  base.hold(self, socket)
  if not options.apply(self) then return nil, "setsockopt failed" end
  return 1
end

local function bind(self, name)
  if self.socket then return nil, "Invalid argument" end
  local url, word = url_of(name, 1, "bind")
  if not url then return nil, word end
  local socket, message, code = urlsock.listen(url)
  if not socket then return nil, word_of(message, code) end
  return hold(self, socket)
end

--- Where it was bound already, that socket stays, and sends every datagram to that name.
local function connect(self, name)
  local url, word = url_of(name, 1, "connect")
  if not url then return nil, word end
  local socket, message, code = urlsock.connect(url)
  if not socket then return nil, word_of(message, code) end
  base.become(self, "connected")
  if self.socket and not self.peer then
    socket:close()
    self.peer = url
    return 1
  end
  return hold(self, socket)
end

--- The number of bytes, or nil and a word.
local function sent(data, ok, message, code)
  if ok then return #data end
  return nil, word_of(message, code)
end

local function send(self, data)
  data = base.string(data, 1, "send")
  if not self.socket then return nil, "refused" end
  local socket = timed(self, self.socket)
  if self.peer then return sent(data, socket:sendto(data, self.peer)) end
  return sent(data, socket:send(data))
end

local function sendto(self, data, name)
  data = base.string(data, 1, "sendto")
  if self.closed then return nil, "refused" end
  local url, word = url_of(name, 2, "sendto")
  if not url then return nil, word end
  if self.socket then return sent(data, timed(self, self.socket):sendto(data, url)) end
  local socket, message, code = urlsock.connect(url)
  if not socket then return nil, word_of(message, code) end
  local n
  n, word = sent(data, timed(self, socket):send(data))
  socket:close()
  if n then return n end
  return nil, word
end

--- Where nothing can come, the time passes all the same.
local function in_vain(self)
  if self.closed then return nil, "refused" end
  base.start(self)
  waits.sleep(base.left(self) or math.huge)
  return nil, "timeout"
end

local function receive(self, size)
  if not self.socket then return in_vain(self) end
  local data, message, code = timed(self, self.socket):receive(size or SIZE)
  if not data then return nil, word_of(message, code) end
  return data
end

local function receivefrom(self, size)
  if not self.socket then return in_vain(self) end
  local data, url, code = timed(self, self.socket):receivefrom(size or SIZE)
  if not data then return nil, word_of(url, code) end
  return data, url and base.address(url) or ""
end

local methods, new, only = base.class "unixdgram"

only("connected", "send", send)
only("unconnected", "sendto", sendto)
only("unconnected", "receivefrom", receivefrom)
only("unconnected", "bind", bind)
only("any", "connect", connect)
only("any", "receive", receive)
only("any", "setoption", function(self, option, value)
  return options.set(known, self, option, value)
end)
only("any", "getsockname", function(self)
  if self.closed then return nil, words.unopened end
  return self.socket and base.address(self.socket:localname()) or ""
end)
only("any", "close", function(self)
  self.closed = true
  return base.methods.close(self)
end)
methods.setpeername, methods.setsockname = methods.connect, methods.bind
methods.getfamily, methods.getpeername = nil, nil

--- An unconnected object.
function unixdgram.new() return new "unconnected" end

return unixdgram
