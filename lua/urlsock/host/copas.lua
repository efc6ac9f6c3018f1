--- Inside a coroutine of copas, of any version.
--
-- copas tries again before it reports, so the probe that it is given really polls; what old ones do
-- not know, time, comes from a descriptor (Linux).
local copas = require "copas"
local core = require "urlsock.core"

local alarm = core.alarm
local host = {}
local waits = {} -- fd -> {[probe] = true}

local function in_coroutine()
  local thread, main = coroutine.running()
  return thread ~= nil and not main
end

--- Old ones do not tell whether they run: any coroutine is taken for one of theirs. New ones tell
-- of `copas.loop`, and not of a loop around `copas.step`: there the host has to be said.
function host.running()
  return copas.running ~= false and in_coroutine()
end

--- Waits, outside of a coroutine by blocking. What copas waits for is a "socket" whose receive only
-- tells that something has happened.
local function wait_for(fd, want, seconds)
  if not in_coroutine() then return core.poll(fd or -1, want, seconds) end
  local probe = { alarm = alarm.new(fd, want, seconds) }
  local polled = probe.alarm and alarm.fd(probe.alarm) or fd
  function probe.getfd() return polled end
  function probe.dirty() return false end
  function probe.close() end
  function probe.settimeout() end
  function probe.receive()
    if core.poll(polled, probe.alarm and "r" or want, 0) then return "" end
    return nil, "timeout", ""
  end
  if fd then
    waits[fd] = waits[fd] or {}
    waits[fd][probe] = true
  end
  copas.receive(probe, 1)
  if fd then
    waits[fd][probe] = nil
    if not next(waits[fd]) then waits[fd] = nil end
  end
  if probe.alarm then alarm.close(probe.alarm) end
end

function host.wait(socket, want, seconds) wait_for(socket:fd(), want, seconds) end

function host.sleep(seconds) wait_for(nil, "r", seconds) end

function host.closing(socket)
  for probe in pairs(waits[socket:fd()] or {}) do
    if probe.alarm then alarm.ring(probe.alarm) end
  end
end

return host
