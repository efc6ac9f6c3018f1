--- The loop: turns a step of the C core into a method that waits.
-- It is the only loop around I/O in the library.
-- @module urlsock.loop

local core = require "urlsock.core"
local choose = require "urlsock.choose"

local now = core.now

local loop = {}

-- What `plain` answers where poll(2) itself fails; what a hook returns means nothing.
local FAILED = {}

--- Waits in poll(2). May return early, as any wait may: the step is tried again.
local function plain(socket, want, seconds)
  local ready, message, code = core.poll(socket:fd(), want, seconds)
  if ready == nil then return FAILED, message, code end
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

-- Who waits: a hold whose coroutine is dead, or back in a call, is void.
local readers, writers = setmetatable({}, { __mode = "kv" }), setmetatable({}, { __mode = "kv" })

--- The coroutine that runs; the main one of Lua 5.1 has no name.
local main = coroutine.running() or {}
local function running()
  return coroutine.running() or main
end

local function is_stale(holder)
  return holder == nil or holder == running()
    or type(holder) == "thread" and coroutine.status(holder) == "dead"
end

--- Lets go of a hold that nobody has any more: its wait raised, or its coroutine is gone.
-- @treturn boolean whether the step is worth another try
local function unstick(class, socket, reads, writes)
  if not class.hold then return false end
  local reading = reads and is_stale(readers[socket])
  local writing = writes and is_stale(writers[socket])
  if reads and not reading or writes and not writing then return false end
  class.release(socket, reading, writing)
  return true
end

--- Waits once for a socket of a class, which is held meanwhile.
-- @treturn[1] boolean true when the step is to be tried again
-- @treturn[2] boolean false when the deadline has passed
-- @return[3] nil, message, code: it cannot wait
local function pause(class, socket, want, deadline, reads, writes)
  local left
  if deadline then
    left = deadline - now()
    if left <= 0 then return false end
  end
  if class.hold then
    class.hold(socket, reads, writes)
    if reads then readers[socket] = running() end
    if writes then writers[socket] = running() end
  end
  local answer, message, code
  if want == "hello" then
    choose.answer(socket)
  else
    answer, message, code = loop.wait(socket, want, left)
  end
  if class.hold then class.release(socket, reads, writes) end
  if answer == FAILED then return nil, message, code end
  return true
end

--- An operation that waits no longer, as every call reports it: for its time-out, or because
-- it cannot wait.
local function expired(class, socket, name, message, code)
  local origin = class.origin and class.origin(socket) or "look-up"
  message = ("%s: %s: %s"):format(origin, name, message or "timed out")
  code = code or "timeout"
  if name == "write" then return nil, message, code, class.giveup(socket) end
  return nil, message, code
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
      if code ~= "busy" or not unstick(class, socket, reads, writes) then
        if count == nil then return value, message, code end
        return value, message, code, count
      end
    else
      local again, why, cause = pause(class, socket, message, deadline, reads, writes)
      if not again then return expired(class, socket, name, why, cause) end
    end
  end
end

local finish = loop.finish

--- Goes on where a method's first try was not the end of it.
local function go_on(class, name, socket, message, code, reads, writes, ...)
  local deadline = loop.deadline(class.gettimeout(socket))
  if code == "busy" then
    if not unstick(class, socket, reads, writes) then return nil, message, code end
  else
    local again, why, cause = pause(class, socket, message, deadline, reads, writes)
    if not again then return expired(class, socket, name, why, cause) end
  end
  return finish(class, name, socket, deadline, reads, writes, ...)
end

--- A method from a step with at most two arguments.
function loop.method(class, name, reads, writes)
  local step = class[name]
  return function(self, a, b)
    local value, message, code = step(self, a, b)
    if message == nil then return value end
    if value == false or code == "busy" then
      return go_on(class, name, self, message, code, reads, writes, a, b)
    end
    return value, message, code
  end
end

--- A method from a step with any number of arguments and up to four results.
function loop.variadic(class, name, reads, writes)
  local step = class[name]
  return function(self, ...)
    local value, message, code, count = step(self, ...)
    if message == nil then return value end
    if value == false or code == "busy" then
      return go_on(class, name, self, message, code, reads, writes, ...)
    end
    if count == nil then return value, message, code end
    return value, message, code, count
  end
end

return loop
