--- select on poll(2), which under a scheduler gives way to others.
-- @module urlsock.select

local core = require "urlsock.core"
local host = require "urlsock.host"

local now = core.now

--- Waits in poll(2), again where a signal has cut it short.
local function block(readers, writers, seconds, bare)
  local deadline = seconds and now() + seconds
  local r, w, code
  repeat
    r, w, code = core.select(readers, writers, seconds, bare)
    seconds = deadline and math.max(deadline - now(), 0)
  until not r or #r + #w > 0 or seconds == 0
  return r, w, code
end

--- Looks at once; then a host that can sleep does so between looks, 1 to 20 milliseconds. A hook
-- without `sleep` is not asked: it may well call select itself. With `bare`, numbers in the lists
-- are descriptors of others.
return function(readers, writers, seconds, bare)
  local sleep = host.current().sleep
  if not sleep then return block(readers, writers, seconds, bare) end
  local r, w, code = core.select(readers, writers, 0, bare)
  local deadline, nap = seconds and now() + seconds, 0.001
  while r and #r + #w == 0 do
    local left = deadline and deadline - now() or nap
    if left <= 0 then break end
    sleep(math.min(nap, left))
    nap = math.min(nap * 2, 0.02)
    r, w, code = core.select(readers, writers, 0, bare)
  end
  return r, w, code
end
