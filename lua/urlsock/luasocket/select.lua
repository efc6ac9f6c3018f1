--- select and sleep.
-- @module urlsock.luasocket.select

local base = require "urlsock.luasocket.base"
local urlsock = require "urlsock"

local waits = {}

--- Our socket in, or behind, an object; nil where it is not open.
local function socket_of(object)
  if type(object) ~= "table" and type(object) ~= "userdata" then
    error("attempt to index a " .. type(object) .. " value", 0)
  end
  local socket = type(object) == "table" and rawget(object, "socket")
  if socket and urlsock.type(socket) then return socket end
  local getfd = object.getfd
  local fd = getfd and getfd(object)
  if not fd or fd < 0 then return nil end
  return base.known(fd) or error("select: descriptor " .. fd .. " is not one of ours", 0)
end

--- The sockets of a list, and which objects each of them stands for.
local function gather(objects)
  local sockets, whose = {}, {}
  for _, object in ipairs(objects or {}) do
    local socket = socket_of(object)
    if socket then
      sockets[#sockets + 1] = socket
      whose[#sockets] = object
    end
  end
  return sockets, whose
end

--- The objects whose sockets are ready, by number and by themselves.
local function matching(sockets, whose, ready)
  local is_ready, objects = {}, {}
  for _, socket in ipairs(ready) do is_ready[socket] = true end
  for i, socket in ipairs(sockets) do
    if is_ready[socket] then
      objects[#objects + 1] = whose[i]
      objects[whose[i]] = #objects
    end
  end
  return objects
end

--- `select(readers, writers [, seconds])`: two lists, and `"timeout"` where they are empty.
function waits.select(readers, writers, seconds)
  local r, r_objects = gather(readers)
  local w, w_objects = gather(writers)
  if seconds and seconds < 0 then seconds = nil end
  local can_read, can_write = urlsock.select(r, w, seconds)
  if not can_read then error("select failed: " .. can_write, 2) end
  local a, b = matching(r, r_objects, can_read), matching(w, w_objects, can_write)
  if #a + #b == 0 then return a, b, "timeout" end
  return a, b
end

--- Sleeps by waiting for a socket that stays silent: so others of the host have their turn.
function waits.sleep(seconds)
  if seconds <= 0 then return end
  local here, there = urlsock.pair()
  if not here then error("sleep: " .. there, 2) end
  here:settimeout(math.min(seconds, 2 ^ 30))
  here:read(-1)
  here:close()
  there:close()
end

return waits
