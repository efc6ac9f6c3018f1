--- select and sleep.
-- @module urlsock.luasocket.select

local base = require "urlsock.luasocket.base"
local select = require "urlsock.select"
local urlsock = require "urlsock"

local waits = {}

--- What is to be watched for an object: our socket in it, else its descriptor; nil where it is not
-- open.
local function watched(object)
  if type(object) ~= "table" and type(object) ~= "userdata" then
    error("attempt to index a " .. type(object) .. " value", 0)
  end
  local socket = type(object) == "table" and rawget(object, "socket")
  if socket and urlsock.type(socket) then return socket end
  if base.is(object) then return nil end
  local getfd = object.getfd
  local fd = getfd and tonumber((getfd(object)))
  if not fd or fd < 0 then return nil end
  return base.known(fd) or fd
end

--- Does an object that is not ours say that it has something to read?
local function dirty(object)
  if base.is(object) or urlsock.type(object) then return false end
  local f = object.dirty
  return f ~= nil and f(object) and true or false
end

--- What is to be watched for the objects of a list, and which of them each stands for.
local function gather(objects, position, limit)
  if objects ~= nil and type(objects) ~= "table" then
    error(("bad argument #%d to 'select' (table expected, got %s)"):format(position, type(objects)),
      3)
  end
  local things, whose = {}, {}
  for i, object in ipairs(objects or {}) do
    if i > limit then
      error(("bad argument #%d to 'select' (too many sockets)"):format(position), 3)
    end
    local thing = watched(object)
    if thing then
      things[#things + 1] = thing
      whose[#things] = object
    end
  end
  return things, whose
end

--- The objects that are ready, by number and by themselves.
local function matching(things, whose, ready, is_dirty)
  local is_ready, objects = {}, {}
  for _, thing in ipairs(ready) do is_ready[thing] = true end
  for i, thing in ipairs(things) do
    local object = whose[i]
    if is_ready[thing] or is_dirty[object] then
      objects[#objects + 1] = object
      objects[object] = #objects
    end
  end
  return objects
end

--- `select(readers, writers [, seconds])`: two lists, and `"timeout"` where they are empty. Lists
-- longer than `_SETSIZE` raise.
function waits.select(readers, writers, seconds)
  if seconds ~= nil and not tonumber(seconds) then
    error(("bad argument #3 to 'select' (number expected, got %s)"):format(type(seconds)), 2)
  end
  seconds = tonumber(seconds)
  local limit = waits.socket._SETSIZE
  local r, r_objects = gather(readers, 1, limit)
  local w, w_objects = gather(writers, 2, limit)
  if seconds and seconds < 0 then seconds = nil end
  local is_dirty = {}
  for _, object in ipairs(r_objects) do
    if dirty(object) then is_dirty[object], seconds = true, 0 end
  end
  local can_read, can_write = select(r, w, seconds, true)
  if not can_read then error("select failed: " .. can_write, 2) end
  local a = matching(r, r_objects, can_read, is_dirty)
  local b = matching(w, w_objects, can_write, {})
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
