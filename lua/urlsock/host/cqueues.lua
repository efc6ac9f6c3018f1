--- Inside a coroutine of a cqueues controller.
--
-- A controller remembers descriptors by their numbers: one that is closed behind its back lets the
-- next of that number stall for ever. So it is made to forget each one as soon as nobody waits for
-- it any more.
local cqueues = require "cqueues"
local relay = require "urlsock.relay"

local host = {}
local waits = {} -- fd -> how many

function host.running()
  local controller, inside = cqueues.running()
  if inside or not controller then return inside end
  local thread = coroutine.running()
  return thread ~= nil and relay.outermost(thread) ~= thread
end

function host.wait(socket, want, seconds)
  local fd = socket:fd()
  waits[fd] = (waits[fd] or 0) + 1
  cqueues.poll({ pollfd = fd, events = want }, seconds)
  waits[fd] = waits[fd] > 1 and waits[fd] - 1 or nil
  if not waits[fd] then cqueues.cancel(fd) end
end

host.sleep = cqueues.sleep

--- Whoever waits for the socket wakes, and finds it closed.
function host.closing(socket)
  local fd = socket:fd()
  if fd then cqueues.cancel(fd) end
end

return host
