--- Names to addresses, within a deadline.
-- @module urlsock.resolve

local core = require "urlsock.core"
local loop = require "urlsock.loop"

local class = core.resolver
class.metatable.__index = { fd = class.fd }

--- The addresses of a parsed URL.
-- @tparam table u
-- @tparam ?string family `"inet"` or `"inet6"`
-- @tparam ?number deadline
-- @return[1] false where the URL needs no look-up, else the addresses
-- @return[2] nil, message, code
return function(u, family, deadline)
  if u.path or not u.host or u.host:find(":", 1, true) or u.host:find "^%d+%.%d+%.%d+%.%d+$" then
    local own = u.host and (u.host:find(":", 1, true) and "inet6" or "inet")
    if family and family ~= own then
      return nil, ("%s: the address is not of the family %s"):format(u.url, family), "unreachable"
    end
    return false
  end
  local lookup, message, code =
    class.start(u.host, u.port, family, core.schemes[u.scheme].kind)
  if not lookup then return nil, message, code end
  local addresses
  addresses, message, code = loop.finish(class, "step", lookup, deadline, true, false)
  if not addresses and code == "timeout" then
    message = ("resolve %s: timed out"):format(u.host)
  end
  class.close(lookup)
  return addresses, message, code
end
