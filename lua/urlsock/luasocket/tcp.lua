--- TCP and Unix stream objects: master, client and server.
-- @module urlsock.luasocket.tcp

local base = require "urlsock.luasocket.base"
local bytes = require "urlsock.luasocket.bytes"
local core = require "urlsock.core"
local options = require "urlsock.luasocket.options"
local path = require "urlsock.luasocket.path"
local resolve = require "urlsock.resolve"
local urlsock = require "urlsock"
local words = require "urlsock.luasocket.words"

local tcp = {}
local FOREVER = 2 ^ 30 -- seconds; then the system gives up first

--- Begins to connect without waiting, except for the look-up of a name, where LuaSocket waits too.
-- @treturn[1] stream not open yet: a handshake(), read or write goes on with it
-- @treturn[2] nil, message, code
local function dial(url, given)
  local addresses, message, code = resolve(urlsock.parse(url), given.family, nil)
  if addresses == nil then return nil, message, code end
  return core.stream.dial(url, addresses or nil, given)
end

--- The socket that bind made is let go: its address is for the connection.
local function unbind(self)
  local socket = self.socket
  if not socket or urlsock.type(socket) ~= "listener" then return nil end
  local url = socket:localname()
  socket:close()
  base.hold(self, nil)
  return url
end

local function connect_now(self, url)
  local given = options.early(self)
  given.family, given.bind = self.family, unbind(self)
  local seconds = base.left(self)
  if seconds ~= 0 then
    given.timeout = seconds or FOREVER
    return urlsock.connect(url, given)
  end
  local socket, message, code = dial(url, given)
  if not socket then return nil, message, code end
  base.hold(self, socket)
  socket:settimeout(0)
  return socket:handshake()
end

--- After a time-out of 0 the connection goes on: the next call tells how it went.
local function go_on(self)
  local socket = self.socket
  if self.connected then return nil, "already connected" end
  socket:settimeout(base.left(self))
  local ok, message, code = socket:handshake()
  if not ok and code == "timeout" then return nil, "Operation already in progress" end
  if not ok then
    base.methods.close(self)
    return nil, words.of(message, code)
  end
  self.connected = true
  if not options.apply(self) then return nil, "setsockopt failed" end
  return 1
end

local function connect(self, url)
  base.start(self)
  if self.state == "client" and self.socket then return go_on(self) end
  if self.state == "server" then return nil, "already connected" end
  local socket, message, code = connect_now(self, url)
  if socket or self.name == "tcp" then base.become(self, "client") end
  if not socket then return nil, words.of(message, code) end
  base.hold(self, socket)
  self.connected = true
  if not options.apply(self) then return nil, "setsockopt failed" end
  return 1
end

--- Binds, and listens at once, so that the port is known and an error told.
local function bind(self, url)
  if self.socket then return nil, "Invalid argument" end
  local given = options.early(self, url)
  given.family, given.broadcast = self.family, nil
  local socket, message, code = urlsock.listen(url, given)
  if not socket then return nil, words.of(message, code) end
  base.hold(self, socket)
  return 1
end

--- It listens since bind; where a backlog is said, that many may wait from now on.
local function listen(self, backlog)
  if not self.socket then
    if not self.family then return nil, words.unopened end
    local ok, word = bind(self, self.family == "inet6" and "tcp://[::]:0" or "tcp://0.0.0.0:0")
    if not ok then return nil, word end
  end
  if backlog then
    local ok, message, code = core.listener.backlog(self.socket, math.max(backlog, 0))
    if not ok then return nil, words.of(message, code) end
  end
  if not options.apply(self) then return nil, "setsockopt failed" end
  base.become(self, "server")
  return 1
end

local function next_client(self)
  if not self.socket then return nil, "closed" end
  if urlsock.type(self.socket) ~= "listener" then return nil, "Invalid argument" end
  base.start(self)
  self.socket:settimeout(base.left(self))
  local stream, message, code = self.socket:accept()
  if not stream then return nil, words.of(message, code) end
  local client = self.new("client")
  client.connected = true
  return base.hold(client, stream)
end

local directions = { send = "write", receive = "read", both = "both" }

local function shutdown(self, how)
  local direction = directions[how == nil and "both" or how]
  if not direction then
    error(("bad argument #1 to 'shutdown' (invalid option '%s')"):format(tostring(how)), 3)
  end
  if self.socket then
    base.start(self)
    self.socket:settimeout(base.left(self))
    self.socket:shutdown(direction)
  end
  return 1
end

--- The results of send and receive; with the seconds that it took, as in a build of LuaSocket for
-- debugging, once somebody has asked for `_DEBUG`.
local function timed(self, a, b, c)
  if tcp.times then return a, b, c, urlsock.now() - self.started end
  return a, b, c
end

--- A class of stream objects.
-- @tparam string name
-- @tparam table known the options that it has
-- @tparam function target `target(where, self, ...)`: the URL that the arguments of connect and
-- bind mean, or nil and a word
-- @treturn function `new(state, fields)`
-- @treturn function `only(state, method, f)`
local function define(name, known, target)
  local methods, new, only = base.class(name)
  local function with_url(where, f)
    return function(self, ...)
      local url, word = target(where, self, ...)
      if not url then return nil, word end
      if where == "connect" then self.host = ... end
      return f(self, url)
    end
  end
  local function make(state, fields)
    fields = fields or {}
    fields.new, fields.word = make, words.of
    return new(state, fields)
  end
  only("any", "connect", with_url("connect", connect))
  only("master", "bind", with_url("bind", bind))
  only("master", "listen", listen)
  only("server", "accept", next_client)
  only("client", "shutdown", shutdown)
  for _, method in ipairs { "send", "receive" } do
    local f = bytes[method]
    only("client", method, function(self, ...) return timed(self, f(self, ...)) end)
  end
  only("client", "getstats", bytes.getstats)
  only("client", "setstats", bytes.setstats)
  only("any", "setoption", function(self, option, value)
    return options.set(known, self, option, value)
  end)
  only("any", "getoption", function(self, option)
    return options.get(known, self, option)
  end)
  only("any", "close", function(self)
    self.closed = true
    return base.methods.close(self)
  end)
  methods.setpeername, methods.setsockname = methods.connect, methods.bind
  return make, only
end

local new = define("tcp", options.tcp, function(where, self, host, port)
  host, port = base.string(host, 1, where), base.string(port, 2, where)
  return base.url("tcp", where == "bind" and base.any(host, self.family) or host, port)
end)

--- A master object; a family is `"inet"` or `"inet6"`.
function tcp.new(family) return new("master", { family = family }) end

--- A client object around a stream of ours.
function tcp.wrap(stream)
  local self = new "client"
  self.connected = true
  return base.hold(self, stream)
end

local new_unix, only_unix = define("unixstream", options.unix, function(where, _, name)
  return path.url("unix", base.string(name, 1, where))
end)

only_unix("any", "getsockname", function(self)
  if self.closed then return nil, words.unopened end
  return self.socket and base.address(self.socket:localname()) or ""
end)

--- A master object of a Unix socket.
function tcp.unix() return new_unix "master" end

return tcp
