--- Joins standard input and output to a socket, both directions at once: two coroutines, and a loop
-- that waits for all that they wait for.
-- @module urlsock.cli.relay

local core = require "urlsock.core"
local urlsock = require "urlsock"

local stdio = core.stdio
local INPUT, OUTPUT = 0, 1

--- Runs a step of stdio; waits in the loop below.
local function finish(step, fd, ...)
  while true do
    local value, message, code = step(fd, ...)
    if value ~= false then return value, message, code end
    coroutine.yield(fd, message)
  end
end

--- Writes all of it.
local function write_all(data)
  local from = 1
  while from <= #data do
    local n, message, code = finish(stdio.write, OUTPUT, data, from)
    if not n then return nil, "standard output: " .. message, code end
    from = from + n
  end
  return true
end

--- From standard input to the peer, until the end of the input.
local function up(peer, state)
  while not state.input_ended do
    local data, message, code = finish(stdio.read, INPUT)
    if not data then
      state.input_ended = true
      if code == "eof" then break end
      state.broken = true
      return nil, "standard input: " .. message, code
    end
    local ok
    ok, message, code = peer.write(data)
    if not ok then return nil, message, code end
    state.moved = true
  end
  return peer.finish()
end

--- From the peer to standard output, until the peer's end.
local function down(peer, state)
  while true do
    local data, message, code = peer.read()
    if not data then
      if code == "eof" then return true end
      return nil, message, code
    end
    local ok
    ok, message, code = write_all(data)
    if not ok then return nil, message, code end
    state.moved = true
  end
end

--- Resumes a direction; notes its end, or what it waits for.
local function step(direction, waits)
  local ok, a, b, c = coroutine.resume(direction.thread)
  if not ok then error(a, 0) end
  if coroutine.status(direction.thread) == "dead" then
    direction.done, direction.ok, direction.message, direction.code = true, a, b, c
  else
    waits[#waits + 1], waits[#waits + 2] = a, b
  end
end

--- Is it over? After the peer's end ours may have more to say, for the peer may have ended its own
-- direction only; but a person at a terminal has not.
local function is_over(going_up, going_down, state)
  if state.broken or (going_down.done and not going_down.ok) then return true end
  return going_down.done and (going_up.done or state.keep or stdio.terminal(INPUT))
end

local function run(peer, state, silence)
  local going_up = { thread = coroutine.create(function() return up(peer, state) end) }
  local going_down = { thread = coroutine.create(function() return down(peer, state) end) }
  local deadline
  while true do
    local waits = {}
    state.moved = false
    if not going_up.done then step(going_up, waits) end
    if not going_down.done then step(going_down, waits) end
    if is_over(going_up, going_down, state) then break end
    local seconds = silence or (going_up.done and peer.patience)
    if state.moved or not deadline then deadline = seconds and urlsock.now() + seconds end
    local left = deadline and deadline - urlsock.now()
    if left and left <= 0 then
      if peer.endless then break end -- datagrams have no end but this
      return nil, ("%s: %g seconds of silence"):format(peer.name, silence), "timeout"
    end
    assert(stdio.wait(waits, state.moved and 0 or left))
  end
  for _, direction in ipairs { going_down, going_up } do
    if direction.done and not direction.ok then return nil, direction.message, direction.code end
  end
  return true
end

--- A stream as a peer.
local function stream_peer(s, o)
  s:settimeout(nil)
  return {
    name = s:info().url,
    read = function() return s:read(-16384) end,
    write = function(data) return s:write(data) end,
    finish = function()
      if o.no_shutdown then return true end
      return s:shutdown()
    end,
  }
end

--- A datagram socket as a peer: what is read at once is a datagram. A bound one has a peer as soon
-- as somebody has sent something: the first one, or with keep the last.
local function datagram_peer(d, o)
  local sender
  d:settimeout(nil)
  return {
    name = d:localname() or "datagram",
    endless = true,
    patience = not o.bound and 2 or nil,
    read = function()
      while true do
        local data, url, code = d:receivefrom()
        if not data then return nil, url, code end
        if not o.bound or o.keep or not sender or sender == url then
          sender = url or sender
          if data ~= "" then return data end
        end
      end
    end,
    write = function(data)
      if not o.bound then return d:send(data) end
      while not sender do coroutine.yield(d:fd(), "r") end
      return d:sendto(data, sender)
    end,
    finish = function() return true end,
  }
end

--- Joins them until both directions have ended.
-- @tparam stream|datagram socket
-- @tparam table o `silence` (seconds, of both directions, after which it is a time-out),
-- `no_shutdown`, `bound` (a datagram socket without a peer of its own), `keep`
-- @tparam table state lives as long as standard input: `input_ended`
-- @treturn[1] boolean true
-- @treturn[2] nil, message, code
return function(socket, o, state)
  local peer = (urlsock.type(socket) == "datagram" and datagram_peer or stream_peer)(socket, o)
  state.keep = o.keep
  urlsock.use { wait = function(s, want) coroutine.yield(s:fd(), want) end }
  local ok, result, message, code = pcall(run, peer, state, o.silence)
  urlsock.use "plain"
  if not ok then error(result, 0) end
  return result, message, code
end
