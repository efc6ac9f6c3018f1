-- TLS as bytes, for peers that speak it wrongly.
local bytes = {}

local char = string.char

local function u16(n) return char(math.floor(n / 256) % 256, n % 256) end
local function u24(n) return char(math.floor(n / 65536)) .. u16(n % 65536) end

bytes.u16 = u16

--- A record; version is two bytes, 3.3 by default, and length is what it claims.
function bytes.record(type, body, version, length)
  return char(type) .. (version or "\3\3") .. u16(length or #body) .. body
end

function bytes.alert(level, description, version)
  return bytes.record(21, char(level, description), version)
end

--- A handshake message in a record of its own.
function bytes.handshake(type, body, length)
  return bytes.record(22, char(type) .. u24(length or #body) .. body)
end

--- A ServerHello. Fields: version, random, session, cipher, compression, extensions.
function bytes.server_hello(f)
  f = f or {}
  local session, extensions = f.session or "", f.extensions or ""
  return bytes.handshake(2, (f.version or "\3\3") .. (f.random or ("r"):rep(32)) ..
    char(#session) .. session .. (f.cipher or "\192\47") .. (f.compression or "\0") ..
    u16(#extensions) .. extensions)
end

function bytes.extension(type, body) return u16(type) .. u16(#body) .. body end

--- A ClientHello with that server name and any further extension bytes, split as it pleases.
function bytes.client_hello(name, more)
  local extensions = bytes.extension(0, u16(#name + 3) .. "\0" .. u16(#name) .. name) ..
    bytes.extension(10, u16(4) .. "\0\29\0\23") .. bytes.extension(11, "\1\0") ..
    bytes.extension(13, u16(6) .. "\4\3\8\4\4\1") .. (more or "")
  local ciphers = "\192\43\192\47\192\44\192\48"
  return bytes.handshake(1, "\3\3" .. ("c"):rep(32) .. "\0" .. u16(#ciphers) .. ciphers ..
    "\1\0" .. u16(#extensions) .. extensions)
end

--- The session id of a ClientHello in a record, which a TLS 1.3 server has to echo.
function bytes.session_of(record)
  local n = record:byte(44)
  return record:sub(45, 44 + n)
end

bytes.retry_random = ("CF21AD74E59A6111BE1D8C021E65B891C2A211167ABB8C5E079E09E2C8A8339C")
  :gsub("%x%x", function(h) return char(tonumber(h, 16)) end)

return bytes
