-- Hostile peers: what the specs of misbehaving servers and clients share. A peer is a function over
-- a plain stream; it and the call under test take turns as coroutines of one process.
local core = require "urlsock.core"
local support = require "spec.support.init"
local urlsock = require "urlsock"

local hostile = { secret = "the secret words" }

local live, heard

--- Remembers a socket, so that the end of the talk closes it.
local function keep(socket)
  live[#live + 1] = socket
  return socket
end
hostile.keep = keep

--- Runs the peers beside the call under test, until that has answered.
-- @treturn table the call's results, n of them
-- @treturn number the seconds that it took
function hostile.run(call, peers)
  local threads = { coroutine.create(call) }
  for i, peer in ipairs(peers) do threads[i + 1] = coroutine.create(peer) end
  urlsock.use { wait = function() coroutine.yield() end }
  local start, results, problem = urlsock.now(), nil, nil
  while not results and not problem do
    for i, thread in ipairs(threads) do
      if coroutine.status(thread) ~= "dead" then
        local r = { coroutine.resume(thread) }
        if not r[1] then problem = problem or r[2] end
        if i == 1 and coroutine.status(thread) == "dead" then
          results = { r[2], r[3], r[4], r[5] }
        end
      end
    end
    urlsock.select({}, {}, 0.0005)
    if urlsock.now() - start > 20 then problem = "the call does not come back" end
  end
  urlsock.use "plain"
  return results, urlsock.now() - start, problem
end

--- One talk: begins with make(), which answers a call and its peers, and leaves no socket behind.
-- @treturn table the call's results
-- @treturn number seconds
-- @treturn string all that the peers noted with `hostile.hear`
function hostile.talk(make)
  live, heard = {}, {}
  local results, seconds, problem = hostile.run(make())
  for _, socket in ipairs(live) do socket:close() end
  if problem then error(problem, 0) end
  return results, seconds, table.concat(heard)
end

--- Notes what a peer received.
function hostile.hear(data)
  if data then heard[#heard + 1] = data end
  return data
end

--- Lets time pass.
function hostile.pause(seconds)
  local deadline = urlsock.now() + seconds
  while urlsock.now() < deadline do coroutine.yield() end
end

--- What the other side sends, without an end: until it goes away.
function hostile.listen_on(s)
  while hostile.hear(s:read(-65536)) do end
end

--- A listener whose first client meets the behaviour; a URL and the function to run.
function hostile.server(behaviour, scheme)
  local l = keep(assert(urlsock.listen((scheme or "tcp") .. "://127.0.0.1:0")))
  return l:localname(), function()
    local s = l:accept()
    if not s then return end
    keep(s)
    behaviour(s)
  end
end

-- The bare descriptor closed as it is: a listener does that and nothing else. What has come is read
-- before, or the end would be a reset.
local function let_go(s)
  s:settimeout(0)
  support.gather(s)
  core.stream.release(s, true, true) -- a relay may wait in a read
  local fd = assert(s:detach())
  core.listener.adopt(fd, "tcp"):close()
end

--- Closes with a reset, whatever was sent and received.
function hostile.reset(s)
  assert(s:setoption("linger", 0))
  let_go(s)
end

--- Closes with FIN and no other word.
function hostile.drop(s) let_go(s) end

--- Sends a byte at a time.
function hostile.trickle(s, data, gap)
  for i = 1, #data do
    if not s:write(data:sub(i, i)) then return end
    hostile.pause(gap or 0.05)
  end
end

--- Sends the same again and again until the peer is gone.
function hostile.flood(s, data)
  local big = data:rep(math.ceil(16384 / #data))
  while s:write(big) do coroutine.yield() end
end

-- Takes whole TLS records from the front of what has gathered.
local function records(s, each)
  local gathered = ""
  while true do
    local more = s:read(-65536)
    if not more then return end
    gathered = gathered .. more
    while #gathered >= 5 do
      local length = gathered:byte(4) * 256 + gathered:byte(5)
      if #gathered < 5 + length then break end
      local record = gathered:sub(1, 5 + length)
      gathered = gathered:sub(6 + length)
      if each(record) == "stop" then return end
    end
  end
end

--- A relay to a TLS server: passes whole records on, each by way of tamper(record, n, left, right),
-- which answers what goes to the client: a string, nil for nothing, or false to end the relay.
-- @tparam string target URL of the server, tcp
-- @tparam function tamper for what the server sends
-- @tparam[opt] function back the same for what the client sends
-- @treturn string URL
-- @treturn table functions to run
function hostile.relay(target, tamper, back)
  local left, right
  local url, meet = hostile.server(function(s)
    left = s
    right = keep(assert(urlsock.connect(target)))
    local n = 0
    records(left, function(record)
      n = n + 1
      hostile.hear(record)
      local out = record
      if back then out = back(record, n, left, right) end
      if out == false then return "stop" end
      if out and not right:write(out) then return "stop" end
    end)
  end)
  local function down()
    while not right do coroutine.yield() end
    local n = 0
    records(right, function(record)
      n = n + 1
      local out = tamper(record, n, left, right)
      if out == false then return "stop" end
      if out and not left:write(out) then return "stop" end
    end)
  end
  return url, { meet, down }
end

--- A TLS server of the library itself: what it does after the handshake is said.
function hostile.tls_server(options, behaviour)
  local l = keep(assert(urlsock.listen("tls://127.0.0.1:0", { tls = options })))
  return (l:localname():gsub("^tls", "tcp")), function()
    local s = l:accept()
    if not s then return end
    keep(s)
    if s:handshake() then behaviour(s) end
  end
end

--- Certificate and key as TLS options.
function hostile.identity(name, more)
  return support.with({ cert = support.cert(name .. ".pem"), key = support.cert(name .. ".key") },
    more or {})
end

--- Descriptors that this process has open: as many as expected, or more after two seconds. (Where
-- a peer has not read all, a thread stays with the descriptor until the peer goes away.)
function hostile.descriptors(expected)
  local deadline = urlsock.now() + 2
  repeat
    collectgarbage()
    collectgarbage()
    local n = support.descriptors()
    if not expected or n <= expected or urlsock.now() > deadline then return n end
    urlsock.select({}, {}, 0.02)
  until false
end

--- A number from /proc/self/status, in KiB.
function hostile.memory(field)
  local file = assert(io.open "/proc/self/status")
  local status = file:read "*a"
  file:close()
  return tonumber(status:match(field .. ":%s*(%d+)"))
end

return hostile
