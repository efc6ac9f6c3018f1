--- Inside a coroutine of a cqueues controller.
--
-- A controller remembers descriptors by their numbers: one that is closed behind its back lets the
-- next of that number stall for ever. So it is made to forget each one as soon as nobody waits for
-- it any more.
local cqueues = require "cqueues"
local relay = require "urlsock.relay"

local host = {}
-- controller -> fd -> how many; who waits in one that is collected does so no more
local waits = setmetatable({}, { __mode = "k" })

function host.running()
  local controller, inside = cqueues.running()
  if inside or not controller then return inside end
  local thread = coroutine.running()
  return thread ~= nil and relay.outermost(thread) ~= thread
end

function host.wait(socket, want, seconds)
  local fd, controller = socket:fd(), cqueues.running() or cqueues
  local here = waits[controller] or {}
  waits[controller] = here
  here[fd] = (here[fd] or 0) + 1
  cqueues.poll({ pollfd = fd, events = want }, seconds)
  here[fd] = here[fd] > 1 and here[fd] - 1 or nil
  if not here[fd] then cqueues.cancel(fd) end
end

host.sleep = cqueues.sleep

--- Whoever waits for the socket wakes, and finds it closed.
function host.closing(socket)
  local fd = socket:fd()
  if fd then cqueues.cancel(fd) end
end

return host
