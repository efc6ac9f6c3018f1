--- Inside OpenResty, on descriptors of our own, without blocking the worker.
--
-- Where nginx.conf has `thread_pool urlsock threads=N;` a thread of that pool waits in poll(2), at
-- most a second at a time; else, and where the pool is not to be had, the light thread sleeps
-- between looks at the descriptor, 1 to 50 milliseconds.
local core = require "urlsock.core"

local ngx = ngx -- luacheck: ignore
local host = { blocking = false, pool = "urlsock" }

local may_sleep = {
  rewrite = true, access = true, content = true, timer = true, ssl_cert = true,
  ssl_session_fetch = true, ssl_client_hello = true, server_rewrite = true, preread = true,
}
local may_thread = { rewrite = true, access = true, content = true }

function host.running() return ngx and ngx.get_phase ~= nil end

local function phase_of()
  local phase = ngx.get_phase()
  if may_sleep[phase] or host.blocking then return phase end
  error(("urlsock: a call cannot wait in the phase '%s' of nginx; "
    .. 'urlsock.use("nginx", {blocking = true}) lets it block the worker'):format(phase), 0)
end

-- A pool has so many threads where nginx.conf does not say (thread_pool). Whoever had to queue for
-- one would miss its time, and what arrives: it sleeps instead.
local THREADS = 32
local queue = setmetatable({}, { __mode = "k" }) -- light threads

local function is_full()
  local n = 0
  for _ in pairs(queue) do n = n + 1 end
  return n >= THREADS
end

--- True when a thread has polled, false where there is none.
local function by_thread(fd, want, seconds)
  if not host.pool or not ngx.run_worker_thread or is_full() then return false end
  local this = coroutine.running() or host
  queue[this] = true
  local ok, problem = ngx.run_worker_thread(host.pool, "urlsock.core", "poll", fd, want,
    math.min(seconds or 1, 1))
  queue[this] = nil
  if not ok and problem then host.pool = nil end
  return ok
end

function host.wait(socket, want, seconds)
  local phase = phase_of()
  if not may_sleep[phase] then return core.poll(socket:fd(), want, seconds) end
  if may_thread[phase] and by_thread(socket:fd(), want, seconds) then return end
  local deadline, nap = seconds and core.now() + seconds, 0.001
  repeat
    local left = deadline and deadline - core.now() or nap
    if left <= 0 then return end
    ngx.sleep(math.max(math.min(nap, left), 0.001))
    nap = math.min(nap * 2, 0.05)
    local fd = socket:fd()
  until not fd or core.poll(fd, want, 0)
end

function host.sleep(seconds)
  if may_sleep[phase_of()] then return ngx.sleep(seconds) end
  core.select({}, {}, seconds)
end

--- Whoever waits finds out by itself.
function host.closing() end

return host
