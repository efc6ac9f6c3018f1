--- What the objects of all classes have in common: states, time, names, the descriptor.
-- An object is a table: `socket` (ours, or nil), `state`, `class` (a name of both), `block` and
-- `total` (seconds, negative for none).
-- @module urlsock.luasocket.base

local core = require "urlsock.core"
local services = require "urlsock.luasocket.services"
local urlsock = require "urlsock"
local words = require "urlsock.luasocket.words"

local base = {}

-- the metatables of our classes
local ours = {}

-- descriptor -> our socket, for objects of others that have getfd()
local known = setmetatable({}, { __mode = "v" })

--- A class of objects.
-- @tparam string name
-- @tparam[opt] string shown what tostring shows, with `%s` for the address
-- @treturn table the methods
-- @treturn function makes an object: `new(state, fields)`
-- @treturn function `only(pattern, method, f)` defines a method of the states that match
function base.class(name, shown)
  local methods = {}
  for key, f in pairs(base.methods) do methods[key] = f end
  local meta = { __index = methods }
  ours[meta] = true
  function meta.__tostring(self)
    if shown then return shown:format(self.address) end
    return ("%s: %s"):format(self.class, self.address)
  end

  local function new(state, fields)
    local self = fields or {}
    self.name, self.block, self.total = name, -1, -1
    base.become(self, state)
    self.received, self.sent, self.born = 0, 0, urlsock.now()
    self.held = self.held or {}
    self.address = tostring(self):match "0x%x+" or tostring(self)
    return setmetatable(self, meta)
  end

  local function only(state, method, f)
    methods[method] = function(self, ...)
      if getmetatable(self) ~= meta or (state ~= "any" and self.state ~= state) then
        error(("calling '%s' on bad self (%s{%s} expected)"):format(method, name, state), 2)
      end
      return f(self, ...)
    end
  end
  return methods, new, only
end

--- Puts an object into a state.
function base.become(self, state)
  self.state, self.class = state, ("%s{%s}"):format(self.name, state)
end

--- Is it an object of one of our classes?
function base.is(v)
  local meta = getmetatable(v)
  return meta ~= nil and ours[meta] == true
end

--- Raises unless v is a string or a number, which becomes one.
function base.string(v, position, where)
  if type(v) == "number" then v = tostring(v) end
  if type(v) ~= "string" then
    error(("bad argument #%d to '%s' (string expected, got %s)"):format(position, where,
      v == nil and "no value" or type(v)), 4)
  end
  return v
end

--- Gives an object its socket, or takes it away.
function base.hold(self, socket)
  self.socket = socket
  local fd = socket and socket:fd()
  if fd then known[fd] = socket end
  return self
end

--- Our socket that has this descriptor.
function base.known(fd)
  local socket = known[fd]
  if socket and socket:fd() == fd then return socket end
end

--- Every address of a family, where the host to bind is `*`.
function base.any(host, family)
  if host ~= "*" then return host end
  return family == "inet6" and "::" or "0.0.0.0"
end

--- A URL from LuaSocket's pair of host and port.
-- @treturn[1] string
-- @treturn[2] nil
-- @treturn[2] string the word
function base.url(scheme, host, port)
  if host:find(":", 1, true) then host = "[" .. host .. "]" end
  if not tonumber(port) then port = services.port(port) or port end
  if not tostring(port):find "^%d+%.?0*$" then
    return nil, "service not supported for socket type"
  end
  local u, message, code = urlsock.parse(("%s://%s"):format(scheme, host), tonumber(port))
  if u then return u.url end
  if tonumber(port) == 0 then
    u = urlsock.parse(("%s://%s:1"):format(scheme, host))
    if u then return (u.url:gsub(":1$", ":0")) end
  end
  return nil, words.of(message, code)
end

--- Host, port and family of a URL of ours.
function base.address(url)
  local u = url and (urlsock.parse(url) or urlsock.parse((url:gsub(":0$", "")), 1))
  if not u then return nil, words.unconnected end
  if u.path then return u.path end
  local host = u.zone and u.host .. "%" .. u.zone or u.host
  local port = url:find ":0$" and 0 or u.port
  return host, port, host:find(":", 1, true) and "inet6" or "inet"
end

--- Marks the start of an operation, from which `total` counts.
function base.start(self)
  self.started = urlsock.now()
end

--- The seconds that the next wait may take, or nil.
function base.left(self)
  local block, total = self.block, self.total
  if block < 0 and total < 0 then return nil end
  if total < 0 then return block end
  local rest = math.max(total - (urlsock.now() - self.started), 0)
  return block < 0 and rest or math.min(block, rest)
end

local methods = {}
base.methods = methods

--- A number, also one in a string; raises for anything else.
local function number(v, where)
  local n = (type(v) == "number" or type(v) == "string") and tonumber(v)
  if n then return n end
  error(("bad argument #1 to '%s' (number expected, got %s)"):format(where, type(v)), 3)
end

--- A negative value, or none, is no limit. Of the mode the first letter counts.
function methods:settimeout(value, mode)
  value = value == nil and -1 or number(value, "settimeout")
  if value ~= value or value == math.huge then value = -1 end
  mode = mode == nil and "b" or tostring(mode):sub(1, 1)
  if mode == "b" then
    self.block = value
  elseif mode == "t" or mode == "r" then
    self.total = value
  else
    error("bad argument #2 to 'settimeout' (invalid timeout mode)", 2)
  end
  return 1
end

function methods:gettimeout() return self.block, self.total end

function methods:getfd()
  return self.socket and self.socket:fd() or -1
end

-- how many objects share a socket, where it is more than one
local sharers = setmetatable({}, { __mode = "k" })

--- Lets go of the descriptor; the connection is not touched.
local function let_go(self)
  local socket = self.socket
  if not socket then return true end
  local others = sharers[socket]
  if others then
    sharers[socket] = others > 2 and others - 1 or nil
  else
    local detach = socket.detach or core.listener.detach
    local ok, message, code = detach(socket)
    if not ok then return nil, words.of(message, code) end
  end
  base.hold(self, nil)
  return true
end

--- -1 lets go of the descriptor; any other is taken over. If another object has it, both share the
-- socket: so it is closed once.
function methods:setfd(fd)
  fd = number(fd, "setfd")
  local ok, word = let_go(self)
  if not ok then return nil, word end
  if fd < 0 then return end
  local shared = base.known(fd)
  if shared then
    sharers[shared] = (sharers[shared] or 1) + 1
    base.hold(self, shared)
    return
  end
  local socket, message, code = urlsock.adopt(fd)
  if not socket then return nil, words.of(message, code) end
  base.hold(self, socket)
end

function methods:dirty()
  local s = self.socket
  return s ~= nil and s.pending ~= nil and (s:pending() or 0) > 0
end

--- `"inet4"` or `"inet6"`.
function methods:getfamily()
  local family = self.family
  if not family and self.socket then
    local _
    _, _, family = base.address(self.socket:localname())
  end
  return family == "inet6" and "inet6" or "inet4"
end

function methods:getsockname()
  if not self.socket then
    if not self.family then return nil, words.unopened end
    return self.family == "inet6" and "::" or "0.0.0.0", "0", self.family
  end
  local host, port, family = base.address(self.socket:localname())
  return host, port and tostring(port), family -- a string here, and a number of the peer
end

function methods:getpeername()
  local s = self.socket
  if not s and not self.family and self.state == "master" then return nil, words.unopened end
  if not s or not s.peername then return nil, words.unconnected end
  return base.address(s:peername())
end

function methods:close()
  if self.socket then self.socket:close() end
  base.hold(self, nil)
  return 1
end

return base
