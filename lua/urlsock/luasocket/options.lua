--- Socket options under LuaSocket's names. Those of a socket that is not open yet are held until it
-- is.
-- @module urlsock.luasocket.options

local multicast = require "urlsock.luasocket.multicast"
local words = require "urlsock.luasocket.words"

local options = {}

-- LuaSocket's name -> ours, its kind, and whether it can be got and set
local both = {
  ["keepalive"] = { "keepalive", "boolean" },
  ["reuseaddr"] = { "reuseaddr", "boolean" },
  ["reuseport"] = { "reuseport", "boolean" },
  ["recv-buffer-size"] = { "recvbuffer", "number" },
  ["send-buffer-size"] = { "sendbuffer", "number" },
  ["error"] = { "error", "error", set = false },
}
local tcp = {
  ["tcp-nodelay"] = { "nodelay", "boolean" },
  ["tcp-keepidle"] = { "keepidle", "number" },
  ["tcp-keepcnt"] = { "keepcount", "number" },
  ["tcp-keepintvl"] = { "keepinterval", "number" },
  ["tcp-defer-accept"] = { "deferaccept", "boolean", get = false },
  ["tcp-fastopen"] = { "fastopen", "number", get = false },
  ["ipv6-v6only"] = { "v6only", "boolean", get = false },
  ["linger"] = { "linger", "linger" },
}
local udp = {
  ["broadcast"] = { "broadcast", "boolean" },
  ["dontroute"] = { "dontroute", "boolean" },
  ["ip-multicast-ttl"] = { "multicastttl", "number", get = false },
  ["ip-multicast-loop"] = { "multicastloop", "boolean" },
  ["ip-add-membership"] = { "join", "group", get = false },
  ["ip-drop-membership"] = { "leave", "group", get = false },
  ["ipv6-add-membership"] = { "join", "group", get = false },
  ["ipv6-drop-membership"] = { "leave", "group", get = false },
  ["ip-multicast-if"] = { "via", "interface" },
  ["ipv6-unicast-hops"] = { "ttl", "number" },
  ["ipv6-multicast-hops"] = { "multicastttl", "number" },
  ["ipv6-multicast-loop"] = { "multicastloop", "boolean" },
  ["ipv6-v6only"] = { "v6only", "boolean" },
}
for name, entry in pairs(both) do
  tcp[name], udp[name] = entry, entry
end
options.tcp, options.udp = tcp, udp
options.unix = { keepalive = both.keepalive, reuseaddr = both.reuseaddr, linger = tcp.linger }

local function entry_of(known, name, access)
  local entry = known[name]
  if not entry or entry[access] == false then
    error(("bad argument #1 to '%soption' (unsupported option `%.35s')")
      :format(access, tostring(name)), 4)
  end
  return entry
end

local function wrong(what, position)
  error(("bad argument #%d to 'setoption' (%s)"):format(position, what), 5)
end

--- Our value for LuaSocket's; raises where it is of the wrong type.
local function checked(entry, value, name)
  local kind = entry[2]
  local of_groups, problem = multicast.checked(kind, value, name)
  if problem then wrong(problem, 2) end
  if of_groups then return of_groups end
  if kind == "linger" then
    if type(value) ~= "table" then wrong("table expected, got " .. type(value), 2) end
    if type(value.on) ~= "boolean" then wrong("boolean 'on' field expected", 2) end
    if type(value.timeout) ~= "number" then wrong("number 'timeout' field expected", 2) end
    return value.on and value.timeout or false
  end
  if type(value) ~= kind then wrong(("%s expected, got %s"):format(kind, type(value)), 2) end
  return value
end

--- Is it an option of IPv6, and the socket of IPv4?
local function foreign(self, name)
  return name:sub(1, 4) == "ipv6" and (self.socket or self.family) and self:getfamily() ~= "inet6"
end

--- Sets an option, or holds it until the socket is open.
function options.set(known, self, name, value)
  local entry = entry_of(known, name, "set")
  value = checked(entry, value, name)
  if self.closed or foreign(self, name) then return nil, "setsockopt failed" end
  if multicast.kinds[entry[2]] then return multicast.set(self, entry[1], value) end
  if not self.socket or self.early then self.held[entry[1]] = value end
  if not self.socket then return 1 end
  if not self.socket:setoption(entry[1], value) then return nil, "setsockopt failed" end
  return 1
end

local function theirs(kind, value)
  if kind == "linger" then return { on = value ~= false, timeout = value or 0 } end
  if kind == "error" then return words.of_number(value) end
  return value
end

-- What the options of a new socket are, but for the numbers.
local initial = { boolean = false, linger = false, error = 0 }

--- An option's value; of a socket that is not open yet what is held, or will be.
function options.get(known, self, name)
  local entry = entry_of(known, name, "get")
  if foreign(self, name) then return nil, "getsockopt failed" end
  local value
  if entry[2] == "interface" then
    value = multicast.via(self)
  elseif self.socket then
    value = self.socket:getoption(entry[1])
  else
    value = self.held[entry[1]]
    if value == nil and self.family and not self.closed then value = initial[entry[2]] end
  end
  if value == nil then return nil, "getsockopt failed" end
  return theirs(entry[2], value)
end

--- Applies what was held to the socket that is open now.
-- @treturn boolean
function options.apply(self)
  for name, value in pairs(self.held) do
    if name ~= "v6only" and not self.socket:setoption(name, value) then return false end
  end
  multicast.apply(self)
  return true
end

--- Those that have to be known before a socket is bound to a URL or connected. One that is bound
-- to an address of IPv6 takes nothing of IPv4 unless it is told to, as in LuaSocket.
function options.early(self, url)
  local held = self.held
  local given = { reuseport = held.reuseport, broadcast = held.broadcast }
  if url and url:find("[", 1, true) then given.ipv6only = held.v6only ~= false end
  return given
end

return options
