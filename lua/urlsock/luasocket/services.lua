--- Ports by the names of services, as the system's list has them.
-- @module urlsock.luasocket.services

local services = {}

local ports -- name -> port

local function load()
  ports = {}
  local f = io.open "/etc/services"
  if not f then return end
  for line in f:lines() do
    local name, port, aliases = line:match "^([^%s#]+)%s+(%d+)/tcp([^#]*)"
    if name then
      ports[name] = ports[name] or tonumber(port)
      for alias in aliases:gmatch "%S+" do ports[alias] = ports[alias] or tonumber(port) end
    end
  end
  f:close()
end

--- The port of a service of TCP, or nil.
function services.port(name)
  if not ports then load() end
  return ports[name]
end

return services
