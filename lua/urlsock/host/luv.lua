--- Inside a coroutine, over libuv's default loop. Outside of one a call blocks, as in plain Lua.
--
-- libuv allows one poll handle on a descriptor: a reader and a writer share it. In a handshake both
-- may wait for the same.
local relay = require "urlsock.relay"
local core = require "urlsock.core"
local uv = require "luv"

local host = {}
local handles = {} -- fd -> {poll =, r = {[wake] = true}, w = the same}

local function events(h) return (next(h.r) and "r" or "") .. (next(h.w) and "w" or "") end

--- Calls those of a set that are in it still when their turn comes: one may take another away.
local function wake_all(set)
  local all = {}
  for wake in pairs(set) do all[#all + 1] = wake end
  for _, wake in ipairs(all) do
    if set[wake] then wake() end
  end
end

local function watch(fd, h)
  local want = events(h)
  if want == "" then
    if handles[fd] == h then handles[fd] = nil end
    if not h.poll:is_closing() then h.poll:close() end
    return
  end
  h.poll:start(want, function(err, ready)
    ready = err and "rw" or ready
    local r, w = h.r, h.w
    if ready:find("r", 1, true) then wake_all(r) end
    if ready:find("w", 1, true) then wake_all(w) end
  end)
end

--- Goes on with a coroutine; what it raises is the loop's to report.
local function resume(thread)
  local ok, message = coroutine.resume(thread)
  if not ok then error(debug.traceback(thread, message), 0) end
end

-- A timer counts whole milliseconds; a wait may end early.
local LONGEST = 2147483647

--- Yields until one of the two happens: start is given what wakes.
local function pause(seconds, start, stop)
  local thread, timer = relay.outermost(coroutine.running()), nil
  local wake
  wake = function()
    if not thread then return end
    local t = thread
    thread = nil
    if timer then timer:close() end
    stop(wake)
    resume(t)
  end
  if seconds then
    timer = uv.new_timer()
    timer:start(math.ceil(math.min(seconds * 1000, LONGEST)), 0, wake)
  end
  start(wake)
  coroutine.yield()
end

local function is_main()
  local thread, main = coroutine.running()
  return thread == nil or main
end

function host.wait(socket, want, seconds)
  local fd = socket:fd()
  if is_main() then return core.poll(fd, want, seconds) end
  local h = handles[fd] or { poll = uv.new_poll(fd), r = {}, w = {} }
  handles[fd] = h
  pause(seconds, function(wake)
    h[want][wake] = true
    watch(fd, h)
  end, function(wake)
    h[want][wake] = nil
    watch(fd, h)
  end)
end

function host.sleep(seconds)
  if is_main() then return core.select({}, {}, seconds) end
  pause(seconds, function() end, function() end)
end

--- Whoever waits is woken by the loop, when the socket is closed already. The handle has nothing
-- more to watch: libuv aborts where a closing one is started again.
function host.closing(socket)
  local fd = socket:fd()
  local h = fd and handles[fd]
  if not h then return end
  local r, w = h.r, h.w
  handles[fd], h.r, h.w = nil, {}, {}
  h.poll:close()
  local timer = uv.new_timer()
  timer:start(0, 0, function()
    timer:close()
    wake_all(r)
    wake_all(w)
  end)
end

return host
