-- A server in a process of its own: every client gets a coroutine, and a greeting after a while.
-- Prints its URL, then serves until its parent goes away.
--
--   lua spec/support/server.lua SECONDS-BEFORE-THE-GREETING
local urlsock = require "urlsock"

local delay = tonumber(arg[1])
local threads = {} -- coroutine -> {socket, want, due}

urlsock.use { wait = function(socket, want, seconds)
  coroutine.yield(socket, want, seconds and urlsock.now() + seconds)
end }

local function go_on(thread, ...)
  local ok, socket, want, due = coroutine.resume(thread, ...)
  if not ok then io.stderr:write(tostring(socket), "\n") end
  threads[thread] = coroutine.status(thread) ~= "dead" and { socket, want, due } or nil
end

--- Greets, upgrades, sends back 300 kB, then says nothing more.
local function serve(s)
  coroutine.yield(nil, nil, urlsock.now() + delay)
  s:settimeout(20)
  assert(s:write "220 ready\r\n")
  assert(s:read() == "STARTTLS")
  assert(s:write "220 go\r\n")
  assert(s:starttls { cert = "build/ca/server.pem", key = "build/ca/server.key" })
  local data = assert(s:read(300000))
  assert(s:write(data))
  s:read()
  s:close()
end

local l = assert(urlsock.listen "tcp://127.0.0.1:0")
l:settimeout(nil)
print(l:localname())
io.stdout:flush()

go_on(coroutine.create(function()
  while true do
    local s = assert(l:accept())
    go_on(coroutine.create(serve), s)
  end
end))

while next(threads) do
  local readers, writers, due = {}, {}, urlsock.now() + 60
  for _, t in pairs(threads) do
    if t[1] then table.insert(t[2] == "w" and writers or readers, t[1]) end
    if t[3] then due = math.min(due, t[3]) end
  end
  local core = require "urlsock.core"
  local r, w = core.select(readers, writers, math.max(due - urlsock.now(), 0))
  local ready = {}
  for _, s in ipairs(r) do ready[s] = true end
  for _, s in ipairs(w) do ready[s] = true end
  local now, run = urlsock.now(), {}
  for thread, t in pairs(threads) do
    if t[1] and ready[t[1]] or t[3] and t[3] <= now then run[#run + 1] = thread end
  end
  for _, thread in ipairs(run) do go_on(thread) end
end
