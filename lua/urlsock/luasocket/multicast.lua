--- Options of multicast groups. What was joined is joined again where an object gets a new socket.
-- @module urlsock.luasocket.multicast

local core = require "urlsock.core"
local urlsock = require "urlsock"

local multicast = { kinds = { group = true, interface = true } }

local class = core.multicast

local function is_address(text, inet6)
  return urlsock.parse((inet6 and "udp://[%s]:1" or "udp://%s:1"):format(text)) ~= nil
    and (inet6 or text:find "^[%d.]+$" ~= nil)
end

--- A group: the address, and the interface, an address or a number.
local function group(value, inet6)
  if type(value) ~= "table" then return nil, "table expected, got " .. type(value) end
  local address, interface = value.multiaddr, value.interface
  if type(address) ~= "string" then return nil, "string 'multiaddr' field expected" end
  if not is_address(address, inet6) then return nil, "invalid 'multiaddr' ip address" end
  if inet6 then
    if interface ~= nil and type(interface) ~= "number" then
      return nil, "number 'interface' field expected"
    end
    return { address, interface }
  end
  if type(interface) ~= "string" then return nil, "string 'interface' field expected" end
  if interface ~= "*" and not is_address(interface) then
    return nil, "invalid 'interface' ip address"
  end
  return { address, interface ~= "*" and interface or nil }
end

--- The value of such an option, or nil and what is wrong; nothing for other kinds.
function multicast.checked(kind, value, name)
  if kind == "group" then return group(value, name:sub(1, 4) == "ipv6") end
  if kind ~= "interface" then return end
  if value == "*" then return { "0.0.0.0" } end
  if type(value) == "string" and is_address(value) then return { value } end
  return nil, "ip expected"
end

local function act(self, what, value)
  if what == "via" then return class.via(self.socket:fd(), value[1]) end
  return class.group(self.socket:fd(), what == "join", value[1], value[2])
end

--- Sets one, and notes it for the next socket.
function multicast.set(self, what, value)
  if self.socket and not act(self, what, value) then return nil, "setsockopt failed" end
  self.groups = self.groups or {}
  self.groups[#self.groups + 1] = { what, value }
  return 1
end

--- Sets those that were noted. One that does not fit the new socket is passed over.
function multicast.apply(self)
  for _, noted in ipairs(self.groups or {}) do act(self, noted[1], noted[2]) end
end

--- The address of the interface that is sent by.
function multicast.via(self)
  if self.socket then return (class.via(self.socket:fd())) end
end

return multicast
