--- The loop: turns a step of the C core into a method that waits.
-- It is the only loop around I/O in the library.
-- @module urlsock.loop

local core = require "urlsock.core"

local now = core.now

local loop = {}

--- Waits in poll(2). May return early, as any wait may: the step is tried again.
local function plain(socket, want, seconds)
  core.poll(socket:fd(), want, seconds)
end

--- The one function that sleeps: `wait(socket, "r" | "w", seconds | nil)`.
loop.wait = plain

--- Sets the hook; nil is poll(2).
function loop.use(wait)
  loop.wait = wait or plain
end

--- A deadline from seconds, or nil for ever.
function loop.deadline(seconds)
  return seconds and now() + seconds
end

--- Waits once for a socket of a class, which is held meanwhile.
-- @treturn[1] boolean true when the step is to be tried again
-- @treturn[2] boolean false when the deadline has passed
local function pause(class, socket, want, deadline, reads, writes)
  local left
  if deadline then
    left = deadline - now()
    if left <= 0 then return false end
  end
  if class.hold then class.hold(socket, reads, writes) end
  loop.wait(socket, want, left)
  if class.hold then class.release(socket, reads, writes) end
  return true
end

--- The time-out of an operation, as every call reports it.
local function expired(class, socket, name)
  local origin = class.origin and class.origin(socket) or "look-up"
  local message = ("%s: %s: timed out"):format(origin, name)
  if name == "write" then return nil, message, "timeout", class.giveup(socket) end
  return nil, message, "timeout"
end

--- Tries a step until it is done or the deadline has passed.
-- @tparam table class functions of the socket's class
-- @tparam string name of the step
-- @param socket
-- @tparam ?number deadline
-- @tparam boolean reads whether the call reads
-- @tparam boolean writes whether it writes
-- @param ... the step's arguments
function loop.finish(class, name, socket, deadline, reads, writes, ...)
  local step = class[name]
  while true do
    local value, message, code, count = step(socket, ...)
    if message == nil then return value end
    if value ~= false then
      if count == nil then return value, message, code end
      return value, message, code, count
    end
    if not pause(class, socket, message, deadline, reads, writes) then
      return expired(class, socket, name)
    end
  end
end

local finish = loop.finish

--- A method from a step with at most two arguments.
function loop.method(class, name, reads, writes)
  local step, gettimeout = class[name], class.gettimeout
  return function(self, a, b)
    local value, message, code = step(self, a, b)
    if message == nil then return value end
    if value == false then
      local deadline = loop.deadline(gettimeout(self))
      if pause(class, self, message, deadline, reads, writes) then
        return finish(class, name, self, deadline, reads, writes, a, b)
      end
      return expired(class, self, name)
    end
    return value, message, code
  end
end

--- A method from a step with any number of arguments and up to four results.
function loop.variadic(class, name, reads, writes)
  local step, gettimeout = class[name], class.gettimeout
  return function(self, ...)
    local value, message, code, count = step(self, ...)
    if message == nil then return value end
    if value == false then
      local deadline = loop.deadline(gettimeout(self))
      if pause(class, self, message, deadline, reads, writes) then
        return finish(class, name, self, deadline, reads, writes, ...)
      end
      return expired(class, self, name)
    end
    if count == nil then return value, message, code end
    return value, message, code, count
  end
end

return loop
