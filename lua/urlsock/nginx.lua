--- Streams on OpenResty's own sockets (cosockets): for nginx's TLS, its resolver and its pool.
--
-- The same methods and words as a stream of `urlsock.connect`, as far as cosockets go; what they
-- cannot do is refused with code `"unsupported"`, never ignored. Nothing is ever left in a
-- cosocket's buffer, so what came in the clear cannot pass for words of the authenticated peer.
-- @module urlsock.nginx

local core = require "urlsock.core"

local ngx = ngx -- luacheck: ignore
local nginx, stream = {}, {}
stream.__index = stream
stream.__name = "urlsock.nginx"

local BUFFER = 65536
local LIMIT = 1048576
local FOREVER = 2147483 -- seconds: what nginx counts to, in milliseconds

--- What nginx says, as a code of ours.
local codes = {
  timeout = "timeout", closed = "eof", ["connection refused"] = "refused",
  ["connection reset by peer"] = "reset", ["broken pipe"] = "reset",
  ["connection timed out"] = "timeout", ["network is unreachable"] = "unreachable",
  ["no route to host"] = "unreachable", ["host not found"] = "resolve",
  ["no resolver defined"] = "resolve", ["socket busy reading"] = "busy",
  ["socket busy writing"] = "busy", ["permission denied"] = "denied",
  ["no such file or directory"] = "unreachable",
}

local function code_of(problem, default)
  for words, code in pairs(codes) do
    if problem:lower():find(words, 1, true) then return code end
  end
  return default or "system"
end

local function fail(self, what, problem, code)
  return nil, ("%s: %s: %s"):format(self.url, what, problem), code
end

--- Ends a stream for good: every later call gives the same answer.
local function kill(self, what, problem, code)
  self.dead = { select(2, fail(self, what, problem, code)) }
  self.socket:close()
  return nil, self.dead[1], self.dead[2]
end

local function refuse(url, what)
  return nil, ("%s: %s: cosockets cannot do that"):format(url, what), "unsupported"
end

--- Gives the cosocket what is left of a deadline; false when that has passed.
local function arm(self, deadline)
  local left = math.min(deadline and deadline - core.now() or FOREVER, FOREVER)
  if left <= 0 then return false end
  self.socket:settimeout(math.max(math.ceil(left * 1000), 1))
  return true
end

local function deadline_of(self) return self.seconds and core.now() + self.seconds end

-- Options of TLS that sslhandshake can honour; the rest is nginx.conf's.
local tls_known = { servername = true, insecure_noverifycert = true, insecure_noverifyname = true }

--- How to shake hands: the name, and whether to verify; nil and the option in the way.
local function tls_plan(given, host)
  given = given or {}
  if type(given) ~= "table" then return nil, "tls: an object or a function" end
  for option in pairs(given) do
    if not tls_known[option] then return nil, "the option " .. tostring(option) end
  end
  local loose = given.insecure_noverifycert
  if (loose or false) ~= (given.insecure_noverifyname or false) then
    return nil, "insecure_noverifycert without insecure_noverifyname, or the reverse"
  end
  return { name = given.servername or host, verify = not loose }
end

local function shake_hands(self, plan, deadline)
  if plan.verify and not plan.name then
    return kill(self, "handshake", "there is no name to verify the server by: "
      .. "give the option servername", "verify")
  end
  if not arm(self, deadline) then return kill(self, "handshake", "timed out", "timeout") end
  local ok, problem = self.socket:sslhandshake(nil, plan.name, plan.verify)
  if ok then
    self.tls = true
    return self
  end
  local code = problem:find("certificate", 1, true) and "verify" or code_of(problem, "tls")
  if code == "eof" then code = "truncated" end
  return kill(self, "handshake", problem, code)
end

local known = { timeout = true, limit = true, tls = true, pool = true }

