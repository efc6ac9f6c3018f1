--- select on poll(2), which under a scheduler gives way to others.
-- @module urlsock.select

local core = require "urlsock.core"
local host = require "urlsock.host"

local now = core.now

--- Looks at once; then as a host can: it sleeps between looks, 1 to 20 milliseconds, or waits for
-- the first socket where it cannot sleep.
return function(readers, writers, seconds)
  local here = host.current()
  if here == require "urlsock.host.plain" then return core.select(readers, writers, seconds) end
  local r, w, code = core.select(readers, writers, 0)
  local deadline, nap = seconds and now() + seconds, 0.001
  while r and #r + #w == 0 do
    local left = deadline and deadline - now() or nap
    if left <= 0 then break end
    if here.sleep then
      here.sleep(math.min(nap, left))
    else
      local first = readers and readers[1]
      local socket = first or writers and writers[1]
      if not socket then return core.select(readers, writers, left) end
      here.wait(socket, first and "r" or "w", math.min(nap, left))
    end
    nap = math.min(nap * 2, 0.02)
    r, w, code = core.select(readers, writers, 0)
  end
  return r, w, code
end
