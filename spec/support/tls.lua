-- TLS messages by hand: what an attacker, or a client that nobody tested, would send.
local tls = {}

local char = string.char

local function number(n, bytes)
  local s = ""
  for _ = 1, bytes do
    s = char(n % 256) .. s
    n = math.floor(n / 256)
  end
  return s
end

--- A vector: its length in so many bytes, then the contents.
function tls.vector(bytes, contents) return number(#contents, bytes) .. contents end

--- A record of a type: 21 alert, 22 handshake, 23 data.
function tls.record(kind, contents) return char(kind, 3, 3) .. tls.vector(2, contents) end

function tls.alert(level, description) return tls.record(21, char(level, description)) end

function tls.extension(kind, contents) return number(kind, 2) .. tls.vector(2, contents) end

--- The extension server_name with any bytes for a name.
function tls.sni(name) return tls.extension(0, tls.vector(2, "\0" .. tls.vector(2, name))) end

function tls.alpn(...)
  local list = ""
  for _, name in ipairs { ... } do list = list .. tls.vector(1, name) end
  return tls.extension(16, tls.vector(2, list))
end

--- A ClientHello for TLS 1.2, without its record.
function tls.hello(extensions)
  local body = "\3\3" .. ("r"):rep(32) .. "\0" .. tls.vector(2, "\192\47\192\43")
    .. tls.vector(1, "\0") .. tls.vector(2, extensions
      .. tls.extension(10, tls.vector(2, "\0\29\0\23")) .. tls.extension(11, tls.vector(1, "\0"))
      .. tls.extension(13, tls.vector(2, "\4\1\4\3\8\4")))
  return "\1" .. tls.vector(3, body)
end

--- The next record of a stream: its bytes and its type, or nil.
function tls.read_record(stream)
  local header = stream:read(5)
  if not header then return nil end
  local _, _, _, high, low = header:byte(1, 5)
  local body = stream:read(high * 256 + low)
  return body and header .. body, header:byte(1)
end

return tls