--- Connects by a cosocket.
-- @tparam string url `tcp`, `tls`, `ssl` or `unix`
-- @tparam[opt] number port where the URL has none
-- @tparam[opt] table given `timeout`, `limit`, `pool` (a name), `tls` = {`servername`,
-- `insecure_noverifycert` and `insecure_noverifyname` together}. Whom to trust is nginx.conf's
-- `lua_ssl_trusted_certificate`.
-- @treturn[1] stream
-- @treturn[2] nil
-- @treturn[2] string message
-- @treturn[2] string code
function nginx.connect(url, port, given)
  if type(port) == "table" then port, given = nil, port end
  local u, message, code = core.parse(url, port)
  if not u then return nil, message, code end
  local scheme = core.schemes[u.scheme]
  if scheme.kind ~= "stream" or scheme.version or u.zone then return refuse(u.url, u.scheme) end
  given = given or {}
  for option in pairs(given) do
    if not known[option] then return refuse(u.url, "the option " .. tostring(option)) end
  end
  local plan
  if scheme.tls then
    plan, message = tls_plan(given.tls, u.host)
    if not plan then return refuse(u.url, message) end
  elseif given.tls then
    return refuse(u.url, "tls without tls://")
  end
  local self = setmetatable({ url = u.url, host = u.host, socket = ngx.socket.tcp(), buffer = "",
    seconds = given.timeout or 60, limit = given.limit or LIMIT, read_bytes = 0, written = 0 },
    stream)
  local deadline = deadline_of(self)
  arm(self, deadline)
  local host = u.host and u.host:find(":", 1, true) and "[" .. u.host .. "]" or u.host
  local ok, problem
  if u.path then
    ok, problem = self.socket:connect("unix:" .. u.path, { pool = given.pool })
  else
    ok, problem = self.socket:connect(host, u.port, { pool = given.pool })
  end
  if not ok then return fail(self, "connect", problem, code_of(problem)) end
  if plan then return shake_hands(self, plan, deadline) end
  return self
end

--- Reads once into the buffer; nil, message, code where nothing came.
local function fill(self, deadline)
  if not arm(self, deadline) then return fail(self, "read", "timed out", "timeout") end
  local data, problem = self.socket:receiveany(BUFFER)
  if data then
    self.buffer = self.buffer .. data
    self.read_bytes = self.read_bytes + #data
    return true
  end
  if problem == "timeout" then return fail(self, "read", "timed out", "timeout") end
  local code = code_of(problem)
  self.ended = { problem, code }
  if code == "eof" and self.tls then
    self.ended = { "nginx does not tell a cut connection from a clean end", "truncated" }
  end
  return fail(self, "read", self.ended[1], self.ended[2])
end

--- The answer of a stream that cannot be read; else nothing.
local function unusable(self)
  if self.dead then return self.dead[1], self.dead[2] end
  if self.closed then return self.url .. ": the stream is closed", "closed" end
end

--- Fills until find(buffer) says where an item ends: item, bytes to take.
local function gather(self, find)
  local message, code = unusable(self)
  if message then return nil, message, code end
  local deadline = deadline_of(self)
  while true do
    local item, taken = find(self.buffer)
    if item then
      self.buffer = self.buffer:sub(taken + 1)
      return item
    end
    if taken == "limit" then
      return fail(self, "read", ("more than %d bytes"):format(self.limit), "limit")
    end
    if self.ended then
      if self.ended[2] == "eof" and #self.buffer > 0 then
        return fail(self, "read", "the stream ended inside an item", "truncated")
      end
      return fail(self, "read", self.ended[1], self.ended[2])
    end
    local ok
    ok, message, code = fill(self, deadline)
    if not ok and code == "timeout" then return nil, message, code end
  end
end

