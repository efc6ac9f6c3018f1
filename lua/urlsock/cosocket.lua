--- Sockets shaped like `ngx.socket.tcp`, for code that is written for OpenResty.
--
--     local cosocket = require "urlsock.cosocket"
--     local sock = cosocket.tcp()
--     sock:settimeout(1000)
--     assert(sock:connect("example.org", 443))
--     assert(sock:sslhandshake(nil, "example.org"))
--
-- `sslhandshake` verifies the server unless its third argument is `false`; where it is left out,
-- too. `cosocket.tls` has the TLS options of ours that it uses: `{ca = ...}`.
-- @module urlsock.cosocket

local base = require "urlsock.luasocket.base"
local bytes = require "urlsock.luasocket.bytes"
local pool = require "urlsock.cosocket.pool"
local up_to = require "urlsock.cosocket.until"
local urlsock = require "urlsock"
local words = require "urlsock.luasocket.words"

local cosocket = { tls = {} }
local tcp = {}
tcp.__index = tcp

local TIMEOUT, IDLE, POOL = 60, 60, 30 -- seconds, seconds, connections, as in nginx
local BUSY_READING, BUSY_WRITING = "socket busy reading", "socket busy writing"

local function word(message, code, how)
  if code == "busy" then return how == "write" and BUSY_WRITING or BUSY_READING end
  if code == "verify" or code == "tls" or code == "plaintext" or code == "injected" then
    return message
  end
  if code == "resolve" then return message:gsub("^.-resolve ", "") .. "" end
  return words.of(message, code)
end

local function drop(self)
  if self.socket then self.socket:close() end
  base.hold(self, nil)
end

--- A direction that failed is closed, but for a time-out of a read; and the socket with the second.
-- `which` is `"no_read"` or `"no_write"`.
local function failed(self, why, which)
  if why == BUSY_READING or why == BUSY_WRITING or which == "no_read" and why == "timeout" then
    return
  end
  self[which] = true
  if self.no_read and self.no_write then drop(self) end
end

local function readable(self) return self.socket ~= nil and not self.no_read end
local function writable(self) return self.socket ~= nil and not self.no_write end

local function seconds(ms, where)
  if ms == nil then return TIMEOUT end
  if type(ms) ~= "number" or ms < 0 or ms ~= ms or ms == math.huge then
    error(("bad argument to '%s' (milliseconds expected)"):format(where), 3)
  end
  return ms / 1000
end

--- Milliseconds for connecting, for sending and for reading.
function tcp:settimeouts(connect, send, read)
  self.connecting = seconds(connect, "settimeouts")
  self.sending = seconds(send, "settimeouts")
  self.reading = seconds(read, "settimeouts")
end

function tcp:settimeout(ms) self:settimeouts(ms, ms, ms) end

--- The URL that the arguments of connect mean, the default name of the pool, and the options.
local function target(host, port, given)
  if type(host) ~= "string" then
    error(("bad argument #1 to 'connect' (string expected, got %s)"):format(type(host)), 3)
  end
  local path = host:match "^unix:(.*)"
  if path then
    local u, message, code = urlsock.parse("unix://" .. path)
    return u and u.url, u and host or word(message, code), type(port) == "table" and port or {}
  end
  if tonumber(port) == nil then
    error(("bad argument #2 to 'connect' (number expected, got %s)"):format(type(port)), 3)
  end
  local url, why = base.url("tcp", host, port)
  return url, why or host .. ":" .. port, given or {}
end

