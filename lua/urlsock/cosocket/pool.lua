--- Connections that wait to be used again, by the name of their pool.
-- @module urlsock.cosocket.pool

local urlsock = require "urlsock"

local pool = {}
local pools = {}

--- Puts a connection into a pool; the oldest makes room where it is full.
-- @tparam string name
-- @tparam table entry `{socket =, reused =, secured =}`
-- @tparam ?number seconds that it may wait; nil for ever
-- @tparam number size of the pool
function pool.put(name, entry, seconds, size)
  local list = pools[name] or {}
  pools[name] = list
  entry.expires = seconds and urlsock.now() + seconds
  list[#list + 1] = entry
  while #list > size do table.remove(list, 1).socket:close() end
end

--- Silent, as a connection that waits has to be: bytes or an end are nothing to begin with.
local function is_fresh(entry)
  if entry.expires and urlsock.now() >= entry.expires then return false end
  local readable = urlsock.select({ entry.socket }, nil, 0)
  return readable and #readable == 0
end

--- The connection that was put there last and is still good, or nil.
function pool.take(name)
  local list = pools[name]
  while list and #list > 0 do
    local entry = table.remove(list)
    if #list == 0 then pools[name] = nil end
    if is_fresh(entry) then return entry end
    entry.socket:close()
  end
end

return pool