local function until_delimiter(self, delimiter, limit)
  return function(buffer)
    local from, to = buffer:find(delimiter, 1, true)
    if from and from - 1 <= limit then return buffer:sub(1, from - 1), to end
    if (from or #buffer) > limit then return nil, "limit" end
    return nil
  end, self
end

local function read_count(self, n)
  if n == 0 then return "" end
  return gather(self, function(buffer)
    if n < 0 and #buffer > 0 then
      local item = buffer:sub(1, -n)
      return item, #item
    end
    if n > 0 and #buffer >= n then return buffer:sub(1, n), n end
  end)
end

local function read_all(self)
  local message, code = unusable(self)
  if message then return nil, message, code end
  local deadline = deadline_of(self)
  while not self.ended do
    message, code = select(2, fill(self, deadline))
    if code == "timeout" then return nil, message, code end
  end
  if self.ended[2] ~= "eof" then return fail(self, "read", self.ended[1], self.ended[2]) end
  local all = self.buffer
  self.buffer = ""
  return all
end

--- As `stream:read`.
function stream:read(format)
  format = format or "l"
  if type(format) == "number" then return read_count(self, format) end
  format = format:gsub("^%*", "")
  if format == "a" then return read_all(self) end
  if format ~= "l" and format ~= "L" then
    error("bad argument #1 to 'read' (invalid format)", 2)
  end
  local line, message, code = gather(self, (until_delimiter(self, "\n", self.limit)))
  if not line then return nil, message, code end
  if format == "L" then return line .. "\n" end
  return (line:gsub("\r$", ""))
end

--- As `stream:readuntil`.
function stream:readuntil(delimiter, limit)
  return gather(self, (until_delimiter(self, delimiter, limit or self.limit)))
end

--- As `stream:peek`.
function stream:peek(n)
  return gather(self, function(buffer)
    if #buffer > 0 then return buffer:sub(1, n or -1), 0 end
  end)
end

--- As `stream:lines`.
function stream:lines(format)
  return function()
    local item, message, code = self:read(format)
    if item == nil and code ~= "eof" then error(message, 2) end
    return item
  end
end

--- As `stream:write`; a failure is final, since nginx does not tell how much was sent.
function stream:write(...)
  local message, code = unusable(self)
  if message then return nil, message, code, 0 end
  local values = { ... }
  for i = 1, select("#", ...) do
    if type(values[i]) ~= "string" and type(values[i]) ~= "number" then
      error(("bad argument #%d to 'write' (string expected, got %s)"):format(i, type(values[i])), 2)
    end
  end
  arm(self, deadline_of(self))
  local n, problem = self.socket:send(values)
  if n then
    self.written = self.written + n
    return self
  end
  return kill(self, "write", problem, code_of(problem))
end

--- Nothing is kept back.
function stream:flush() return self end

--- As `stream:starttls`, for a client: `servername` and the `insecure_` pair are the options.
function stream:starttls(given)
  local message, code = unusable(self)
  if message then return nil, message, code end
  if self.tls then return fail(self, "starttls", "the stream is under tls already", "tls") end
  local plan
  plan, message = tls_plan(given, self.host)
  if not plan then return kill(self, "starttls", message .. ": cosockets cannot do that",
    "unsupported") end
  if #self.buffer > 0 then
    return kill(self, "starttls", ("%d bytes of plaintext came before the handshake"):format(
      #self.buffer), "injected")
  end
  return shake_hands(self, plan, deadline_of(self))
end

--- Only what nginx tells.
function stream:info()
  local message, code = unusable(self)
  if message then return nil, message, code end
  return { url = self.url, scheme = self.url:match "^[^:]+", tls = self.tls or false,
    bytes_in = self.read_bytes, bytes_out = self.written }
end

function stream:settimeout(seconds)
  local is_number = type(seconds) == "number" and seconds >= 0 and seconds < math.huge
  if seconds ~= nil and not is_number then
    error("bad argument #1 to 'settimeout' (seconds or nil expected)", 2)
  end
  self.seconds = seconds
  return true
end

function stream:gettimeout() return self.seconds end

function stream:pending() return #self.buffer end

--- nginx does not tell them.
function stream.localname() end
function stream.peername() end

--- Hands the connection to nginx's pool: the stream is closed then.
-- @tparam[opt] number seconds it may idle there
-- @tparam[opt] number size of the pool
function stream:setkeepalive(seconds, size)
  local message, code = unusable(self)
  if message then return nil, message, code end
  if #self.buffer > 0 then return fail(self, "setkeepalive", "unread bytes", "unsupported") end
  local ok, problem = self.socket:setkeepalive(seconds and math.ceil(seconds * 1000), size)
  self.closed = true
  if not ok then return fail(self, "setkeepalive", problem, code_of(problem)) end
  return true
end

function stream:close()
  if not self.closed and not self.dead then self.socket:close() end
  self.closed = true
  return true
end

for _, method in ipairs {
  "stoptls", "shutdown", "peerchain", "binding", "getoption", "setoption", "detach", "fd",
  "handshake", "setvbuf",
} do
  stream[method] = function(self) return refuse(self.url, method) end
end

function stream:__tostring() return ("stream (nginx %s)"):format(self.url) end

return nginx