--- Connects, or takes a connection from the pool: `connect(host, port [, options])`, or
-- `connect("unix:path" [, options])`; options are `pool` (a name) and `pool_size`.
-- @treturn[1] number 1
-- @treturn[2] nil, word
function tcp:connect(host, port, given)
  local url, name, o = target(host, port, given)
  drop(self)
  self.no_read, self.no_write = nil, nil
  if not url then return nil, name end
  self.pool, self.pool_size, self.secured, self.reused = o.pool or name, o.pool_size, nil, 0
  self.host = host:match "^unix:" == nil and host or nil
  local entry = pool.take(self.pool)
  if entry then
    self.secured, self.reused = entry.secured, entry.reused + 1
    base.hold(self, entry.socket)
    return 1
  end
  local socket, message, code = urlsock.connect(url, { timeout = self.connecting })
  if not socket then return nil, word(message, code) end
  base.hold(self, socket)
  return 1
end

--- The TLS options of a handshake, and what it will have verified.
local function tls_options(self, name, verify)
  local o = {}
  for key, value in pairs(cosocket.tls) do o[key] = value end
  o.servername = name or o.servername or self.host
  if verify == false then
    o.insecure_noverifycert, o.insecure_noverifyname, o.insecure_noverifytime = true, true, true
    return o, "nobody"
  end
  return o, o.servername
end

--- Shakes hands as a client: `sslhandshake([session [, name [, verify]]])`. A connection from the
-- pool has done so already; for another name, or verified where that one was not, it is refused.
-- @treturn[1] boolean true
-- @treturn[2] nil, word
function tcp:sslhandshake(_, name, verify)
  if not readable(self) or not writable(self) then return nil, "closed" end
  local o, secured = tls_options(self, name, verify)
  if not secured then return nil, "no name to verify the server by" end
  if self.secured then
    if self.secured == secured then return true end
    drop(self)
    return nil, ("this connection was verified for %s: name a pool of its own in connect")
      :format(self.secured)
  end
  self.socket:settimeout(self.connecting)
  local ok, message, code = self.socket:starttls(o)
  if not ok then
    drop(self)
    return nil, word(message, code)
  end
  self.secured = secured
  return true
end

