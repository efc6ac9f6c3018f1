--- What the objects of all classes have in common: states, time, names, the descriptor.
-- An object is a table: `socket` (ours, or nil), `state`, `block` and `total` (seconds, negative
-- for none).
-- @module urlsock.luasocket.base

local urlsock = require "urlsock"
local words = require "urlsock.luasocket.words"

local base = {}

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
  function meta.__tostring(self)
    if shown then return shown:format(self.address) end
    return ("%s{%s}: %s"):format(name, self.state, self.address)
  end

  local function new(state, fields)
    local self = fields or {}
    self.state, self.block, self.total = state, -1, -1
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

--- A negative value, or none, is no limit.
function methods:settimeout(value, mode)
  if value ~= nil and type(value) ~= "number" then
    error(("bad argument #1 to 'settimeout' (number expected, got %s)"):format(type(value)), 2)
  end
  value = value or -1
  if value ~= value or value == math.huge then value = -1 end
  mode = mode == nil and "b" or mode
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

--- -1 lets go of the descriptor without touching the connection; any other is adopted.
function methods:setfd(fd)
  if self.socket then
    local ok, message, code = self.socket:detach()
    if not ok then return nil, words.of(message, code) end
    base.hold(self, nil)
  end
  if fd < 0 then return end
  local socket, message, code = urlsock.adopt(fd)
  if not socket then return nil, words.of(message, code) end
  base.hold(self, socket)
end

function methods:dirty()
  local s = self.socket
  return s ~= nil and s.pending ~= nil and (s:pending() or 0) > 0
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
