--- The loop: turns a step of the C core into a method that waits.
-- It is the only loop around I/O in the library.
-- @module urlsock.loop

local core = require "urlsock.core"
local choose = require "urlsock.choose"
local host = require "urlsock.host"
local plain = require "urlsock.host.plain"
local relay = require "urlsock.relay"

local now, poll = core.now, core.poll
local current = host.current

local loop = {}

-- Where a socket has been waited for last, and by which number.
local hosts = setmetatable({}, { __mode = "kv" })
local numbers = setmetatable({}, { __mode = "k" })

--- What is called before a descriptor is closed: whoever waits for it has to wake.
function loop.closing(socket)
  numbers[socket] = nil
  host.closing(socket, hosts[socket])
end

--- A step that fails may have closed the socket, as a handshake does: others may wait for it still.
local function mourn(class, socket)
  local fd = numbers[socket]
  if not fd or class.fd(socket) then return end
  numbers[socket] = nil
  host.closed(fd)
end

--- A deadline from seconds, or nil for ever.
function loop.deadline(seconds)
  return seconds and now() + seconds
end

-- Who waits: a hold whose coroutine is dead, or back in a call, is void.
local readers, writers = setmetatable({}, { __mode = "kv" }), setmetatable({}, { __mode = "kv" })

--- The coroutine that runs; the main one of Lua 5.1 has no name.
local main = {}
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
  if writing and class.giveup then class.giveup(socket) end -- the next write begins anew
  return true
end

--- The time-out of an operation, as every call reports it.
local function expired(class, socket, name)
  local origin, accepted = "look-up", nil
  if class.origin then origin, accepted = class.origin(socket) end
  if name == "open" then name = accepted and "handshake" or "connect" end
  local message = ("%s: %s: timed out"):format(origin, name)
  if name == "write" then return nil, message, "timeout", class.giveup(socket) end
  return nil, message, "timeout"
end

--- Waits a moment: what the step wants cannot be waited for, or is there and others go first.
local naps = { nap = 0.005, turn = 0.001 }
local function nap(here, want, left)
  local seconds = math.min(left or naps[want], naps[want])
  if here.sleep then return here.sleep(seconds) end
  poll(-1, "r", seconds)
end

-- A writer that waits to read, or the reverse, is in a handshake, which another coroutine may bring
-- to its end: no descriptor tells of that. So it looks again, the more rarely the longer a peer is
-- mute.
local SOON, LATE = 0.05, 1
local looks = setmetatable({}, { __mode = "k" }) -- socket -> seconds up to its next look

local function is_crossed(want, reads, writes)
  return want == "r" and not reads or want == "w" and not writes
end

local function until_look(socket, left)
  local seconds = looks[socket] or SOON
  looks[socket] = math.min(2 * seconds, LATE)
  return math.min(left or seconds, seconds)
end

--- pcall, where it can be yielded across: not in a coroutine of Lua 5.1. There a hold outlives what
-- is raised until its coroutine is back in a call, or dead.
local function protected(f, ...)
  if relay.call == pcall or not coroutine.running() then return pcall(f, ...) end
  return true, f(...)
end

--- Waits while other coroutines may run: the socket is held meanwhile. The host's `wait` is the one
-- function that sleeps, and may return early: the step is tried again. What it raises passes.
-- @return what the host has answered
local function held(here, class, socket, want, left, reads, writes)
  local ok, answer, message, code
  if class.hold then
    class.hold(socket, reads, writes)
    if reads then readers[socket] = running() end
    if writes then writers[socket] = running() end
    hosts[socket], numbers[socket] = here, class.fd(socket)
  end
  if want == "hello" then
    ok, message = protected(choose.answer, socket)
  elseif naps[want] then
    ok, message = protected(nap, here, want, left)
  else
    ok, answer, message, code = protected(here.wait, socket, want, left)
    if not ok then message = answer end
  end
  if class.hold then class.release(socket, reads, writes) end
  if not ok then
    if writes and class.giveup then class.giveup(socket) end -- the next write begins anew
    error(message, 0)
  end
  return answer, message, code
end

--- Waits once for a socket of a class.
-- @treturn[1] boolean true when the step is to be tried again
-- @treturn[2] nil, message, code when the deadline has passed, or it cannot wait
local function pause(class, name, socket, want, deadline, reads, writes)
  local here = current()
  local left, answer, message, code
  if deadline and want ~= "hello" then -- an answer is no wait
    left = deadline - now()
    if left <= 0 then return expired(class, socket, name) end
  end
  if here == plain and (want == "r" or want == "w") then -- nobody else runs meanwhile
    answer, message, code = plain.poll(class.fd(socket), want, left)
  else
    if is_crossed(want, reads, writes) then left = until_look(socket, left) end
    answer, message, code = held(here, class, socket, want, left, reads, writes)
  end
  if answer == plain.failed then
    if name == "write" then return nil, message, code, class.giveup(socket) end
    return nil, message, code
  end
  return true
end

--- The results of a failure: the count only where there is one.
local function failure(value, message, code, count)
  if count == nil then return value, message, code end
  return value, message, code, count
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
    if value == false then
      value, message, code, count = pause(class, name, socket, message, deadline, reads, writes)
      if not value then return failure(value, message, code, count) end
    elseif code ~= "busy" or not unstick(class, socket, reads, writes) then
      mourn(class, socket)
      return failure(value, message, code, count)
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
    local value, problem, why, count =
      pause(class, name, socket, message, deadline, reads, writes)
    if not value then return failure(value, problem, why, count) end
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
    mourn(class, self)
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
    mourn(class, self)
    return failure(value, message, code, count)
  end
end

--- Lets a to-be-closed variable close its socket as its method does: who waits for it wakes.
function loop.closable(methods, class)
  class.metatable.__close = function(self) methods.close(self) end
end

--- What event loops ask a socket for: `pollfd`, `events`, `timeout` (cqueues), `getfd`, `dirty`
-- (LuaSocket, copas).
-- @tparam table methods of the class, which are added to
-- @tparam table class
function loop.pollable(methods, class)
  methods.pollfd = class.fd
  methods.getfd = function(self) return class.fd(self) or -1 end
  methods.events = class.want and function(self) return class.want(self) or "r" end
    or function() return "r" end
  -- at once, where no descriptor would tell that a call need not wait: it is closed, or the last
  -- call has left something in the buffer
  methods.timeout = function(self)
    if not class.fd(self) then return 0 end
    if class.pending and class.pending(self) > 0 and not class.want(self) then return 0 end
  end
  methods.dirty = class.pending and function(self) return class.pending(self) > 0 end
    or function() return false end
end

return loop