--- Strings and numbers, also in nested lists, as one string.
local function flat(data, parts)
  if type(data) == "table" then
    for i = 1, #data do flat(data[i], parts) end
  elseif type(data) == "string" or type(data) == "number" then
    parts[#parts + 1] = data
  elseif data == nil or type(data) == "boolean" then
    parts[#parts + 1] = tostring(data)
  else
    error(("bad argument #1 to 'send' (string, number, boolean, nil or array table expected, got "
      .. "%s)"):format(type(data)), 3)
  end
  return parts
end

--- Sends all of it; a failure closes the connection.
-- @treturn[1] number bytes
-- @treturn[2] nil, word
function tcp:send(data)
  local text = table.concat(flat(data, {}))
  if not writable(self) then return nil, "closed" end
  self.block = self.sending
  local sent, why = bytes.send(self, text)
  if sent then return sent end
  failed(self, why, "no_write")
  return nil, why
end

--- Reads with the time-out of reads; what came with a failure is its third result.
local function reading(self, ...)
  if not readable(self) then return nil, "closed" end
  self.block = self.reading
  local item, why, partial = bytes.receive(self, ...)
  if item then return item end
  failed(self, why, "no_read")
  return nil, why, partial
end

--- Everything up to the end that the peer announced, which is no failure, also where nothing came.
local function everything(self)
  if not readable(self) then return nil, "closed" end
  local parts = {}
  self.socket:settimeout(self.reading)
  while true do
    local data, message, code = self.socket:read(-65536)
    if not data then
      if code == "eof" then return table.concat(parts) end
      local why = word(message, code, "read")
      failed(self, why, "no_read")
      return nil, why, table.concat(parts)
    end
    parts[#parts + 1] = data
  end
end

--- A line without its end (`"*l"`, default), everything (`"*a"`), or exactly n bytes.
-- @treturn[1] string
-- @treturn[2] nil, word, partial
function tcp:receive(pattern)
  local n = tonumber(pattern)
  if n and (n < 0 or n % 1 ~= 0) or not n and pattern ~= nil and pattern ~= "*l"
    and pattern ~= "*a" then
    error("bad argument #1 to 'receive' (bad pattern argument: " .. tostring(pattern) .. ")", 2)
  end
  if n == 0 and readable(self) then return "" end
  if pattern == "*a" then return everything(self) end
  return reading(self, pattern)
end

--- What is there first, at most max bytes.
-- @treturn[1] string
-- @treturn[2] nil, word, partial
function tcp:receiveany(max)
  if type(max) ~= "number" or max < 1 then
    error("bad argument #1 to 'receiveany' (bad max argument)", 2)
  end
  if not readable(self) then return nil, "closed" end
  self.socket:settimeout(self.reading)
  local data, message, code = self.socket:read(-math.floor(max))
  if data then return data end
  local why = word(message, code, "read")
  failed(self, why, "no_read")
  return nil, why, ""
end

--- An iterator over what is before a pattern; see `urlsock.cosocket.until`.
-- @tparam string pattern any bytes
-- @tparam[opt] table given `{inclusive = true}`
function tcp:receiveuntil(pattern, given)
  if type(pattern) ~= "string" then
    error(("bad argument #1 to 'receiveuntil' (string expected, got %s)"):format(type(pattern)), 2)
  end
  if pattern == "" then return nil, "pattern is empty" end
  local function take(how, n)
    self.socket:settimeout(self.reading)
    local data, message, code = self.socket[how](self.socket, n)
    if data then return data end
    local why = word(message, code, "read")
    failed(self, why, "no_read")
    return nil, why
  end
  local following = up_to(take, pattern, given and given.inclusive)
  return function(size)
    if not readable(self) then return nil, "closed" end
    return following(size)
  end
end

local options = {
  keepalive = "keepalive", reuseaddr = "reuseaddr", ["tcp-nodelay"] = "nodelay",
  sndbuf = "sendbuffer", rcvbuf = "recvbuffer",
}

--- `keepalive`, `reuseaddr`, `tcp-nodelay` (booleans or 0 and 1), `sndbuf`, `rcvbuf`.
function tcp:setoption(name, value)
  if not self.socket then return nil, "closed" end
  local option = options[name]
  if not option then return nil, "unsupported option: " .. tostring(name) end
  if not option:find "buffer$" then value = value ~= false and value ~= 0 and value ~= nil end
  local ok, message, code = self.socket:setoption(option, value)
  if not ok then return nil, word(message, code) end
  return true
end

--- Puts the connection into its pool: `setkeepalive([milliseconds [, size]])`. Closes the object.
-- @treturn[1] number 1
-- @treturn[2] nil, word
function tcp:setkeepalive(ms, size)
  local s = self.socket
  if not readable(self) or not writable(self) then return nil, "closed" end
  local idle = ms == nil and IDLE or seconds(ms, "setkeepalive")
  if s:pending() > 0 then return nil, "unread data in buffer" end
  local ready = urlsock.select({ s }, nil, 0)
  if not ready or #ready > 0 then
    self:close()
    return nil, "connection in dubious state"
  end
  base.hold(self, nil)
  pool.put(self.pool, { socket = s, reused = self.reused, secured = self.secured },
    idle > 0 and idle or nil, size or self.pool_size or POOL)
  return 1
end

--- How often the connection came from the pool.
function tcp:getreusedtimes()
  if not self.socket then return nil, "closed" end
  return self.reused
end

function tcp:close()
  if not self.socket then return nil, "closed" end
  drop(self)
  return 1
end

--- A socket that is to be connected.
function cosocket.tcp()
  local self = setmetatable({ block = TIMEOUT, total = -1, received = 0, sent = 0, word = word,
    reused = 0 }, tcp)
  self:settimeout(nil)
  return self
end

cosocket.stream = cosocket.tcp

--- A socket that is connected.
function cosocket.connect(...)
  local self = cosocket.tcp()
  local ok, why = self:connect(...)
  if ok then return self end
  return nil, why
end

return cosocket
